using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;
using static Orchestrator.Plant.Tests.Engine.Engines;

namespace Orchestrator.Plant.Tests.Engine;

/// <summary>What the loop asks, when, and what it concludes.</summary>
public class LoopTests
{
    [Theory]
    [InlineData(EngineVersion.Qemu100)]
    [InlineData(EngineVersion.Qemu101)]
    public void NothingLeftAgainstAThresholdOfNothing_Below11_SwitchesOverOnTheEstimate(EngineVersion version)
    {
        // All is sent before the first window ends: no bandwidth yet, so no threshold.
        var engine = new SimulatedEngine(Tiny(version), Limit(1));

        engine.To(1);

        Assert.Equal(EngineStatus.Completed, engine.Status);
        Assert.Equal(2, engine.Passes);
        Assert.True(engine.Outage.Total > TimeSpan.FromMilliseconds(21.5), $"{engine.Outage.Total} is not over the limit");
    }

    [Theory]
    [InlineData(EngineVersion.Qemu110)]
    [InlineData(EngineVersion.Qemu111)]
    public void NothingLeftAgainstAThresholdOfNothing_From11_AsksForAnExactCount(EngineVersion version)
    {
        var engine = new SimulatedEngine(Tiny(version), Limit(1));

        engine.To(1);

        Assert.Equal(EngineStatus.Active, engine.Status);
        Assert.True(engine.Passes > 2);
    }

    [Fact]
    public void BetweenSyncs_WhatTheGuestWritesIsNotInTheAmount()
    {
        var engine = new SimulatedEngine(Migration().Over(50e6).Writing(80e6), Limit(10));

        var before = engine.To(2).View();
        var after = engine.To(3).View();

        Assert.Equal(before.Passes, after.Passes);
        Assert.Equal(50e6, before.RamRemaining - after.RamRemaining, 1e6);
    }

    [Fact]
    public void StopCopy_Before11_1_IsInTheExactCountAlone()
    {
        // RAM is idle and sent; 50 MB that go only when stopped are above the threshold, which every turn finds out anew.
        var migration = Migration().With(new SimulatedDevice { Name = "gpu", StopCopy = 50_000_000 });
        var engine = new SimulatedEngine(migration, Limit(20));

        engine.To(5);

        Assert.Equal(EngineStatus.Active, engine.Status);
        Assert.Null(engine.View().Remaining);
        Assert.Equal(0, engine.View().RamRemaining);
        Assert.True(engine.Passes > 100, $"{engine.Passes} passes");
    }

    [Fact]
    public void StopCopy_From11_1_IsInRemaining()
    {
        var migration = Migration(EngineVersion.Qemu111).With(new SimulatedDevice { Name = "gpu", StopCopy = 50_000_000 });
        var engine = new SimulatedEngine(migration, Limit(20));

        Assert.Equal(50_000_000UL, engine.To(5).View().Remaining);
    }

    [Fact]
    public void Bandwidth_IsOfTheLastWindowOf100Milliseconds()
    {
        var halves = new PaceChange(TimeSpan.FromSeconds(1), null, null, 0.5);
        var engine = new SimulatedEngine(Migration().Over(80e6, halves).Writing(500e6), Limit(1));

        Assert.Equal(80e6, engine.To(1.09).View().Bandwidth, 1e5);
        Assert.Equal(40e6, engine.To(1.15).View().Bandwidth, 1e5);
    }

    [Fact]
    public void DowntimeLimit_CountsFromTheNextWindow()
    {
        var engine = new SimulatedEngine(Migration().Over(80e6).Writing(500e6), Limit(1));
        engine.To(1.01).SetDowntimeLimit(TimeSpan.FromSeconds(1000));

        Assert.Equal(EngineStatus.Active, engine.To(1.09).Status);
        Assert.NotEqual(EngineStatus.Active, engine.To(1.16).Status);
    }

