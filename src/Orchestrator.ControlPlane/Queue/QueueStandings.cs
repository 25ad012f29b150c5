using Orchestrator.ControlPlane.Database;
using Orchestrator.Policy.Admission;

namespace Orchestrator.ControlPlane.Queue;

/// <summary>
/// Where everything that waits stands. Not stored: any replica works it out by the same pass from its own look at the tables, at most once a
/// second however many ask.
/// </summary>
internal sealed class QueueStandings(DatabaseGate database, LimitsStore limits, QueueReader reader, TimeProvider clock) : IDisposable
{
    private static readonly TimeSpan s_holdsFor = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _oneAtATime = new(1);
    private Look? _last;

    public void Dispose() => _oneAtATime.Dispose();

    /// <param name="since">At least as new as this; null = at most a second old.</param>
    public async Task<QueueView> ReadAsync(DateTimeOffset? since, CancellationToken cancellation)
    {
        // Counted from the question, not from the answer: a look that takes longer than it holds serves all that wait for it.
        var asked = clock.GetTimestamp();
        if (Fresh(since, asked) is { } known)
        {
            return known;
        }

        await _oneAtATime.WaitAsync(cancellation);
        try
        {
            if (Fresh(since, asked) is { } meanwhile)
            {
                return meanwhile;
            }

            var began = clock.GetTimestamp();
            var stored = await limits.ReadAsync(cancellation);
            var facts = await database.RunAsync((connection, token) => reader.ReadAsync(connection, stored, forecasting: true, token), cancellation);
            _last = new Look(QueueView.Of(AdmissionPolicy.Plan(facts.Snapshot), facts), began);
            return _last.View;
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    /// <param name="asked"><see cref="TimeProvider.GetTimestamp"/>.</param>
    private QueueView? Fresh(DateTimeOffset? since, long asked) =>
        _last is { } last && clock.GetElapsedTime(last.Began, asked) < s_holdsFor && !(since > last.View.At) ? last.View : null;

    private sealed record Look(QueueView View, long Began);
}

/// <summary>The queue as one look found it.</summary>
/// <param name="Queue">In order, what the next pass would let through included.</param>
/// <param name="Standings">Of those in the queue and of those that wait prepared.</param>
internal sealed record QueueView(
    DateTimeOffset At, IReadOnlyList<(QueuedRow Row, WaitingMigration Standing)> Queue, IReadOnlyDictionary<Guid, WaitingMigration> Standings)
{
    public static QueueView Of(AdmissionPlan plan, QueueFacts facts)
    {
        var queued = facts.Snapshot.Queue.ToDictionary(migration => migration.MigrationId);
        List<(QueuedRow, WaitingMigration)> queue = [];
        foreach (var admitted in plan.Admitted)
        {
            var migration = queued[admitted.MigrationId];
            Add(new WaitingMigration(
                migration.MigrationId,
                0,
                migration.PriorityClass,
                AdmissionPolicy.EffectivePriority(facts.Snapshot, migration),
                [new WaitReason(WaitCause.ItsTurn, "nothing holds it: its turn comes with the next pass")],
                plan.At));
        }

        foreach (var waiting in plan.Waiting)
        {
            Add(waiting);
        }

        return new QueueView(
            plan.At,
            queue,
            queue.Select(entry => entry.Item2).Concat(plan.WaitingPrepared).ToDictionary(waiting => waiting.MigrationId));

        void Add(WaitingMigration waiting) => queue.Add((facts.Rows[waiting.MigrationId], waiting with { Position = queue.Count + 1 }));
    }
}
