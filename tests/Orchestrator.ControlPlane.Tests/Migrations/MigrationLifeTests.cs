using Orchestrator.Agent.V1;
using Orchestrator.TestPostgres;
using Orchestrator.V1;
using FailureReason = Orchestrator.Policy.Lifecycle.FailureReason;
using Kind = Orchestrator.Policy.Lifecycle.AgentCommandKind;
using LifecyclePhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Tests.Migrations;

/// <summary>Whole lives of migrations against scripted agents.</summary>
public sealed class MigrationLifeTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>, IAsyncLifetime
{
    private Fleet _fleet = null!;

    public async Task InitializeAsync() => _fleet = await new Fleet(postgres.DataSource).StartAsync();

    public Task DisposeAsync() => _fleet.DisposeAsync().AsTask();

    [Fact]
    public async Task CompleteLife_MovesTheGuestAndSaysWhatItCost()
    {
        var move = await _fleet.AddGuestAsync();

        var start = await move.CopyAsync();
        Assert.Equal("tcp:127.0.0.2:49152", start.StartSource.TargetUri);
        Assert.Equal($"http://{move.TargetHost}:7444", start.StartSource.TargetAgentEndpoint);
        Assert.Equal(TimeSpan.FromMilliseconds(100), start.StartSource.DowntimeLimit.ToTimeSpan());
        Assert.Equal((1UL, 2UL), (start.Epoch, start.CommandId));
        Assert.Equal(move.Id, await _fleet.ScalarAsync<Guid>("SELECT active_migration_id FROM guests WHERE guest_id = @GuestId", move));
        await move.ReadAsync(move.Copying(0.5, remaining: 15_000_000));
        await move.ReachAsync(LifecyclePhase.Copying);
        move.SourceSays(move.SourceReport(SessionState.SwitchingOver, "device", RunState.FinishMigrate));
        await move.ReachAsync(LifecyclePhase.SwitchingOver);
        move.SourceSays(move.Completed());
        (await move.Target.NextAsync(Kind.HandOverTarget)).Done(move.Arrived());
        (await move.Source.NextAsync(Kind.FinishSource)).Done();
        (await move.Target.NextAsync(Kind.FinishTarget)).Done();

        var migration = await move.ReachAsync(LifecyclePhase.Completed);
        Assert.Equal(
            ["Requested", "Queued", "Preparing", "Copying", "SwitchingOver", "Verifying", "Completed"], await move.StoryAsync());
        Assert.Equal(TimeSpan.FromMilliseconds(300), migration.Tally.PredictedDowntime);
        Assert.Equal(TimeSpan.FromMilliseconds(350), migration.Tally.ObservedDowntime);
        Assert.Equal(("10.0.13", "11.1.3"), (migration.Tally.SourceEngineVersion, migration.Tally.TargetEngineVersion));
        Assert.Equal(_fleet.Clock.GetUtcNow(), migration.EndedAt);
        var guest = await _fleet.Guests.FindAsync(move.GuestId, CancellationToken.None);
        Assert.Equal((move.TargetHost, null, null), (guest?.HostId, guest?.ActiveMigrationId, guest?.MigrationTargetHostId));
    }

    [Fact]
    public async Task GuestPausedByItsOwner_StaysPausedOnTheTarget()
    {
        var paused = await _fleet.AddGuestAsync(paused: true);
        var move = new Move(_fleet, paused.GuestId, paused.SourceHost, paused.TargetHost) { WasRunning = false };

        Assert.Equal(Orchestrator.ControlPlane.Migrations.Admission.AdmissionOutcome.Admitted, (await move.StartAsync()).Outcome);
        var prepare = await move.Target.NextAsync(Kind.PrepareTarget);
        Assert.False(prepare.Request.PrepareTarget.RunAfter);
        prepare.Done(move.TargetReport(SessionState.Listening), "tcp:127.0.0.2:1");
        (await move.Source.NextAsync(Kind.StartSource)).Done();
        await move.ReadAsync(move.Copying(0.5));
        move.SourceSays(move.Completed());
        (await move.Target.NextAsync(Kind.HandOverTarget)).Done(move.Arrived());
        (await move.Source.NextAsync(Kind.FinishSource)).Done();
        (await move.Target.NextAsync(Kind.FinishTarget)).Done();

        await move.ReachAsync(LifecyclePhase.Completed);
        var guest = await _fleet.Guests.FindAsync(move.GuestId, CancellationToken.None);
        Assert.Equal(ControlPlane.Guests.StoredGuestState.Paused, guest?.State);
    }

