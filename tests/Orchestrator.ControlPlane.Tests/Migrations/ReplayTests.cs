using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.ControlPlane.Migrations.Replaying;
using Orchestrator.ControlPlane.Migrations.Wishes;
using Orchestrator.TestPostgres;
using Orchestrator.V1;
using Kind = Orchestrator.Policy.Lifecycle.AgentCommandKind;

namespace Orchestrator.ControlPlane.Tests.Migrations;

/// <summary>What was recorded, asked again.</summary>
public sealed class ReplayTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>, IAsyncLifetime
{
    private Fleet _fleet = null!;

    public async Task InitializeAsync() => _fleet = await new Fleet(postgres.DataSource).StartAsync();

    public Task DisposeAsync() => _fleet.DisposeAsync().AsTask();

    [Fact]
    public async Task ThePolicyThatItRanUnder_DecidesTheSame_ThroughWaitsRefusalsCallersAndATakeOver()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync(change: request => request.Deadline = Fleet.Seconds(90));
        await move.ReadAsync(move.Copying(0.5));
        await move.ReadAsync(move.Copying(2));
        var first = await move.Source.NextAsync(Kind.AdjustSource);

        // Wanted while the command before is under way: not taken, and wanted again.
        await move.ReadAsync(move.Copying(4));
        first.Done();
        await move.DecidedAsync(1, DecisionOutcome.Applied);
        await move.ReadAsync(move.Copying(4.2));
        (await move.Source.NextAsync(Kind.AdjustSource)).Done();
        await move.DecidedAsync(2, DecisionOutcome.Applied);

        Assert.Equal(WishOutcome.Granted, (await move.AdjustAsync(new AdjustMigrationRequest { PauseNow = Fleet.Seconds(3) })).Answer?.Outcome);
        (await move.Source.NextAsync(Kind.PauseSource)).Done();
        await move.ReadAsync(move.Copying(5, change: Paused));

        // What was read since the last write is lost to the next.
        await _fleet.DisposeAsync();
        _fleet = move.Fleet = await new Fleet(postgres.DataSource, _fleet.Agents, _fleet.Clock).StartAsync();
        await move.ReadAsync(move.Copying(6, change: Paused));
        await move.ReadAsync(move.Copying(8, change: Paused));
        (await move.Source.NextAsync(Kind.ResumeSource)).Done();
        await move.DecidedAsync(4, DecisionOutcome.Applied);
        await move.ReadAsync(move.Copying(61));
        (await move.Source.NextAsync(Kind.CancelSource)).Done();
        await RecordedAsync(move, readings: 8);

        var replay = await ReplayAsync(move);

