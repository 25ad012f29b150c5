using System.Diagnostics;
using Orchestrator.ControlPlane.Database;
using Orchestrator.Policy.Admission;

namespace Orchestrator.ControlPlane.Queue;

/// <summary>
/// Where everything that waits stands. Not stored: any replica works it out by the same pass from its own look at the tables, at most once a
/// second however many ask, and less often the longer it takes.
/// </summary>
internal sealed class QueueStandings(DatabaseGate database, LimitsStore limits, QueueReader reader, TimeProvider clock) : IDisposable
{
    private static readonly TimeSpan s_holdsFor = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_holdsAtMost = TimeSpan.FromSeconds(15);

    // Looking at a queue of thousands costs more than anybody who asks for one migration of it: from here on the last look does.
    private static readonly TimeSpan s_short = TimeSpan.FromMilliseconds(200);
    private const int HoldsForTimesWhatItTook = 10;

    private readonly SemaphoreSlim _oneAtATime = new(1);
    private Look? _last;

    public void Dispose() => _oneAtATime.Dispose();

    /// <param name="since">
    /// At least as new as this, unless a look takes long; null = at most a second old, or ten times what the look took, up to 15 s.
    /// </param>
    public async Task<QueueView> ReadAsync(DateTimeOffset? since, CancellationToken cancellation)
    {
        // Counted from the question, not from the answer: a look that takes longer than it holds serves all that wait for it.
        var asked = clock.GetTimestamp();
        if (Fresh(since, asked) is { } known)
        {
            return known;
        }

        // One of those who ask looks again, and the others go on with what there is.
        var old = _last is { IsLong: true } last && clock.GetElapsedTime(last.Began, asked) < s_holdsAtMost ? last.View : null;
        if (!await _oneAtATime.WaitAsync(old is null ? Timeout.InfiniteTimeSpan : TimeSpan.Zero, cancellation))
        {
            return old ?? throw new UnreachableException("Nobody stops waiting for the first look.");
        }

        try
        {
            if (Fresh(since, asked) is { } meanwhile)
            {
                return meanwhile;
            }

            var began = clock.GetTimestamp();
            var stored = await limits.ReadAsync(cancellation);
            var facts = await database.RunAsync((connection, token) => reader.ReadAsync(connection, stored, forecasting: true, token), cancellation);
            var view = QueueView.Of(AdmissionPolicy.Plan(facts.Snapshot), facts);
            _last = new Look(view, began, clock.GetElapsedTime(began));
            return view;
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    /// <param name="asked"><see cref="TimeProvider.GetTimestamp"/>.</param>
    private QueueView? Fresh(DateTimeOffset? since, long asked) =>
        _last is { } last && clock.GetElapsedTime(last.Began, asked) < last.HoldsFor && (last.IsLong || !(since > last.View.At)) ? last.View : null;

    private sealed record Look(QueueView View, long Began, TimeSpan Took)
    {
        public bool IsLong => Took > s_short;

        public TimeSpan HoldsFor => TimeSpan.FromTicks(Math.Clamp(HoldsForTimesWhatItTook * Took.Ticks, s_holdsFor.Ticks, s_holdsAtMost.Ticks));
    }
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
