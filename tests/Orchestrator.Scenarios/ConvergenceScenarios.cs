using Grpc.Core;
using Orchestrator.BootGuest;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;
using static Orchestrator.Scenarios.Policies;

namespace Orchestrator.Scenarios;

/// <summary>What a policy does with a guest that does not converge by itself, and with one that does.</summary>
[Collection(FleetScenarios.Name)]
public class ConvergenceScenarios(ScenarioFleet fleet)
{
    [Fact]
    public async Task LightLoad_ConvergesWithinItsBudget()
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Light);
        var id = await guest.MigrateAsync("suspend-if-needed", 1000);

        var migration = await guest.AwaitEndAsync(id);

        await guest.AssertMovedAsync(migration);
        Assert.NotNull(migration.Summary.ReportedDowntime);
        Assert.NotNull(migration.Summary.ObservedDowntime);
        Assert.True(migration.Summary.BytesTransferred > 8 << 20, $"{migration.Summary}");
        Assert.False(migration.Summary.PostCopyUsed);

        // By itself: nobody had to slow it down or stop it.
        Assert.True(migration.Summary.FinalLimit.ToTimeSpan() <= TimeSpan.FromSeconds(1), $"{migration.Summary}");
        Assert.Equal(0u, migration.Summary.ThrottlePercent);
        Assert.Equal(TimeSpan.Zero, migration.Summary.PausedToConverge?.ToTimeSpan() ?? TimeSpan.Zero);
    }

    [Fact]
    public async Task HeavyLoad_LimitIsRaisedRoundByRoundUntilItConverges()
    {
        var document = Doubling(capMilliseconds: 10_000);
        document.Exponential.Factor = 4;
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy);
        var id = await guest.MigrateAsync(await fleet.PolicyAsync(document), 8000);

        var migration = await guest.AwaitEndAsync(id);

        await guest.AssertMovedAsync(migration);
        var decisions = await guest.DecisionsAsync(id);
        Assert.All(decisions, decision => Assert.Equal(DecisionAction.SetDowntimeLimit, decision.Action));
        ScenarioGuest.AssertCarriedOut(decisions);
        Assert.All(decisions, decision => Assert.NotEmpty(decision.Reason));
        Assert.All(decisions, decision => Assert.NotNull(decision.ReportToDecision));
        Assert.All(decisions, decision => Assert.NotNull(decision.DecisionToCommand));
        Assert.Equal(
            new double[] { 120, 480, 1920, 7680 }.Take(decisions.Count),
            decisions.Select(decision => decision.DowntimeLimit.ToTimeSpan().TotalMilliseconds));

        // 8 MiB at 8 MiB/s are a second: neither the first rise nor the second can be enough, the third is unless the link dips.
        Assert.InRange(decisions.Count, 3, 4);
        Assert.NotNull(migration.Summary.PredictedDowntime);
        Assert.True(migration.Summary.FinalLimit.ToTimeSpan() <= TimeSpan.FromSeconds(8));
    }

    [Fact]
    public async Task CpuBoundLoad_IsThrottledUntilItConverges()
    {
        var throttle = new LadderStep { Throttle = new Throttle { InitialPercent = 50, IncrementPercent = 40, MaxPercent = 99 } };
        var document = WhenStalled(throttle, capMilliseconds: 500);
        document.InitialDowntime = Milliseconds(500);

        // On a busy machine its CPUs get less and dirty less: far less bandwidth than that, or it converges before it is throttled.
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy with { BandwidthMebibytes = 2, CpuBound = true });
        var id = await guest.MigrateAsync(await fleet.PolicyAsync(document), 500);

        var migration = await guest.AwaitEndAsync(id);

        await guest.AssertMovedAsync(migration);
        Assert.Equal(DecisionAction.Throttle, Assert.Single(await guest.DecisionsAsync(id)).Action);
        Assert.InRange(migration.Summary.ThrottlePercent, 50u, 99u);
    }

    [Fact]
    public async Task HeavyLoad_PausedToConverge_RunsOnTheTargetAfterwards()
    {
        var document = WhenStalled(new LadderStep { Pause = new Pause { MaxPause = Seconds(30) } }, capMilliseconds: 200);
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy);
        var id = await guest.MigrateAsync(await fleet.PolicyAsync(document), 200);

        var migration = await guest.AwaitEndAsync(id);

        await guest.AssertMovedAsync(migration);
        Assert.Equal(DecisionAction.Pause, Assert.Single(await guest.DecisionsAsync(id)).Action);
        Assert.True(migration.Summary.PausedToConverge.ToTimeSpan() > TimeSpan.Zero);
        Assert.True(migration.GuestWasRunning);
    }

    [Fact]
    public async Task PauseThatIsTooShort_IsTakenBack_AndThePolicyGivesUp()
    {
        // 8 MiB do not fit through 8 MiB/s in 300 ms.
        var document = WhenStalled(new LadderStep { Pause = new Pause { MaxPause = Milliseconds(300) } }, capMilliseconds: 30);
        document.Steps[^1].When.Clear();
        document.Steps[^1].When.Add(Stalled());
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy);
        var id = await guest.MigrateAsync(await fleet.PolicyAsync(document), 30);

        var migration = await guest.AwaitEndAsync(id);

        Assert.Equal(MigrationPhase.Failed, migration.Phase);
        Assert.Equal(FailureReason.AbortedByPolicy, migration.FailureReason);
        Assert.Equal(
            [DecisionAction.Pause, DecisionAction.Resume, DecisionAction.Abort],
            (await guest.DecisionsAsync(id)).Select(decision => decision.Action));
        await guest.AssertStayedAsync();
    }

    [Fact]
    public async Task HeavyLoad_PolicyAborts_GuestRunsOnAtTheSource()
    {
        var document = WhenStalled(new LadderStep { Abort = new Abort() }, capMilliseconds: 30);
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy);
        var id = await guest.MigrateAsync(await fleet.PolicyAsync(document), 30);

        var migration = await guest.AwaitEndAsync(id);

        Assert.Equal(MigrationPhase.Failed, migration.Phase);
        Assert.Equal(FailureReason.AbortedByPolicy, migration.FailureReason);
        Assert.Equal(DecisionAction.Abort, Assert.Single(await guest.DecisionsAsync(id)).Action);
        await guest.AssertStayedAsync();

        // Nothing of the failed attempt stands in the way of the next one.
        await guest.ListenAnewAsync();
        var again = await guest.MigrateAsync("suspend-if-needed", 20_000);
        await guest.AssertMovedAsync(await guest.AwaitEndAsync(again));
    }

    [Fact]
    public async Task GuestPausedByItsOwner_StaysPausedOnTheTarget()
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Light);
        await fleet.ControlPlane.Guests.PauseGuestAsync(new PauseGuestRequest { GuestId = guest.Id });
        var id = await guest.MigrateAsync("suspend-if-needed", 1000);

        var migration = await guest.AwaitEndAsync(id);

        Assert.Equal(MigrationPhase.Completed, migration.Phase);
        Assert.False(migration.GuestWasRunning);
        await guest.AssertWhereaboutsAsync(fleet.HostB, GuestState.Paused);
        Assert.Null(guest.Moving.Trace().FirstOnTarget);

        await fleet.ControlPlane.Guests.ResumeGuestAsync(new ResumeGuestRequest { GuestId = guest.Id });
        var target = await guest.Moving.TargetAsync(guest.Patience);
        var first = await target.WaitForBeatAsync(_ => true, guest.Patience);
        await target.WaitForBeatAsync(beat => beat.Round >= first.Round + 2, guest.Patience);
        Assert.Equal(GuestVerdict.Intact, guest.Moving.Trace().Verdict);
    }

    [Fact]
    public async Task NonLive_GuestStaysStoppedUntilItRunsOnTheTarget()
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy with { BandwidthMebibytes = 4 });
        var request = guest.Request("suspend-if-needed", 1000);
        request.Mode = MigrationMode.NonLive;
        var id = await guest.MigrateAsync(request);
        var copying = await guest.AwaitAsync(id, migration => migration.LatestReading is not null);
        Assert.False(copying.LatestReading.GuestRunning);
        var stoppedAt = guest.Moving.Trace().LastOnSource!.Counter;

        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await fleet.ControlPlane.Guests.ResumeGuestAsync(new ResumeGuestRequest { GuestId = guest.Id }));
        Assert.Equal("RESUME_REFUSED", Refusal.FindDetail<Google.Rpc.ErrorInfo>(refused)?.Reason);

        await guest.AssertMovedAsync(await guest.AwaitEndAsync(id));
        Assert.Equal(stoppedAt, guest.Moving.Trace().LastOnSource!.Counter);
    }

    [Fact]
    public async Task CallersChanges_AreCarriedOutOnceAndRecorded()
    {
        await using var guest = await ScenarioGuest.StartAsync(fleet, Load.Heavy);
        var document = WhenStalled(new LadderStep { Abort = new Abort() }, capMilliseconds: 9000);
        document.Steps[0].When.Clear();
        document.Steps[0].When.Add(new Trigger { ElapsedAbove = Seconds(110) });
        var id = await guest.MigrateAsync(await fleet.PolicyAsync(document), 9000);
        await guest.AwaitAsync(id, migration => migration.LatestReading is not null);

        var bandwidth = new AdjustMigrationRequest { MigrationId = id, RequestId = Guid.NewGuid().ToString(), SetBandwidth = 16 << 20 };
        await fleet.ControlPlane.Migrations.AdjustMigrationAsync(bandwidth);
        await fleet.ControlPlane.Migrations.AdjustMigrationAsync(bandwidth);
        var tooMuch = await Assert.ThrowsAsync<RpcException>(async () => await fleet.ControlPlane.Migrations.AdjustMigrationAsync(
            new AdjustMigrationRequest { MigrationId = id, RequestId = Guid.NewGuid().ToString(), RaiseLimit = Milliseconds(9001) }));
        Assert.Equal("LIMIT_ABOVE_BUDGET", Refusal.FindDetail<Google.Rpc.ErrorInfo>(tooMuch)?.Reason);
        await fleet.ControlPlane.Migrations.AdjustMigrationAsync(
            new AdjustMigrationRequest { MigrationId = id, RequestId = Guid.NewGuid().ToString(), RaiseLimit = Milliseconds(9000) });

        await guest.AssertMovedAsync(await guest.AwaitEndAsync(id));
        var decisions = await guest.DecisionsAsync(id);
        Assert.Equal([DecisionAction.SetBandwidth, DecisionAction.SetDowntimeLimit], decisions.Select(decision => decision.Action));
        Assert.All(decisions, decision => Assert.Equal(DecisionOrigin.Caller, decision.Origin));
    }
}
