using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;
using static Orchestrator.Plant.Tests.Engine.Engines;

namespace Orchestrator.Plant.Tests.Engine;

/// <summary>How a migration ends, and how long the guest stood still.</summary>
public class EndingTests
{
    [Fact]
    public void Outage_IsFromTheStopUntilTheGuestRunsOnTheTarget()
    {
        var migration = Migration().Over(100e6).Writing(10e6, 20 * Mebibyte);
        var engine = new SimulatedEngine(migration, Limit(50));
        TimeSpan? stopped = null;
        for (var tick = 1; !engine.HasEnded; tick++)
        {
            engine.To(tick / 1000.0);
            stopped ??= engine.Status is EngineStatus.Device ? engine.Now : null;
        }

        Assert.Equal((engine.Now - stopped!.Value).TotalSeconds, engine.Outage.Total!.Value.TotalSeconds, 0.0011);

        // The engine's own count ends when the target has the state, before its CPUs run.
        Assert.Equal(0.01, (engine.Outage.Total!.Value - engine.Outage.ByEngine).TotalSeconds, 1e-6);
        Assert.Equal(engine.Outage.ByEngine, engine.View().Downtime);
    }

    [Fact]
    public void TrueOutage_MayExceedTheLimit_WhichIsAThresholdAndNoPromise()
    {
        // The link falls to a tenth right when the guest is stopped.
        var migration = Migration().Over(100e6, new PaceChange(TimeSpan.FromSeconds(2.2), null, null, 0.1)).Writing(10e6, 100 * Mebibyte);
        var engine = new SimulatedEngine(migration, Limit(200));

        engine.To(60);

        Assert.Equal(EngineStatus.Completed, engine.Status);
        Assert.True(engine.Outage.Total > TimeSpan.FromMilliseconds(400), $"{engine.Outage.Total}");
    }

    [Fact]
    public void Paused_TheGuestThatDidNotConverge_Converges()
    {
        var engine = new SimulatedEngine(Migration().Over(100e6).Writing(1e9), Limit(10));
        Assert.Equal(EngineStatus.Active, engine.To(20).Status);

        engine.Pause();
        Assert.False(engine.View().GuestRunning);
        engine.To(25);

        Assert.Equal(EngineStatus.Completed, engine.Status);
        Assert.True(engine.Outage.PausedPart > TimeSpan.FromMilliseconds(500), $"{engine.Outage.PausedPart}");
        Assert.Equal(
            (engine.Outage.PausedPart + engine.Outage.ByEngine).TotalSeconds + 0.01, engine.Outage.Total!.Value.TotalSeconds, 1e-6);
        Assert.False(engine.Outage.Stands);
    }

    [Fact]
    public void Resumed_ThePauseIsNoPartOfTheOutage()
    {
        var engine = new SimulatedEngine(Migration().Over(100e6).Writing(1e9), Limit(10));
        engine.To(3).Pause();
        engine.To(3.2).Resume();
        Assert.True(engine.View().GuestRunning);
        engine.To(5).SetDowntimeLimit(TimeSpan.FromSeconds(100));
        engine.To(10);

        Assert.Equal(TimeSpan.Zero, engine.Outage.PausedPart);
        Assert.Equal(0.2, engine.Outage.PausedInAll.TotalSeconds, 0.001);
        Assert.Equal(engine.Outage.ByEngine.TotalSeconds + 0.01, engine.Outage.Total!.Value.TotalSeconds, 1e-6);
    }

    [Fact]
    public void Cancelled_TheGuestGoesOnAtTheSource_EvenWhenItWasPaused()
    {
        var engine = new SimulatedEngine(Migration().Over(100e6).Writing(1e9), Limit(10));
        engine.To(3).Pause();
        engine.To(3.2).Cancel();

        Assert.Equal(EngineStatus.Cancelled, engine.Status);
        Assert.False(engine.Outage.Stands);
        Assert.Null(engine.Outage.Total);
        var sent = engine.Transferred;
        Assert.Equal(sent, engine.To(10).Transferred);
    }

    [Fact]
    public void PostCopy_TheOutageIsTheHandOver_AndTheRestFollows()
    {
        var engine = new SimulatedEngine(Migration().Over(100e6).Writing(1e9), Limit(10) with { PostCopy = true });
        Assert.True(engine.To(5).StartPostCopy());
        engine.To(5.2);

        Assert.Equal(EngineStatus.PostCopyActive, engine.Status);
        Assert.Equal(0.02, engine.Outage.Total!.Value.TotalSeconds, 1e-6);
        engine.Cancel();
        Assert.Equal(EngineStatus.PostCopyActive, engine.Status);
        Assert.Equal(EngineStatus.Completed, engine.To(10).Status);
        Assert.True(engine.PostCopyUsed);
        Assert.True(engine.Transferred > engine.TransferredBeforePostCopy + 50e6);
    }

    [Fact]
    public void PostCopy_HasACapOfItsOwn()
    {
        var setup = Limit(10) with { PostCopy = true, MaxPostCopyBandwidth = 10_000_000 };
        var engine = new SimulatedEngine(Migration().Over(100e6).Writing(1e9), setup);
        engine.To(5).StartPostCopy();
        var before = engine.To(6).Transferred;

        Assert.Equal(20e6, engine.To(8).Transferred - before, 2e6);
    }

    [Fact]
    public void PostCopy_WithoutTheCapability_IsRefused() =>
        Assert.False(new SimulatedEngine(Migration(), Limit(10)).To(0.05).StartPostCopy());

    [Fact]
    public void DeadLink_NothingMovesAndTheSwitchOverNeverEnds()
    {
        var migration = Migration().Over(100e6, new PaceChange(TimeSpan.FromSeconds(1), null, null, 0)).Writing(10e6);
        var engine = new SimulatedEngine(migration, Limit(10));
        var sent = engine.To(2).Transferred;

        Assert.Equal(sent, engine.To(100).Transferred);
        Assert.Equal(EngineStatus.Active, engine.Status);
        Assert.Equal(0, engine.View().Bandwidth);
    }
}
