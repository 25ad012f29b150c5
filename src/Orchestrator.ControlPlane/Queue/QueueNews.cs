using Google.Protobuf.WellKnownTypes;
using Orchestrator.ControlPlane.Migrations;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.ControlPlane.Migrations.Watching;
using Orchestrator.V1;
using LifecyclePhase = Orchestrator.Policy.Lifecycle.MigrationPhase;
using Migration = Orchestrator.ControlPlane.Migrations.Migration;

namespace Orchestrator.ControlPlane.Queue;

/// <summary>Tells this replica's watchers what happens to migrations that nobody commands.</summary>
internal sealed class QueueNews(MigrationStore migrations, MigrationFeed feed)
{
    public void TellQueued(Migration migration) => feed.Publish(migration, LifecyclePhase.Requested, Transition(migration, LifecyclePhase.Requested, "in the queue"));

    /// <summary>Ended while they waited.</summary>
    public async Task TellEndedAsync(IReadOnlyList<Guid> migrationIds, CancellationToken cancellation)
    {
        foreach (var migrationId in migrationIds)
        {
            if (await migrations.FindAsync(migrationId, cancellation) is { HasEnded: true } ended)
            {
                TellEnded(ended);
            }
        }
    }

    public void TellEnded(Migration migration) =>
        feed.Publish(migration, LifecyclePhase.Queued, Transition(migration, LifecyclePhase.Queued, migration.Ending?.Message ?? ""));

    private static Transition Transition(Migration migration, LifecyclePhase from, string reason) => new()
    {
        Sequence = (uint)migration.LastTransition,
        From = MigrationMessages.Phase(from),
        To = MigrationMessages.Phase(migration.Phase),
        At = migration.PhaseSince.ToTimestamp(),
        Reason = reason,
    };
}
