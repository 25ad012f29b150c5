using Orchestrator.Bench.ControlLoop;
using Orchestrator.Bench.Measuring;
using Orchestrator.V1;

namespace Orchestrator.Bench.Results;

/// <summary>How soon reports became decisions, and decisions commands. Times in ms.</summary>
internal sealed record DecisionFigures
{
    public required int Count { get; init; }

    public required double PerS { get; init; }

    /// <summary>By the control plane's own record: from the report's arrival to the decision.</summary>
    public required Distribution? ReportToDecisionMs { get; init; }

    /// <summary>By the control plane's own record: from the decision to its command's leaving, the write of the intention included.</summary>
    public required Distribution? DecisionToCommandMs { get; init; }

    /// <summary>As the agents saw it: from the report's leaving to the command's coming.</summary>
    public required Distribution? ReportToCommandOnTheWireMs { get; init; }

    /// <summary>Written down and without an outcome when they were read back.</summary>
    public required int WithoutOutcome { get; init; }

    /// <summary>Refused by the agent, or overtaken.</summary>
    public required int NotApplied { get; init; }

    public static DecisionFigures Of(IReadOnlyCollection<SeenDecision> decisions, TimeSpan measured) => new()
    {
        Count = decisions.Count,
        PerS = decisions.Count / measured.TotalSeconds,
        ReportToDecisionMs = Distribution.Of(decisions.Select(seen => seen.Decision.ReportToDecision.ToTimeSpan().TotalMilliseconds)),
        DecisionToCommandMs = Distribution.Of(decisions.Where(seen => seen.Decision.DecisionToCommand is not null)
            .Select(seen => seen.Decision.DecisionToCommand.ToTimeSpan().TotalMilliseconds)),
        ReportToCommandOnTheWireMs = Distribution.Of(decisions.Where(seen => seen.OnTheWire is not null)
            .Select(seen => seen.OnTheWire!.Value.TotalMilliseconds)),
        WithoutOutcome = decisions.Count(seen => seen.Decision.Outcome is DecisionOutcome.Intended),
        NotApplied = decisions.Count(seen => seen.Decision.Outcome is DecisionOutcome.Refused or DecisionOutcome.Overtaken),
    };
}
