using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Migrations.Wishes;
using Orchestrator.TestPostgres;
using Orchestrator.V1;
using Kind = Orchestrator.Policy.Lifecycle.AgentCommandKind;
using LifecyclePhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Tests.Migrations;

/// <summary>What callers ask of a running migration, in each phase.</summary>
public sealed class CallerWishTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>, IAsyncLifetime
{
    private Fleet _fleet = null!;

    public async Task InitializeAsync() => _fleet = await new Fleet(postgres.DataSource).StartAsync();

    public Task DisposeAsync() => _fleet.DisposeAsync().AsTask();

    [Fact]
    public async Task CancelWhilePreparing_TheTargetAlreadyToldIsAwaitedAndAbandoned()
    {
        var move = await _fleet.AddGuestAsync();
        await move.StartAsync();
        var prepare = await move.Target.NextAsync(Kind.PrepareTarget);

        Assert.Equal(WishOutcome.Granted, (await move.CancelAsync())?.Outcome);
        prepare.Done(move.TargetReport(SessionState.Listening), "tcp:127.0.0.2:1");
        (await move.Target.NextAsync(Kind.AbandonTarget)).Done();

        await move.ReachAsync(LifecyclePhase.Cancelled);
        Assert.Empty(move.Source.Seen);
        Assert.Equal(WishOutcome.Ended, (await move.CancelAsync())?.Outcome);
    }

