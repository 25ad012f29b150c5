using Orchestrator.ControlPlane.Migrations;
using Orchestrator.ControlPlane.Migrations.Watching;
using Orchestrator.ControlPlane.Migrations.Wishes;
using Orchestrator.ControlPlane.Queue;
using Orchestrator.ControlPlane.Tests.Migrations;
using Orchestrator.TestPostgres;
using Orchestrator.V1;
using Kind = Orchestrator.Policy.Lifecycle.AgentCommandKind;
using LifecyclePhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Tests.Replicas;

/// <summary>What a caller sees and asks of the replica that does not command.</summary>
public sealed class OtherReplicaTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>, IAsyncLifetime
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(60);

    // Long enough for a busy machine, short enough for one of these to be taken for dead within a test.
    private static readonly TimeSpan s_term = TimeSpan.FromSeconds(10);

    private Fleet _commander = null!;
    private Fleet _other = null!;

    public async Task InitializeAsync()
    {
        _commander = await new Fleet(postgres.DataSource, lease: s_term).StartAsync(beginHere: true);
        _other = await new Fleet(postgres.DataSource, _commander.Agents, _commander.Clock, lease: s_term).StartAsync(beginHere: true);
    }

    public async Task DisposeAsync()
    {
        await _other.DisposeAsync();
        await _commander.DisposeAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Watch_OnTheOtherReplica_SeesEveryTransitionDecisionAndTheEndOnce(bool notificationsLost)
    {
        if (notificationsLost)
        {
            // Nothing rings there any more; what is left is the slow comparison.
            await _other.Notifications.StopAsync(CancellationToken.None);
        }

        var move = await _commander.AddGuestAsync();
        using var all = _other.Feed.Watch(null, new MigrationQuery(move.GuestId, "", [], false));
        await move.CopyAsync();
        using var one = _other.Feed.Watch(move.Id, new MigrationQuery("", "", [], false));
        one.Catch(await move.FindAsync());
        await move.ReadAsync(move.Copying(0.5));
        await move.ReadAsync(move.Copying(2));
        (await move.Source.NextAsync(Kind.AdjustSource)).Done();
        await move.DecidedAsync(1, DecisionOutcome.Applied);
        move.SourceSays(move.Completed());
        (await move.Target.NextAsync(Kind.HandOverTarget)).Done(move.Arrived());
        (await move.Source.NextAsync(Kind.FinishSource)).Done();
        (await move.Target.NextAsync(Kind.FinishTarget)).Done();
        await move.ReachAsync(LifecyclePhase.Completed);

        var told = await ToTheEndAsync(all);
        Assert.Equal(
            Enumerable.Range(1, 6).Select(sequence => (uint)sequence),
            told.Where(happening => happening.Transition is not null).Select(happening => happening.Transition.Sequence));
        Assert.Contains(told, happening => happening.Decision is { Sequence: 1, Outcome: DecisionOutcome.Applied });
        Assert.True(told.Count(happening => happening.Decision is not null) <= 2);
        var late = await ToTheEndAsync(one);
        var sequences = late.Where(happening => happening.Transition is not null).Select(happening => happening.Transition.Sequence).ToList();
        Assert.Equal(sequences.Distinct().Order(), sequences);
        Assert.Equal(6U, sequences[^1]);
    }

    [Fact]
    public async Task Readings_OfARemoteMigration_ComeFromTheLedger()
    {
        var move = await _commander.AddGuestAsync();
        await move.CopyAsync();
        using var watcher = _other.Feed.Watch(move.Id, new MigrationQuery("", "", [], false));
        watcher.Catch(await move.FindAsync());
        var report = move.Copying(0.5);
        await move.ReadAsync(report);

        // The test's clock stands in the past, further than readings are looked for.
        await Eventually.HoldsAsync(async () => await _other.ScalarAsync<long>(
            """
            WITH moved AS (UPDATE migration_readings SET at = @at WHERE migration_id = @Id RETURNING sequence)
            SELECT count(*) FROM moved
            """,
            new { at = TimeProvider.System.GetUtcNow().UtcDateTime, move.Id }) > 0);
        using var bound = new CancellationTokenSource(s_bound);
        MigrationHappening? reading = null;
        while (reading is null)
        {
            reading = (await watcher.NextAsync(bound.Token))!.FirstOrDefault(happening => happening.Reading is not null);
        }

        Assert.Equal(report.Sequence, reading.Reading.Sequence);
        var shown = await new MigrationReadout(_other.Sources, new QueueWords(_other.Standings)).FindAsync(move.Id, CancellationToken.None);
        Assert.Equal(report.Sequence, shown!.Migration.LatestReading.Sequence);
        await CancelAsync(move);
    }

    [Fact]
    public async Task Wishes_OnTheOtherReplica_AreGrantedOrRefusedByTheCommander()
    {
        var move = await _commander.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));
        move.Fleet = _other;
        var request = new AdjustMigrationRequest { SetBandwidth = 77, RequestId = Guid.NewGuid().ToString() };
        var granting = move.AdjustAsync(request);
        (await move.Source.NextAsync(Kind.AdjustSource)).Done();
        Assert.Equal(WishOutcome.Granted, (await granting).Answer?.Outcome);
        Assert.Equal(77, (await granting).Answer?.Migration?.MaxBytesPerSecond);

        // The same one again is the same change.
        Assert.Equal(WishOutcome.Granted, (await move.AdjustAsync(request)).Answer?.Outcome);
        Assert.Equal(1L, await _other.ScalarAsync<long>("SELECT count(*) FROM migration_decisions WHERE migration_id = @Id", new { move.Id }));
        var refused = await move.AdjustAsync(new AdjustMigrationRequest { RaiseLimit = Fleet.Seconds(2000) });
        Assert.Equal(WishOutcome.LimitAboveBudget, refused.Answer?.Outcome);

        Assert.Equal(WishOutcome.Granted, (await move.CancelAsync())?.Outcome);
        move.Fleet = _commander;
        (await move.Source.NextAsync(Kind.CancelSource)).Done();
        move.SourceSays(move.Undone());
        (await move.Target.NextAsync(Kind.AbandonTarget)).Done();
        (await move.Source.NextAsync(Kind.AbandonSource)).Done();
        await move.ReachAsync(LifecyclePhase.Cancelled);
    }

    [Fact]
    public async Task Wish_WhoseCommanderDies_IsGrantedByTheNextOne()
    {
        var dying = new Fleet(postgres.DataSource, _commander.Agents, _commander.Clock, lease: TimeSpan.FromSeconds(2));
        await dying.StartAsync(beginHere: true);
        var move = await dying.AddGuestAsync();
        await move.CopyAsync();
        await move.ReadAsync(move.Copying(0.5));

        // It is dead before it could look: no desk, no renewal, and its supervisors hear nothing.
        await dying.Desk.StopAsync(CancellationToken.None);
        await dying.Lease.EndAsync();
        move.Fleet = _other;
        var cancelling = move.CancelAsync();

        (await move.Source.NextAsync(Kind.CancelSource)).Done();
        Assert.Equal(WishOutcome.Granted, (await cancelling)?.Outcome);
        move.Fleet = _other.Supervisors.Supervises(move.Id) ? _other : _commander;
        Assert.Equal(move.Fleet.Lease.ReplicaId, (await move.FindAsync()).ReplicaId);
        await UndoAsync(move);
        await dying.DisposeAsync();
    }

    [Fact]
    public async Task Wish_WithNobodyToAnswer_EndsInCommanderSilent()
    {
        await using var asked = new Fleet(postgres.DataSource, _commander.Agents, _commander.Clock, wishWithin: TimeSpan.FromSeconds(1));
        var move = await _commander.AddGuestAsync();
        await move.CopyAsync();
        await _commander.Desk.StopAsync(CancellationToken.None);
        move.Fleet = asked;

        Assert.Equal(WishOutcome.CommanderSilent, (await move.CancelAsync())?.Outcome);

        move.Fleet = _commander;
        await CancelAsync(move);
    }

    private static async Task<IReadOnlyList<MigrationHappening>> ToTheEndAsync(MigrationWatcher watcher)
    {
        using var bound = new CancellationTokenSource(s_bound);
        var told = new List<MigrationHappening>();
        while (!told.Any(happening => happening.Snapshot?.EndedAt is not null))
        {
            told.AddRange((await watcher.NextAsync(bound.Token))!);
        }

        return told;
    }

    private static async Task CancelAsync(Move move)
    {
        var cancelling = move.CancelAsync();
        (await move.Source.NextAsync(Kind.CancelSource)).Done();
        Assert.Equal(WishOutcome.Granted, (await cancelling)?.Outcome);
        await UndoAsync(move);
    }

    private static async Task UndoAsync(Move move)
    {
        move.SourceSays(move.Undone());
        (await move.Target.NextAsync(Kind.AbandonTarget)).Done();
        (await move.Source.NextAsync(Kind.AbandonSource)).Done();
        await move.ReachAsync(LifecyclePhase.Cancelled);
    }
}
