using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Queue;

/// <summary>Adds to a migration as callers see it where it stands while it waits.</summary>
internal sealed class QueueWords(QueueStandings standings)
{
    /// <returns>The same message.</returns>
    public async Task<Migration> AddAsync(Migration migration, CancellationToken cancellation)
    {
        if (migration.Phase is MigrationPhase.Queued or MigrationPhase.Preparing)
        {
            // One that came after the last look is not in it. Of those being prepared only those that wait have anything to tell.
            var since = migration.Phase is MigrationPhase.Queued ? migration.PhaseSince?.ToDateTimeOffset() : null;
            var view = await standings.ReadAsync(since, cancellation);
            if (Guid.TryParse(migration.MigrationId, out var id) && view.Standings.TryGetValue(id, out var waiting))
            {
                migration.Standing = QueueMessages.Standing(waiting);
            }
        }

        return migration;
    }
}
