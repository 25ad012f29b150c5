using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;
using static Orchestrator.Plant.Tests.Engine.Engines;

namespace Orchestrator.Plant.Tests.Engine;

/// <summary>VFIO devices beside RAM: their turn, their acknowledgement, and what they cost when the guest is stopped.</summary>
public class DeviceTests
{
    private static readonly SimulatedDevice s_handful = new() { Name = "gpu", Initial = 24, StopCopy = 72 };

    [Theory]
    [InlineData(EngineVersion.Qemu100)]
    [InlineData(EngineVersion.Qemu111)]
    public void UnderACap_BusyRamLeavesTheDeviceNoTurn(EngineVersion version)
    {
        // The limit is wide enough that RAM is synced again before it has run dry.
        var migration = Migration(version).Writing(300e6).With(s_handful);
        var capped = new SimulatedEngine(migration, Limit(300) with { MaxBandwidth = 24 * Mebibyte });
        var free = new SimulatedEngine(migration.Over(100e6), Limit(300));

        Assert.Equal(0, capped.To(19).View().VfioTransferred);
        Assert.Equal(24, free.To(1).View().VfioTransferred);
    }

    [Theory]
    [InlineData(EngineVersion.Qemu82, 0)]
    [InlineData(EngineVersion.Qemu92, 20 << 20)]
    public void BusyRam_Until8_2_BlocksTheDeviceForEver(EngineVersion version, long initial)
    {
        // The limit is wide enough that RAM is synced again before it has run dry.
        var device = new SimulatedDevice { Name = "gpu", Initial = 20 << 20, NeedsAck = true };
        var engine = new SimulatedEngine(Migration(version).Writing(4e9, 150 * Mebibyte).With(device), Limit(500));

        engine.To(30);

        Assert.Equal(initial, engine.View().VfioTransferred);
        Assert.Equal(version is EngineVersion.Qemu82 ? EngineStatus.Active : EngineStatus.Completed, engine.Status);
    }

    [Fact]
    public void SwitchoverAck_HoldsUpUntilTheInitialDataIsAcross_AndEveryTurnSyncs()
    {
        var device = new SimulatedDevice { Name = "gpu", Initial = 200 << 20, NeedsAck = true };
        var migration = Migration().With(device);
        var acked = new SimulatedEngine(migration, Limit(10_000) with { SwitchoverAck = true });
        var unasked = new SimulatedEngine(migration, Limit(10_000) with { SwitchoverAck = false });

        acked.To(30);
        unasked.To(30);

        Assert.True(acked.Outage.Total < TimeSpan.FromMilliseconds(30), $"{acked.Outage.Total}");
        Assert.True(acked.Passes > 5, $"{acked.Passes} passes");
        Assert.True(unasked.Outage.Total > TimeSpan.FromMilliseconds(200), $"{unasked.Outage.Total}");
    }

    [Fact]
    public void SwitchoverAck_APausedGuestIsNotHeldUp()
    {
        var device = new SimulatedDevice { Name = "gpu", Initial = 200 << 20, NeedsAck = true };
        var engine = new SimulatedEngine(Migration().Over(20e6).With(device), Limit(100_000));
        engine.To(0.5).Pause();

        Assert.NotEqual(EngineStatus.Active, engine.To(0.7).Status);
    }

    [Fact]
    public void Until7_2_AllOfTheStateIsStopCopy()
    {
        var device = new SimulatedDevice { Name = "gpu", Initial = 100_000_000, StopCopy = 100_000_000 };
        var old = new SimulatedEngine(Migration(EngineVersion.Qemu72).With(device), Limit(205)).To(30);
        var young = new SimulatedEngine(Migration(EngineVersion.Qemu100).With(device), Limit(101)).To(30);

        Assert.Equal(0.22, old.Outage.Total!.Value.TotalSeconds, 0.01);
        Assert.Equal(0.12, young.Outage.Total!.Value.TotalSeconds, 0.01);
    }

    [Fact]
    public void SlowLoading_IsInTheOutage()
    {
        var device = new SimulatedDevice { Name = "gpu", StopCopy = 100_000_000, LoadRate = 200e6 };
        var engine = new SimulatedEngine(Migration().With(device), Limit(200)).To(30);

        Assert.Equal(0.52, engine.Outage.Total!.Value.TotalSeconds, 0.01);
    }

    [Fact]
    public void PostCopy_WithADevice_TheMigrationIsRefused()
    {
        var engine = new SimulatedEngine(Migration().With(s_handful), Limit(100) with { PostCopy = true });

        Assert.Equal(EngineStatus.Failed, engine.Status);
        Assert.True(engine.HasEnded);
        Assert.False(engine.StartPostCopy());
        Assert.Equal(0, engine.To(10).Transferred);
    }

    [Fact]
    public void Reports_MissingAndRubbish_AreAsSaid()
    {
        var exact = new SimulatedDevice { Name = "gpu", StopCopy = 1000, Reports = DeviceReporting.Exact };
        var missing = exact with { Reports = DeviceReporting.Missing };
        var rubbish = exact with { Reports = DeviceReporting.Rubbish, RubbishShare = 1 };

        Assert.Equal(new DeviceView("gpu", 0, 1000), Seen(exact));
        Assert.Equal(new DeviceView("gpu", null, null), Seen(missing));
        Assert.True(Seen(rubbish).StopCopy >= 100UL << 30);

        static DeviceView Seen(SimulatedDevice device) => new SimulatedEngine(Migration().With(device), Limit(1)).DeviceViews()[0];
    }
}
