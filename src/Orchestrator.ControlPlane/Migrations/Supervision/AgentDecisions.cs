using Google.Protobuf.WellKnownTypes;
using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Policies;
using Orchestrator.Policy.Convergence;
using Orchestrator.PolicyMessages;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations.Supervision;

/// <summary>
/// What the source's agent decides by itself while no control plane is there: what it is given to go by, and which of its decisions are in
/// the record already.
/// </summary>
/// <param name="recorded">How many the ledger has of this migration. Only whoever commands it writes more.</param>
internal sealed class AgentDecisions(int recorded)
{
    public int Recorded { get; private set; } = recorded;

    public static UnattendedTerms Terms(PolicyInForce policy, ConvergenceTerms terms, TimeSpan silence)
    {
        var told = new UnattendedTerms
        {
            OnLoss = policy.Document.OnControlPlaneLoss switch
            {
                ControlPlaneLoss.Continue => OnControlPlaneLoss.Continue,
                ControlPlaneLoss.AgentDecides => OnControlPlaneLoss.AgentDecides,
                ControlPlaneLoss.AbortAtDeadline => OnControlPlaneLoss.AbortAtDeadline,
            },
            Silence = silence.ToDuration(),
            Document = policy.Message,
            MaxDowntime = terms.Budget.ToDuration(),
            Deadline = terms.Deadline?.ToDuration(),
        };
        ConditionsMessage.Put(new CopyConditions(terms.Overhead, terms.LineRate), told);
        return told;
    }

    /// <summary>The agent is in the middle of one: what it comes to is waited for before anything else is decided.</summary>
    public static bool IsOneUnderWay(MigrationReport report) => report.UnattendedDecisions is [.., { Outcome: DecisionOutcome.Intended }];

    /// <returns>The oldest that is not in the record and whose outcome is known, fit for the record; null when there is none.</returns>
    public Decision? Next(MigrationReport report)
    {
        if (report.UnattendedDecisions.ElementAtOrDefault(Recorded) is not
            { Outcome: DecisionOutcome.Applied or DecisionOutcome.Refused or DecisionOutcome.Overtaken } decided)
        {
            return null;
        }

        var next = decided.Clone();
        next.Origin = DecisionOrigin.Agent;
        next.Rule = Words.Clean(next.Rule);
        next.Reason = Words.Clean(next.Reason);
        next.OutcomeMessage = Words.Clean(next.OutcomeMessage);
        next.Inputs.Clear();
        foreach (var (name, value) in decided.Inputs)
        {
            next.Inputs[Words.Clean(name)] = Words.Clean(value);
        }

        foreach (var alternative in next.Alternatives)
        {
            alternative.Action = Words.Clean(alternative.Action);
            alternative.Verdict = Words.Clean(alternative.Verdict);
        }

        return next;
    }

    public void Record() => Recorded++;
}