        Assert.False(replay.HasPartsAtStep, $"{replay}");
        var recorded = await DecisionsAsync(move);
        Assert.Equal([200, 400, null, null, null], recorded.Select(Limit));
        Assert.Equal(
            [DecisionAction.SetDowntimeLimit, DecisionAction.SetDowntimeLimit, DecisionAction.Pause, DecisionAction.Resume, DecisionAction.Abort],
            recorded.Select(decision => decision.Action));
        Assert.Equal(recorded, replay.Steps.Select(step => step.Recorded));
        Assert.All(replay.Steps, step => Assert.Equal(
            (step.Recorded.Rule, step.Recorded.Reason, step.Recorded.ReadingSequence, step.Recorded.Policy, step.Recorded.PolicyRevision),
            (step.Replayed.Rule, step.Replayed.Reason, step.ReadingSequence, step.Replayed.Policy, step.Replayed.PolicyRevision)));
        Assert.All(replay.Steps, step => Assert.Equal(step.Recorded.Inputs, step.Replayed.Inputs));
        var migration = await move.FindAsync();
        Assert.Equal((8u, 0u, migration.Policy, 1u), (replay.Readings, replay.ReadingsMissing, replay.Policy, replay.Revision));
        var uses = (await ReadingsAsync(move)).Select(reading => reading.Use);
        Assert.Equal(
            [
                ReadingUse.Judged, ReadingUse.Judged, ReadingUse.Waited, ReadingUse.Judged, ReadingUse.Judged, ReadingUse.Judged,
                ReadingUse.Judged, ReadingUse.Judged,
            ],
            uses);
    }

    [Fact]
    public async Task AnotherPolicyOrPromise_PartsWhereItDiffers()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));
        await move.ReadAsync(move.Copying(2));
        (await move.Source.NextAsync(Kind.AdjustSource)).Done();
        await move.DecidedAsync(1, DecisionOutcome.Applied);
        await move.ReadAsync(move.Copying(4));
        (await move.Source.NextAsync(Kind.AdjustSource)).Done();
        await RecordedAsync(move, readings: 3);
        var tripling = Fleet.Doubling.Clone();
        tripling.Exponential.Factor = 3;
        var name = await _fleet.AddPolicyAsync(tripling);

        var named = await ReplayAsync(move, request => request.Policy = name);
        Assert.Equal((0u, name, 1u), (named.PartsAtStep, named.Policy, named.Revision));
        Assert.Equal([(200, 300), (400, 400)], named.Steps.Select(step => (Limit(step.Recorded), Limit(step.Replayed))));
        Assert.Equal([false, true], named.Steps.Select(step => step.Same));
        Assert.Equal((DecisionOrigin.Policy, name), (named.Steps[0].Replayed.Origin, named.Steps[0].Replayed.Policy));

        var given = await ReplayAsync(move, request => request.Document = tripling);
        Assert.Equal(("", 0u), (given.Policy, given.Revision));
        Assert.Equal(named.Steps.Select(step => step.Replayed.Reason), given.Steps.Select(step => step.Replayed.Reason));

        var promised = await ReplayAsync(move, request => request.MaxDowntime = Fleet.Seconds(0.25));
        Assert.Equal([(200, 200), (400, 250)], promised.Steps.Select(step => (Limit(step.Recorded), Limit(step.Replayed))));
        Assert.Equal(1u, promised.PartsAtStep);

        var hurried = await ReplayAsync(move, request => request.Deadline = Fleet.Seconds(1));
        Assert.Equal(DecisionAction.Abort, Assert.Single(hurried.Steps).Replayed.Action);
    }

    [Fact]
    public async Task SwitchOfThePolicy_IsFollowedByAReplayOfWhatRan_AndByNoOther()
    {
        var move = await _fleet.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));
        var before = (await move.FindAsync()).Policy;
        var patient = Fleet.Doubling.Clone();
        patient.Exponential.Factor = 1.5;
        var other = await _fleet.AddPolicyAsync(patient);
        await move.AdjustAsync(new AdjustMigrationRequest { SwitchPolicy = new SwitchPolicy { Policy = other } });
        (await move.Source.NextAsync(Kind.AdjustSource)).Done();
        await move.ReadAsync(move.Copying(2));
        (await move.Source.NextAsync(Kind.AdjustSource)).Done();
        await RecordedAsync(move, readings: 2);

        var asItRan = await ReplayAsync(move);
        Assert.False(asItRan.HasPartsAtStep);
        Assert.Equal((before, 1u), (asItRan.Policy, asItRan.Revision));
        Assert.Equal([DecisionAction.SwitchPolicy, DecisionAction.SetDowntimeLimit], asItRan.Steps.Select(step => step.Replayed.Action));
        Assert.Equal(150, Limit(asItRan.Steps[1].Replayed));

        var theFirstOnly = await ReplayAsync(move, request => request.Policy = before);
        Assert.Null(theFirstOnly.Steps[0].Replayed);
        Assert.Equal((1u, 200), (theFirstOnly.PartsAtStep, Limit(theFirstOnly.Steps[1].Replayed)));
    }

    [Fact]
    public async Task WhatCannotBeReplayed_SaysWhy()
    {
        Assert.Equal(ReplayRefusal.MigrationUnknown, await RefusalAsync(Guid.NewGuid()));

        var queued = await _fleet.AddGuestAsync();
        await queued.StartAsync();
        await queued.Target.NextAsync(Kind.PrepareTarget);
        Assert.Equal(ReplayRefusal.ReadingsGone, await RefusalAsync(queued.Id));
        Assert.Equal(ReplayRefusal.PolicyUnknown, await RefusalAsync(queued.Id, request => request.Policy = "nobody-has-it"));
        Assert.Equal(ReplayRefusal.PolicyUnknown, await RefusalAsync(queued.Id, request => request.Revision = 9));

        var copied = await _fleet.AddGuestAsync();
        await copied.CopyAsync();
        await copied.ReadAsync(copied.Copying(0.5));
        await RecordedAsync(copied, readings: 1);
        await _fleet.ExecuteAsync("UPDATE migration_readings SET use = NULL, activity = NULL WHERE migration_id = @Id", copied);
        Assert.Equal(ReplayRefusal.ReadingsGone, await RefusalAsync(copied.Id));

        _fleet.Clock.Advance(TimeSpan.FromDays(40));
        Assert.Equal(ReplayRefusal.ReadingsGone, await RefusalAsync(copied.Id));
    }

    [Fact]
    public void Nonsense_IsRefusedFieldByField()
    {
        var document = Fleet.Doubling.Clone();
        document.InitialDowntime = null;
        var request = new ReplayMigrationRequest
        {
            MigrationId = "x",
            Policy = "Not A Name",
            Revision = 2,
            Document = document,
            MaxDowntime = Fleet.Seconds(0),
            Deadline = Fleet.Seconds(0.5),
        };

        Assert.False(ReplayMigrationCommand.TryParse(request, out _, out var violations));

        Assert.Equal(
            ["migration_id", "policy", "document", "document.initial_downtime", "max_downtime", "deadline"],
            violations.Found.Select(violation => violation.Field));
    }

    private async Task<ReplayMigrationResponse> ReplayAsync(Move move, Action<ReplayMigrationRequest>? change = null)
    {
        var result = await RunAsync(move.Id, change);
        return result.Response ?? throw new InvalidOperationException($"{result.Refusal}");
    }

    private async Task<ReplayRefusal?> RefusalAsync(Guid migrationId, Action<ReplayMigrationRequest>? change = null) =>
        (await RunAsync(migrationId, change)).Refusal;

    private Task<ReplayResult> RunAsync(Guid migrationId, Action<ReplayMigrationRequest>? change)
    {
        var request = new ReplayMigrationRequest { MigrationId = migrationId.ToString() };
        change?.Invoke(request);
        Assert.True(ReplayMigrationCommand.TryParse(request, out var command, out var violations), string.Join("; ", violations.Found));
        return _fleet.Hindsight.ReplayAsync(command, CancellationToken.None);
    }

    /// <summary>Readings reach the database beside everything else.</summary>
    private Task RecordedAsync(Move move, int readings) =>
        Eventually.HoldsAsync(async () => (await ReadingsAsync(move)).Count == readings);

    private Task<IReadOnlyList<Reading>> ReadingsAsync(Move move) =>
        _fleet.History.ListReadingsAsync(move.Id, new ReadingKey(DateTimeOffset.UnixEpoch, 0), 1000, CancellationToken.None);

    private Task<IReadOnlyList<Decision>> DecisionsAsync(Move move) => _fleet.History.ListDecisionsAsync(move.Id, 0, 100, CancellationToken.None);

    private static void Paused(MigrationReport report)
    {
        report.PausedToConverge = true;
        report.RunState = RunState.Paused;
    }

    private static int? Limit(Decision decision) => (int?)decision.DowntimeLimit?.ToTimeSpan().TotalMilliseconds;
}
