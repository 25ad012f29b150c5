using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Queue;

/// <summary>Adds to a migration as callers see it where it stands while it waits.</summary>
internal sealed class QueueWords(QueueStandings standings)
{
    /// <summary>The same to what a watcher is told, of which others are told too.</summary>
    public async Task<MigrationHappening> AddAsync(MigrationHappening happening, CancellationToken cancellation) =>
        happening.Snapshot is { Phase: MigrationPhase.Queued or MigrationPhase.Preparing } snapshot
            ? new MigrationHappening(happening) { Snapshot = (await AddAsync([snapshot.Clone()], cancellation))[0] }
            : happening;

    /// <summary>All by one look at the queue.</summary>
    /// <returns>The same messages.</returns>
    public async Task<IReadOnlyList<Migration>> AddAsync(IReadOnlyList<Migration> migrations, CancellationToken cancellation)
    {
        var waiting = migrations.Where(migration => migration.Phase is MigrationPhase.Queued or MigrationPhase.Preparing).ToList();
        if (waiting.Count == 0)
        {
            return migrations;
        }

        // One that came after the last look is not in it. Of those being prepared only those that wait have anything to tell.
        var view = await standings.ReadAsync(
            waiting.Max(migration => migration.Phase is MigrationPhase.Queued ? migration.PhaseSince?.ToDateTimeOffset() : null), cancellation);
        foreach (var migration in waiting)
        {
            if (Guid.TryParse(migration.MigrationId, out var id) && view.Standings.TryGetValue(id, out var standing))
            {
                migration.Standing = QueueMessages.Standing(standing);
            }
        }

        return migrations;
    }
}
