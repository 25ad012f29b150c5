using Orchestrator.V1;

namespace Orchestrator.Cli.Migrations;

/// <summary>When a migration is over. Needing attention is no end: it goes on once both sides can be asked.</summary>
internal static class MigrationEnd
{
    public static bool IsReached(MigrationPhase phase) =>
        phase is MigrationPhase.Completed or MigrationPhase.Cancelled or MigrationPhase.Failed;
}
