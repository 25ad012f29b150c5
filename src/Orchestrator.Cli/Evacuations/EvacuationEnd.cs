using Orchestrator.V1;

namespace Orchestrator.Cli.Evacuations;

/// <summary>When an evacuation is over.</summary>
internal static class EvacuationEnd
{
    public static bool IsReached(EvacuationState state) =>
        state is EvacuationState.Completed or EvacuationState.Incomplete or EvacuationState.Cancelled;
}