    [Fact]
    public async Task NotConverging_LimitRisesToTheBudgetAndThenItIsGivenUp()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync(change: request => request.MaxDowntime = Fleet.Seconds(0.3));
        await move.ReadAsync(move.Copying(0.5));
        for (var (seconds, limit) = (2, 200); limit <= 300; seconds++, limit += 100)
        {
            await move.ReadAsync(move.Copying(seconds));
            var adjust = await move.Source.NextAsync(Kind.AdjustSource);
            Assert.Equal(limit, adjust.Request.AdjustSource.DowntimeLimit.ToTimeSpan().TotalMilliseconds);

            // The intention stands in the ledger before the agent is told.
            var commandId = (long)adjust.Request.CommandId;
            Assert.Equal(
                ("AdjustSource", null, "Intended"),
                Assert.Single(await _fleet.QueryAsync<(string, string?, string)>(
                    """
                    SELECT c.kind, c.outcome, d.outcome
                      FROM migration_commands c
                      JOIN migration_decisions d ON d.migration_id = c.migration_id AND d.command_id = c.command_id
                     WHERE c.migration_id = @Id AND c.command_id = @commandId
                    """,
                    new { move.Id, commandId })));
            adjust.Done();
            await move.DecidedAsync((uint)seconds - 1, DecisionOutcome.Applied);
        }

        await move.ReadAsync(move.Copying(61));
        (await move.Source.NextAsync(Kind.CancelSource)).Done(move.Undone());
        (await move.Target.NextAsync(Kind.AbandonTarget)).Done();
        (await move.Source.NextAsync(Kind.AbandonSource)).Done();

