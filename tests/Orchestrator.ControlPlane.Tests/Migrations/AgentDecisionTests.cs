using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Migrations.Wishes;
using Orchestrator.TestPostgres;
using Orchestrator.V1;
using FailureReason = Orchestrator.Policy.Lifecycle.FailureReason;
using Kind = Orchestrator.Policy.Lifecycle.AgentCommandKind;
using LifecyclePhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Tests.Migrations;

/// <summary>What the source's agent is told to go by when nobody commands it, and what becomes of what it then decided.</summary>
public sealed class AgentDecisionTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>, IAsyncLifetime
{
    private Fleet _fleet = null!;

    public async Task InitializeAsync() => _fleet = await new Fleet(postgres.DataSource).StartAsync();

    public Task DisposeAsync() => _fleet.DisposeAsync().AsTask();

    [Fact]
    public async Task Start_CarriesTheTerms_AndAnotherPolicyBringsOthers()
    {
        var move = await _fleet.AddGuestAsync();
        var start = await move.CopyAsync(AgentDecides(), request =>
        {
            request.MaxDowntime = Fleet.Seconds(0.3);
            request.Deadline = Fleet.Seconds(90);
        });
        Assert.Equal(
            new UnattendedTerms
            {
                OnLoss = OnControlPlaneLoss.AgentDecides,
                Silence = Fleet.Seconds(10),
                Document = AgentDecides(),
                MaxDowntime = Fleet.Seconds(0.3),
                Deadline = Fleet.Seconds(90),
                OverheadTypical = Fleet.Seconds(0.04),
                OverheadHigh = Fleet.Seconds(0.1),
            },
            start.StartSource.Unattended);
        await move.ReadAsync(move.Copying(0.5));

        var other = await _fleet.AddPolicyAsync(Fleet.Doubling);
        Assert.Equal(WishOutcome.Granted, (await move.AdjustAsync(new AdjustMigrationRequest { SetBandwidth = 1_000_000 })).Answer?.Outcome);
        var bandwidth = await move.Source.NextAsync(Kind.AdjustSource);
        Assert.Null(bandwidth.Request.AdjustSource.Unattended);
        Assert.False(bandwidth.Request.HasUnattendedSeen);
        bandwidth.Done();
        Assert.Equal(
            WishOutcome.Granted,
            (await move.AdjustAsync(new AdjustMigrationRequest { SwitchPolicy = new SwitchPolicy { Policy = other } })).Answer?.Outcome);
        var switched = (await move.Source.NextAsync(Kind.AdjustSource)).Request.AdjustSource.Unattended;
        Assert.Equal((OnControlPlaneLoss.Continue, Fleet.Doubling), (switched.OnLoss, switched.Document));
        Assert.Equal(Fleet.Seconds(0.3), switched.MaxDowntime);
    }

    [Fact]
    public async Task Deadline_CountsFromTheRequest_AndTheAgentsFromTheCopy()
    {
        var move = await _fleet.AddGuestAsync();
        await move.StartAsync(AgentDecides(), request => request.Deadline = Fleet.Seconds(90));
        var prepare = await move.Target.NextAsync(Kind.PrepareTarget);
        _fleet.Clock.Advance(TimeSpan.FromSeconds(20));
        prepare.Done(move.TargetReport(SessionState.Listening), "tcp:127.0.0.2:49152");

        var start = await move.Source.NextAsync(Kind.StartSource);
        Assert.Equal(Fleet.Seconds(70), start.Request.StartSource.Unattended.Deadline);
    }

    [Fact]
    public async Task DecidedAlone_IsRecordedOnceAndInOrder_AndThePolicyGoesOnFromThere()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync(AgentDecides());
        await move.ReadAsync(move.Copying(0.5));
        var first = Alone(1, 2, 200, DecisionOutcome.Applied);

        // While one is under way nothing else is decided, though the policy's next rise is long due.
        await move.ReadAsync(Copying(move, 4, 100, first, Alone(2, 3, 300, DecisionOutcome.Intended)));
        Assert.False(move.Source.HasNext);
        Assert.Equal(200, Limit(Assert.Single(await DecisionsAsync(move))));

        Decision[] all = [first, Alone(2, 3, 300, DecisionOutcome.Applied), Alone(3, 3.1, 400, DecisionOutcome.Refused, "the engine's words")];
        await move.ReadAsync(Copying(move, 3.2, 300, all));
        await _fleet.DisposeAsync();
        _fleet = move.Fleet = await new Fleet(postgres.DataSource, _fleet.Agents, _fleet.Clock).StartAsync();
        await move.ReadAsync(Copying(move, 3.5, 300, all));

