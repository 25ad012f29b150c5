using Orchestrator.Policy.Convergence;
using Orchestrator.Policy.Lifecycle;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>The commands whose refusal the policy has to know of.</summary>
internal static class RefusedActs
{
    public static AgentCommandKind KindOf(RefusableAct act) => act switch
    {
        RefusableAct.Pause => AgentCommandKind.PauseSource,
        RefusableAct.Resume => AgentCommandKind.ResumeSource,
        RefusableAct.StartPostCopy => AgentCommandKind.StartPostCopy,
    };
}
