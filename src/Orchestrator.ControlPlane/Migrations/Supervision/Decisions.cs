using System.Diagnostics;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.Policy.Convergence;
using Orchestrator.Policy.Lifecycle;
using Orchestrator.PolicyMessages;
using Orchestrator.V1;
using CommandCase = Orchestrator.Agent.V1.ExecuteRequest.CommandOneofCase;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>Words what the policy decided: for the record, and for the agent that carries it out.</summary>
internal static class Decisions
{
    public static Decision Word(ConvergenceStep step, ConvergenceReading reading, TimeSpan reportToDecision)
    {
        var decision = DecisionMessage.Of(step, reading);
        decision.Origin = DecisionOrigin.Policy;
        decision.ReportToDecision = reportToDecision.ToDuration();
        return decision;
    }

    /// <param name="step">What the policy answered; null when it was not asked.</param>
    /// <param name="taken">What it wanted was written down.</param>
    public static ReadingUse UseMadeOf(ConvergenceStep? step, bool taken) =>
        step is null ? ReadingUse.Recorded
        : taken || step.Decision is ConvergenceDecision.Wait ? ReadingUse.Judged
        : ReadingUse.Waited;

    /// <param name="agentDecisionsSeen">Decided with so many of the agent's own decisions known.</param>
    /// <returns>Null when no agent need be told of it as such: an abort is undone step by step.</returns>
    public static WordedCommand? Command(ConvergenceDecision decision, Migration migration, ConvergenceTerms terms, int agentDecisionsSeen)
    {
        if (DecisionCommand.Of(decision, terms.Budget) is not { } request)
        {
            return null;
        }

        request.MigrationId = migration.MigrationId.ToString();
        request.UnattendedSeen = (uint)agentDecisionsSeen;
        return new WordedCommand(KindOf(request.CommandCase), request);
    }

    public static WordedCommand Adjust(Migration migration, AdjustSource adjustment) =>
        new(AgentCommandKind.AdjustSource, AgentCommands.Adjust(migration, adjustment));

    public static WordedCommand Pause(Migration migration, TimeSpan longest) => new(AgentCommandKind.PauseSource, new ExecuteRequest
    {
        MigrationId = migration.MigrationId.ToString(),
        PauseSource = new PauseSource { MaxPause = longest.ToDuration() },
    });

    public static WordedCommand Plain(AgentCommandKind kind, Migration migration, ConvergenceTerms terms) =>
        new(kind, AgentCommands.Word(kind, migration, terms, "", ""));

    private static AgentCommandKind KindOf(CommandCase command) => command switch
    {
        CommandCase.AdjustSource => AgentCommandKind.AdjustSource,
        CommandCase.StartPostCopy => AgentCommandKind.StartPostCopy,
        CommandCase.PauseSource => AgentCommandKind.PauseSource,
        CommandCase.ResumeSource => AgentCommandKind.ResumeSource,
        _ => throw new UnreachableException($"No policy decides {command}."),
    };
}