        var migration = await move.ReachAsync(LifecyclePhase.Failed);
        Assert.Equal(FailureReason.AbortedByPolicy, migration.Ending?.Reason);
        var decisions = await _fleet.History.ListDecisionsAsync(move.Id, 0, 100, CancellationToken.None);
        Assert.Equal(
            [DecisionAction.SetDowntimeLimit, DecisionAction.SetDowntimeLimit, DecisionAction.Abort],
            decisions.Select(decision => decision.Action));
        Assert.All(decisions, decision => Assert.NotEmpty(decision.Inputs));
        Assert.Equal(TimeSpan.Zero, decisions[0].DecisionToCommand.ToTimeSpan());
        var guest = await _fleet.Guests.FindAsync(move.GuestId, CancellationToken.None);
        Assert.Equal((move.SourceHost, null), (guest?.HostId, guest?.ActiveMigrationId));
    }

    [Fact]
    public async Task PauseThatDoesNotHelp_IsTakenBackWithinItsBound()
    {
        var move = await _fleet.AddGuestAsync();
        var policy = new PolicyDocument
        {
            InitialDowntime = Fleet.Seconds(0.1),
            MaxDowntime = Fleet.Seconds(0.4),
            Steps =
            {
                new LadderStep { When = { new Trigger { ElapsedAbove = Fleet.Seconds(2) } }, Pause = new Pause { MaxPause = Fleet.Seconds(3) } },
                new LadderStep { When = { new Trigger { ElapsedAbove = Fleet.Seconds(60) } }, Abort = new Abort() },
            },
        };
        await move.CopyAsync(policy);
        await move.ReadAsync(move.Copying(1));
        await move.ReadAsync(move.Copying(3));
        (await move.Source.NextAsync(Kind.PauseSource)).Done();
        await move.DecidedAsync(1, DecisionOutcome.Applied);
        for (var seconds = 4; seconds <= 6; seconds++)
        {
            _fleet.Clock.Advance(TimeSpan.FromSeconds(1));
            await move.ReadAsync(move.Copying(seconds, change: report =>
            {
                report.PausedToConverge = true;
                report.RunState = RunState.Paused;
            }));
        }

        (await move.Source.NextAsync(Kind.ResumeSource)).Done();
        await move.DecidedAsync(2, DecisionOutcome.Applied);
        await move.ReadAsync(move.Copying(7));
        move.SourceSays(move.Completed());
        (await move.Target.NextAsync(Kind.HandOverTarget)).Done(move.Arrived());
        (await move.Source.NextAsync(Kind.FinishSource)).Done();
        (await move.Target.NextAsync(Kind.FinishTarget)).Done();

        var migration = await move.ReachAsync(LifecyclePhase.Completed);
        Assert.InRange(migration.Tally.PausedToConverge, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(3));
    }

    [Fact]
    public async Task PostCopyWithABrokenLink_IsRecoveredRoundAfterRound()
    {
        var move = await _fleet.AddGuestAsync();
        var start = await move.CopyAsync(PostCopyAfter(seconds: 2));
        Assert.True(start.StartSource.Terms.PostCopyPossible);
        await move.ReadAsync(move.Copying(1));
        await move.ReadAsync(move.Copying(3));
        (await move.Source.NextAsync(Kind.StartPostCopy)).Done();
        move.SourceSays(move.PostCopy());
        (await move.Target.NextAsync(Kind.HandOverTarget)).Done(move.TargetReport(SessionState.Running, RunState.Running));
        await move.ReachAsync(LifecyclePhase.PostCopy);
        move.SourceSays(move.PostCopy("postcopy-paused"));
        (await move.Target.NextAsync(Kind.RecoverTarget)).Refuse("ENGINE_REFUSED");
        var second = await _fleet.WhileTimePassesAsync(move.Target.NextAsync(Kind.RecoverTarget), TimeSpan.FromMilliseconds(500));
        second.Done(listenUri: "tcp:127.0.0.2:49200");
        var recover = await move.Source.NextAsync(Kind.RecoverSource);
        Assert.Equal("tcp:127.0.0.2:49200", recover.Request.RecoverSource.TargetUri);
        recover.Done(move.PostCopy("postcopy-recover"));
        move.SourceSays(move.PostCopy());
        await move.ReachAsync(LifecyclePhase.PostCopy);
        move.TargetSays(move.Arrived());
        move.SourceSays(move.Completed());
        (await move.Source.NextAsync(Kind.FinishSource)).Done();
        (await move.Target.NextAsync(Kind.FinishTarget)).Done();

        var migration = await move.ReachAsync(LifecyclePhase.Completed);
        Assert.True(migration.Tally.PostCopyUsed);
        Assert.Null(migration.Tally.ReportedDowntime);
        Assert.Equal(
            ["Requested", "Queued", "Preparing", "Copying", "Postcopy", "PostcopyPaused", "Postcopy", "Verifying", "Completed"],
            await move.StoryAsync());
    }

    [Fact]
    public async Task TargetRefuses_FailsWithItsWords()
    {
        var move = await _fleet.AddGuestAsync();
        await move.StartAsync();
        (await move.Target.NextAsync(Kind.PrepareTarget)).Refuse("NOT_ENOUGH_MEMORY", "needs 1 GiB, has 512 MiB");
        (await move.Target.NextAsync(Kind.AbandonTarget)).Refuse("SESSION_UNKNOWN");

        var migration = await move.ReachAsync(LifecyclePhase.Failed);
        Assert.Equal((FailureReason.TargetRefused, "needs 1 GiB, has 512 MiB"), (migration.Ending?.Reason, migration.Ending?.Message));
        Assert.Empty(move.Source.Seen);
    }

    [Fact]
    public async Task SourceRefuses_TheTargetIsAbandoned()
    {
        var move = await _fleet.AddGuestAsync();
        await move.StartAsync();
        (await move.Target.NextAsync(Kind.PrepareTarget)).Done(move.TargetReport(SessionState.Listening), "tcp:127.0.0.2:1");
        (await move.Source.NextAsync(Kind.StartSource)).Refuse("ENGINE_REFUSED", "no such capability");
        (await move.Target.NextAsync(Kind.AbandonTarget)).Done();
        (await move.Source.NextAsync(Kind.AbandonSource)).Refuse("SESSION_UNKNOWN");

        var migration = await move.ReachAsync(LifecyclePhase.Failed);
        Assert.Equal((FailureReason.SourceRefused, "no such capability"), (migration.Ending?.Reason, migration.Ending?.Message));
    }

    [Fact]
    public async Task EngineFails_GuestStaysWhereItWas()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));
        var failed = move.Undone(SessionOutcome.Failed);
        failed.ErrorDescription = "Connection reset by peer";
        move.SourceSays(failed);
        (await move.Target.NextAsync(Kind.AbandonTarget)).Done();
        (await move.Source.NextAsync(Kind.AbandonSource)).Done();

        var migration = await move.ReachAsync(LifecyclePhase.Failed);
        Assert.Equal((FailureReason.EngineFailed, "Connection reset by peer"), (migration.Ending?.Reason, migration.Ending?.Message));
    }

    internal static PolicyDocument PostCopyAfter(int seconds) => new()
    {
        InitialDowntime = Fleet.Seconds(0.1),
        MaxDowntime = Fleet.Seconds(0.4),
        Steps = { new LadderStep { When = { new Trigger { ElapsedAbove = Fleet.Seconds(seconds) } }, PostCopy = new PostCopy() } },
    };
}