    [Fact]
    public void ToldBandwidth_WithACap_TheLineCountsForTheThreshold()
    {
        // 10 MB/s of a line of 1 GB/s: what 100 ms of the line carry, the cap takes for ten seconds.
        var setup = Limit(100) with { MaxBandwidth = 10_000_000 };
        var migration = Migration().Writing(30e6, 60 * Mebibyte);
        var untold = new SimulatedEngine(migration, setup).To(60);
        var told = new SimulatedEngine(migration, setup with { SwitchOverBandwidth = 1_000_000_000 }).To(60);
        var old = migration with { Engine = migration.Engine with { Version = EngineVersion.Qemu72 } };
        var unheard = new SimulatedEngine(old, setup with { SwitchOverBandwidth = 1_000_000_000 }).To(60);

        Assert.Equal(EngineStatus.Active, untold.Status);
        Assert.Equal(EngineStatus.Completed, told.Status);
        Assert.True(told.Outage.Total <= TimeSpan.FromMilliseconds(120), $"{told.Outage.Total}");
        Assert.Equal(EngineStatus.Active, unheard.Status);
    }

    [Fact]
    public void DirtyRate_IsOfPeriodsLongerThanASecond()
    {
        var engine = new SimulatedEngine(Migration().Over(100e6).Writing(20e6), Limit(1));

        // The first pass of 2.1 s is the first period; the second pass is shorter than a second and ends none.
        Assert.Equal(0, engine.To(2).View().DirtyRate);
        var first = engine.To(2.3).View();
        Assert.Equal(17e6, first.DirtyRate, 3e6);
        Assert.Equal(first.DirtyRate, engine.To(2.9).View().DirtyRate);
    }

    [Theory]
    [InlineData(EngineVersion.Qemu82, 1)]
    [InlineData(EngineVersion.Qemu100, 4)]
    public void ThrottleTimer_From9_2_SyncsEvery5SecondsOfALongPass(EngineVersion version, int passes)
    {
        // A second pass of 20 s and more under a throttle that is on already.
        var migration = Migration(version).Over(5e6).Writing(100e6);
        var engine = new SimulatedEngine(migration, Limit(1) with { AutoConverge = true, Throttle = new ThrottleKnobs(1, 1, 1, 1) });
        var before = 0;
        while (engine.View().ThrottlePercent == 0 && engine.Now < TimeSpan.FromMinutes(5))
        {
            before = engine.To(engine.Now.TotalSeconds + 0.1).Passes;
        }

        Assert.InRange(engine.To(engine.Now.TotalSeconds + 19).Passes - before, passes - 1, passes + 1);
    }

    [Fact]
    public void SameMigration_SameRunToTheByte()
    {
        var migration = Migration().Writing(400e6) with { Link = new LinkDescription { BytesPerSecond = 300e6, Jitter = 0.5 } };

        Assert.Equal(
            Views(new SimulatedEngine(migration, Limit(10))),
            Views(new SimulatedEngine(migration, Limit(10))));

        static List<EngineView> Views(SimulatedEngine engine) => [.. Enumerable.Range(1, 50).Select(tenth => engine.To(tenth / 10.0).View())];
    }

    [Fact]
    public void LooksInBetween_ChangeNothing()
    {
        var migration = Migration().Writing(60e6).Over(100e6);
        var looked = new SimulatedEngine(migration, Limit(30));
        for (var tick = 1; tick <= 3000 && !looked.HasEnded; tick++)
        {
            looked.To(tick / 100.0);
        }

        var left = new SimulatedEngine(migration, Limit(30)).To(30);
        Assert.Equal(left.Passes, looked.Passes);
        Assert.Equal(left.Transferred, looked.Transferred, 0.02 * left.Transferred);
        Assert.Equal(left.Status, looked.Status);
    }

    private static MigrationDescription Tiny(EngineVersion version) =>
        Migration(version).Over(10e9).Writing(8e9, 32 * Mebibyte) with
        {
            Guest = new GuestDescription
            {
                Memory = 64 * Mebibyte,
                HotSets = [new HotSet("hot", 32 * Mebibyte, 8e9, Sequential: false, CpuShare: 1, [])],
            },
        };
}