        var decisions = await DecisionsAsync(move);
        Assert.Equal([1u, 2u, 3u], decisions.Select(decision => decision.Sequence));
        Assert.All(decisions, decision => Assert.Equal(DecisionOrigin.Agent, decision.Origin));
        Assert.Equal([DecisionOutcome.Applied, DecisionOutcome.Applied, DecisionOutcome.Refused], decisions.Select(decision => decision.Outcome));
        Assert.Equal("the engine's words", decisions[2].OutcomeMessage);
        Assert.Equal(first.At, decisions[0].At);
        Assert.Equal(Fleet.Seconds(2), decisions[0].Elapsed);
        Assert.Equal("pacing.exponential", decisions[0].Rule);
        Assert.Equal("100", decisions[0].Inputs["limit_ms"]);

        // The limit is where the agent left it, and its time began there.
        await move.ReadAsync(Copying(move, 5, 300, all));
        var adjust = await move.Source.NextAsync(Kind.AdjustSource);
        Assert.Equal(Fleet.Seconds(0.4), adjust.Request.AdjustSource.DowntimeLimit);
        Assert.Equal(3u, adjust.Request.UnattendedSeen);
        adjust.Done();
        var own = await move.DecidedAsync(4, DecisionOutcome.Applied);
        Assert.Equal(DecisionOrigin.Policy, own.Origin);
    }

    [Fact]
    public async Task GivenUpAlone_TheMigrationFailsByThePolicy_AndNobodyCancelsAgain()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync(AgentDecides());
        await move.ReadAsync(move.Copying(0.5));
        var undone = move.Undone();
        undone.Elapsed = Fleet.Seconds(61);
        var abort = Alone(1, 60, 0, DecisionOutcome.Applied);
        (abort.Action, abort.DowntimeLimit, abort.Reason) = (DecisionAction.Abort, null, "Giving up: it lasted too long");
        undone.UnattendedDecisions.Add(abort);

        move.SourceSays(undone);
        (await move.Target.NextAsync(Kind.AbandonTarget)).Done();
        (await move.Source.NextAsync(Kind.AbandonSource)).Done();

        var migration = await move.ReachAsync(LifecyclePhase.Failed);
        Assert.Equal((FailureReason.AbortedByPolicy, "Giving up: it lasted too long"), (migration.Ending?.Reason, migration.Ending?.Message));
        var decision = Assert.Single(await DecisionsAsync(move));
        Assert.Equal((DecisionAction.Abort, DecisionOrigin.Agent, DecisionOutcome.Applied), (decision.Action, decision.Origin, decision.Outcome));
        Assert.DoesNotContain(move.Source.Seen, request => request.CancelSource is not null);
    }

    [Fact]
    public async Task CompletedAlone_TheDecisionsAreInTheRecordBeforeTheEnd()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync(AgentDecides());
        await move.ReadAsync(move.Copying(0.5));
        var completed = move.Completed();
        completed.UnattendedDecisions.Add(Alone(1, 2, 200, DecisionOutcome.Applied));

        move.SourceSays(completed);
        (await move.Target.NextAsync(Kind.HandOverTarget)).Done(move.Arrived());
        (await move.Source.NextAsync(Kind.FinishSource)).Done();
        (await move.Target.NextAsync(Kind.FinishTarget)).Done();

        await move.ReachAsync(LifecyclePhase.Completed);
        Assert.Equal(DecisionOrigin.Agent, Assert.Single(await DecisionsAsync(move)).Origin);
    }

    private static PolicyDocument AgentDecides()
    {
        var document = Fleet.Doubling.Clone();
        document.OnControlPlaneLoss = OnControlPlaneLoss.AgentDecides;
        return document;
    }

    private static Decision Alone(uint number, double seconds, int limit, DecisionOutcome outcome, string words = "") => new()
    {
        Sequence = number,
        At = Timestamp.FromDateTimeOffset(new DateTimeOffset(2026, 3, 1, 11, 0, (int)number, TimeSpan.Zero)),
        Elapsed = Fleet.Seconds(seconds),
        Action = DecisionAction.SetDowntimeLimit,
        Origin = DecisionOrigin.Agent,
        Rule = "pacing.exponential",
        Reason = "because",
        DowntimeLimit = TimeSpan.FromMilliseconds(limit).ToDuration(),
        Inputs = { ["limit_ms"] = "100" },
        Outcome = outcome,
        OutcomeMessage = words,
    };

    private static MigrationReport Copying(Move move, double seconds, int limit, params Decision[] decided) => move.Copying(seconds, change: report =>
    {
        report.Numbers.DowntimeLimit = TimeSpan.FromMilliseconds(limit).ToDuration();
        report.UnattendedDecisions.AddRange(decided);
    });

    private static double Limit(Decision decision) => decision.DowntimeLimit.ToTimeSpan().TotalMilliseconds;

    private Task<IReadOnlyList<Decision>> DecisionsAsync(Move move) => _fleet.History.ListDecisionsAsync(move.Id, 0, 100, CancellationToken.None);
}
