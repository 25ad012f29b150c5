using Orchestrator.ControlPlane.Migrations;
using Orchestrator.ControlPlane.Migrations.Ledger;

namespace Orchestrator.ControlPlane.Queue;

/// <summary>Takes migrations out of the queue at their callers' wish. Nobody commands them, so nobody has to be asked.</summary>
internal sealed class QueueExit(SlotStore slots, MigrationStore migrations, TimeProvider clock)
{
    /// <returns>As it ended; null when it does not wait in the queue.</returns>
    public async Task<Migration?> CancelAsync(Guid migrationId, string reason, CancellationToken cancellation)
    {
        var words = reason.Length > 0 ? reason : "a caller's wish";
        return await slots.CancelQueuedAsync(migrationId, words, clock.GetUtcNow(), cancellation)
            ? await migrations.FindAsync(migrationId, cancellation)
            : null;
    }
}
