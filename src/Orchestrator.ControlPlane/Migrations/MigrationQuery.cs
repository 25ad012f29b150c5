using Orchestrator.Policy.Lifecycle;

namespace Orchestrator.ControlPlane.Migrations;

/// <summary>Which migrations are meant. Empty text and no phases mean all.</summary>
internal sealed record MigrationQuery(string GuestId, string HostId, IReadOnlyList<MigrationPhase> Phases, bool RunningOnly)
{
    /// <param name="phases">Phases it is in, or has just left and entered.</param>
    public bool Matches(Migration migration, params ReadOnlySpan<MigrationPhase> phases)
    {
        if ((GuestId.Length > 0 && GuestId != migration.GuestId)
            || (HostId.Length > 0 && HostId != migration.SourceHostId && HostId != migration.TargetHostId))
        {
            return false;
        }

        foreach (var phase in phases)
        {
            if ((Phases.Count == 0 || Phases.Contains(phase)) && (!RunningOnly || !MigrationLifecycle.IsEnd(phase)))
            {
                return true;
            }
        }

        return false;
    }
}
