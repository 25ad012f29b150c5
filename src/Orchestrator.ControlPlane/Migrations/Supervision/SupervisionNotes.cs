using Orchestrator.V1;
using MigrationPhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>What a supervisor logs of its migration's way.</summary>
internal static partial class SupervisionNotes
{
    public static void Moved(ILogger logger, Migration migration, MigrationPhase from, string reason)
    {
        if (migration.Phase is MigrationPhase.NeedsAttention)
        {
            NeedsAttention(logger, migration.MigrationId, from, reason);
        }
        else
        {
            Moved(logger, migration.MigrationId, from, migration.Phase, reason);
        }
    }

    [LoggerMessage(3, LogLevel.Information, "Migration {MigrationId}: the source's agent had decided {Action} alone by {Rule}: {Reason}")]
    public static partial void DecidedAlone(ILogger logger, Guid migrationId, DecisionAction action, string rule, string reason);

    [LoggerMessage(1, LogLevel.Information, "Migration {MigrationId}: {From} -> {To}: {Reason}.")]
    private static partial void Moved(ILogger logger, Guid migrationId, MigrationPhase from, MigrationPhase to, string reason);

    [LoggerMessage(2, LogLevel.Error, "Migration {MigrationId} needs attention, it was {From}: {Reason}. Both sides are kept.")]
    private static partial void NeedsAttention(ILogger logger, Guid migrationId, MigrationPhase from, string reason);
}
