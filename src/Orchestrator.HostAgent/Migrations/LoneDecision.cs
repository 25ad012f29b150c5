using Orchestrator.Agent.V1;
using Orchestrator.Policy.Convergence;
using Orchestrator.V1;
using CommandCase = Orchestrator.Agent.V1.ExecuteRequest.CommandOneofCase;

namespace Orchestrator.HostAgent.Migrations;

/// <summary>What the agent decided by itself while nobody commanded.</summary>
/// <param name="Decision">As it is reported: numbered, with its outcome as far as known.</param>
/// <param name="Request">What carries it out, in the form of the command that it stands for.</param>
internal sealed record LoneDecision(Decision Decision, ExecuteRequest Request)
{
    public bool IsUnderWay => Decision.Outcome == DecisionOutcome.Intended;

    public LoneDecision With(DecisionOutcome outcome, string message) =>
        this with { Decision = new Decision(Decision) { Outcome = outcome, OutcomeMessage = message } };
}

/// <summary>How the policy stands by all that an agent can know: the commands it carried out and what it decided itself.</summary>
internal static class KnownDecisions
{
    /// <summary>
    /// Of this attempt. Steps that were taken count as taken, waits that time alone ends count from when they were, and what readings show is measured anew.
    /// </summary>
    public static ConvergenceState Of(SessionRecord record, ConvergenceTerms terms)
    {
        var limit = record.Start?.DowntimeLimit?.ToTimeSpan() ?? terms.Document.InitialDowntime;
        var document = record.Start?.Unattended?.Document;
        var state = UnattendedPolicy.Join(terms, limit, TimeSpan.Zero);
        foreach (var (at, request, byPolicy) in Done(record).Where(done => done.At >= record.StartedAt).OrderBy(done => done.At))
        {
            var elapsed = record.StartedAt is { } started && at > started ? at - started : TimeSpan.Zero;
            limit = request.AdjustSource?.DowntimeLimit?.ToTimeSpan() ?? limit;
            if (request.AdjustSource?.Unattended is { } anew && !Equals(anew.Document, document))
            {
                // Its ladder begins anew with it, and a pause that is on keeps its bound.
                document = anew.Document;
                state = UnattendedPolicy.Join(terms, limit, elapsed) with { Pause = state.Pause };
                continue;
            }

            state = UnattendedPolicy.After(terms, state, Read(request, byPolicy), elapsed).WithLimit(limit);
        }

        return record.PausedToConverge ? state : state with { Pause = null };
    }

    private static IEnumerable<(DateTimeOffset At, ExecuteRequest Request, bool ByPolicy)> Done(SessionRecord record) =>
        record.Commands.Values
            .Where(command => command.Answer is JournalEntry.Answered)
            .Select(command => (command.Answer!.At, command.Request, command.Request.HasUnattendedSeen))
            .Concat(record.LoneDecisions
                .Where(lone => lone.Decision.Outcome == DecisionOutcome.Applied)
                .Select(lone => (lone.Decision.At.ToDateTimeOffset(), lone.Request, true)));

    /// <summary>A limit that a caller set is no step of the ladder.</summary>
    private static ConvergenceDecision Read(ExecuteRequest request, bool byPolicy) => request switch
    {
        { AdjustSource.Throttle: { } bounds } => new ConvergenceDecision.StartThrottle(
            (int)bounds.InitialPercent, (int)bounds.IncrementPercent, (int)bounds.MaxPercent),
        { AdjustSource.DowntimeLimit: { } limit } when byPolicy => new ConvergenceDecision.SetDowntimeLimit(limit.ToTimeSpan()),
        { PauseSource.MaxPause: { } longest } => new ConvergenceDecision.Pause(longest.ToTimeSpan()),
        { CommandCase: CommandCase.ResumeSource } => new ConvergenceDecision.Resume(),
        _ => new ConvergenceDecision.Wait(),
    };
}