    [Fact]
    public async Task CancelWhileCopying_TheGuestStays_TwiceIsOnce()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));

        var answer = await move.CancelAsync();
        Assert.Equal((WishOutcome.Granted, LifecyclePhase.Cancelling), (answer?.Outcome, answer?.Migration?.Phase));
        Assert.Equal(WishOutcome.Granted, (await move.CancelAsync())?.Outcome);
        (await move.Source.NextAsync(Kind.CancelSource)).Done();
        move.SourceSays(move.Undone());
        (await move.Target.NextAsync(Kind.AbandonTarget)).Done();
        (await move.Source.NextAsync(Kind.AbandonSource)).Done();

        await move.ReachAsync(LifecyclePhase.Cancelled);
        Assert.Single(move.Source.Seen, request => request.CancelSource is not null);
    }

    [Fact]
    public async Task CancelOvertakenByCompletion_TheGuestArrives()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));
        await move.CancelAsync();
        (await move.Source.NextAsync(Kind.CancelSource)).Refuse("WRONG_STATE");
        move.SourceSays(move.Completed());
        (await move.Target.NextAsync(Kind.HandOverTarget)).Done(move.Arrived());
        (await move.Source.NextAsync(Kind.FinishSource)).Done();
        (await move.Target.NextAsync(Kind.FinishTarget)).Done();

        var migration = await move.ReachAsync(LifecyclePhase.Completed);
        Assert.Null(migration.Ending);
    }

    [Theory]
    [InlineData(LifecyclePhase.SwitchingOver)]
    [InlineData(LifecyclePhase.PostCopy)]
    [InlineData(LifecyclePhase.Verifying)]
    public async Task CancelPastTheSwitchOver_IsTooLate(LifecyclePhase phase)
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync();
        move.SourceSays(phase switch
        {
            LifecyclePhase.SwitchingOver => move.SourceReport(SessionState.SwitchingOver, "device", RunState.FinishMigrate),
            LifecyclePhase.PostCopy => move.PostCopy(),
            _ => move.Completed(),
        });
        await move.ReachAsync(phase);

        Assert.Equal(WishOutcome.PastPointOfNoReturn, (await move.CancelAsync())?.Outcome);
    }

    [Fact]
    public async Task CancelOfNobody_IsUnknown() =>
        Assert.Null(await _fleet.Wishes.CancelAsync(Guid.NewGuid(), "", CancellationToken.None));

    [Fact]
    public async Task Adjust_AllFiveChanges_AreRecordedAndCommanded()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync(MigrationLifeTests.PostCopyAfter(seconds: 3600), request => request.MaxDowntime = Fleet.Seconds(0.35));
        await move.ReadAsync(move.Copying(1));
        var other = await _fleet.AddPolicyAsync(Fleet.Doubling);

        Assert.Equal(WishOutcome.Granted, await AdjustAsync(move, new AdjustMigrationRequest { SetBandwidth = 1_000_000 }));
        var bandwidth = await move.Source.NextAsync(Kind.AdjustSource);
        Assert.Equal(1_000_000UL, bandwidth.Request.AdjustSource.MaxBytesPerSecond);
        bandwidth.Done();

        Assert.Equal(WishOutcome.Granted, await AdjustAsync(move, new AdjustMigrationRequest { RaiseLimit = Fleet.Seconds(0.35) }));
        var limit = await move.Source.NextAsync(Kind.AdjustSource);
        Assert.Equal(TimeSpan.FromMilliseconds(350), limit.Request.AdjustSource.DowntimeLimit.ToTimeSpan());
        limit.Done();

        Assert.Equal(WishOutcome.Granted, await AdjustAsync(move, new AdjustMigrationRequest { PauseNow = Fleet.Seconds(3) }));
        (await move.Source.NextAsync(Kind.PauseSource)).Done();
        await move.ReadAsync(move.Copying(3, change: Paused));
        await move.ReadAsync(move.Copying(4.5, change: Paused));
        (await move.Source.NextAsync(Kind.ResumeSource)).Done();
        await move.DecidedAsync(4, DecisionOutcome.Applied);

        Assert.Equal(
            WishOutcome.Granted,
            await AdjustAsync(move, new AdjustMigrationRequest { SwitchPolicy = new SwitchPolicy { Policy = other } }));
        var switched = await move.Source.NextAsync(Kind.AdjustSource);
        Assert.Equal(TimeSpan.FromMilliseconds(350), switched.Request.AdjustSource.DowntimeLimit.ToTimeSpan());
        switched.Done();
        var migration = await move.FindAsync();
        Assert.Equal((other, 1, TimeSpan.FromMilliseconds(350)), (migration.Policy, migration.PolicyRevision, migration.MaxDowntime));

        Assert.Equal(WishOutcome.Granted, await AdjustAsync(move, new AdjustMigrationRequest { PostCopyNow = new PostCopyNow() }));
        (await move.Source.NextAsync(Kind.StartPostCopy)).Done();
        await move.DecidedAsync(6, DecisionOutcome.Applied);

        var decisions = await _fleet.History.ListDecisionsAsync(move.Id, 0, 100, CancellationToken.None);
        Assert.Equal(
            [
                (DecisionAction.SetBandwidth, DecisionOrigin.Caller), (DecisionAction.SetDowntimeLimit, DecisionOrigin.Caller),
                (DecisionAction.Pause, DecisionOrigin.Caller), (DecisionAction.Resume, DecisionOrigin.Policy),
                (DecisionAction.SwitchPolicy, DecisionOrigin.Caller), (DecisionAction.StartPostCopy, DecisionOrigin.Caller),
            ],
            decisions.Select(decision => (decision.Action, decision.Origin)));
        Assert.All(decisions, decision => Assert.Equal(DecisionOutcome.Applied, decision.Outcome));

        // After the switch to post-copy was commanded there may be nothing to go back to.
        Assert.Equal(WishOutcome.PastPointOfNoReturn, (await move.CancelAsync())?.Outcome);
    }

    [Fact]
    public async Task Adjust_SameRequestAgain_IsTheSameChange()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));
        var request = Guid.NewGuid().ToString();

        for (var times = 0; times < 3; times++)
        {
            Assert.Equal(
                WishOutcome.Granted, await AdjustAsync(move, new AdjustMigrationRequest { RequestId = request, SetBandwidth = 5 }));
        }

        (await move.Source.NextAsync(Kind.AdjustSource)).Done();
        await move.DecidedAsync(1, DecisionOutcome.Applied);
        Assert.False(move.Source.HasNext);
        Assert.Single(await _fleet.History.ListDecisionsAsync(move.Id, 0, 10, CancellationToken.None));
    }

    [Fact]
    public async Task Adjust_WhatCannotBe_IsRefused()
    {
        var move = await _fleet.AddGuestAsync();
        await move.StartAsync();
        Assert.Equal(WishOutcome.NotCopying, await AdjustAsync(move, new AdjustMigrationRequest { SetBandwidth = 5 }));
        (await move.Target.NextAsync(Kind.PrepareTarget)).Done(move.TargetReport(SessionState.Listening), "tcp:127.0.0.2:1");
        (await move.Source.NextAsync(Kind.StartSource)).Done();
        await move.ReadAsync(move.Copying(0.5));

        Assert.Equal(WishOutcome.LimitAboveBudget, await AdjustAsync(move, new AdjustMigrationRequest { RaiseLimit = Fleet.Seconds(0.401) }));
        Assert.Equal(WishOutcome.PostCopyImpossible, await AdjustAsync(move, new AdjustMigrationRequest { PostCopyNow = new PostCopyNow() }));
        var postCopy = new SwitchPolicy { Policy = await _fleet.AddPolicyAsync(MigrationLifeTests.PostCopyAfter(seconds: 2)) };
        Assert.Equal(WishOutcome.PostCopyImpossible, await AdjustAsync(move, new AdjustMigrationRequest { SwitchPolicy = postCopy }));
        Assert.True((await move.AdjustAsync(
            new AdjustMigrationRequest { SwitchPolicy = new SwitchPolicy { Policy = "nothing" } })).PolicyUnknown);
        Assert.Empty(await _fleet.History.ListDecisionsAsync(move.Id, 0, 10, CancellationToken.None));
        Assert.Equal(2, move.Source.Seen.Count() + move.Target.Seen.Count());
    }

    [Fact]
    public async Task AdjustRefusedByTheEngine_IsRecordedAsRefused()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));
        await AdjustAsync(move, new AdjustMigrationRequest { SetBandwidth = 5 });
        (await move.Source.NextAsync(Kind.AdjustSource)).Refuse("ENGINE_REFUSED", "not today");

        Assert.Equal("not today", (await move.DecidedAsync(1, DecisionOutcome.Refused)).OutcomeMessage);
    }

    [Fact]
    public async Task PauseRefusedByTheEngine_DoesNotHoldThePolicyUp()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));
        await AdjustAsync(move, new AdjustMigrationRequest { PauseNow = Fleet.Seconds(3000) });
        (await move.Source.NextAsync(Kind.PauseSource)).Refuse("ENGINE_REFUSED");
        await move.DecidedAsync(1, DecisionOutcome.Refused);

        await move.ReadAsync(move.Copying(2));
        (await move.Source.NextAsync(Kind.AdjustSource)).Done();
    }

    [Fact]
    public async Task ResumeAndPostCopyRefused_AreTriedAgain()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync(MigrationLifeTests.PostCopyAfter(seconds: 20));
        await move.ReadAsync(move.Copying(0.5));
        await AdjustAsync(move, new AdjustMigrationRequest { PauseNow = Fleet.Seconds(2) });
        (await move.Source.NextAsync(Kind.PauseSource)).Done();
        await move.ReadAsync(move.Copying(3, change: Paused));
        (await move.Source.NextAsync(Kind.ResumeSource)).Refuse("ENGINE_REFUSED");
        await move.DecidedAsync(2, DecisionOutcome.Refused);
        _fleet.Clock.Advance(TimeSpan.FromSeconds(6));
        await move.ReadAsync(move.Copying(9, change: Paused));
        (await move.Source.NextAsync(Kind.ResumeSource)).Done();
        await move.DecidedAsync(3, DecisionOutcome.Applied);

        await move.ReadAsync(move.Copying(21));
        (await move.Source.NextAsync(Kind.StartPostCopy)).Refuse("ENGINE_REFUSED");
        await move.DecidedAsync(4, DecisionOutcome.Refused);
        await move.ReadAsync(move.Copying(22));
        Assert.False(move.Source.HasNext);
        _fleet.Clock.Advance(TimeSpan.FromSeconds(6));
        await move.ReadAsync(move.Copying(28));
        (await move.Source.NextAsync(Kind.StartPostCopy)).Done();
    }

    private static void Paused(MigrationReport report)
    {
        report.PausedToConverge = true;
        report.RunState = RunState.Paused;
    }

    private static async Task<WishOutcome?> AdjustAsync(Move move, AdjustMigrationRequest request) =>
        (await move.AdjustAsync(request)).Answer?.Outcome;
}
