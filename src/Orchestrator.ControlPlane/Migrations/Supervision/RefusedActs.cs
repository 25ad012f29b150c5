using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.Policy.Convergence;
using Orchestrator.Policy.Convergence.Replay;
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

    /// <param name="commands">In their order.</param>
    public static IReadOnlyList<RecordedCommand> In(IEnumerable<StoredCommand> commands) =>
    [
        .. from command in commands
           from act in Enum.GetValues<RefusableAct>()
           where KindOf(act) == command.Kind
           select new RecordedCommand(
               act, command.IntendedAt, command.Answer is { Outcome: CommandOutcome.Refused } refusal ? refusal.At : null),
    ];
}
