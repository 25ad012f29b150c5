namespace Orchestrator.Policy.Convergence;

/// <summary>What the supervisor is to do next. Closed: every kind is declared here.</summary>
public abstract record ConvergenceDecision
{
    private ConvergenceDecision()
    {
    }

    /// <summary>Nothing to do on this reading.</summary>
    public sealed record Wait : ConvergenceDecision;

    /// <param name="Limit">Never above the budget.</param>
    /// <param name="SwitchOver">The link's honest rate, which the engine is to reckon the switch-over with; null = as before.</param>
    public sealed record SetDowntimeLimit(TimeSpan Limit, DataRate? SwitchOver = null) : ConvergenceDecision;

    public sealed record StartThrottle(int InitialPercent, int IncrementPercent, int MaxPercent) : ConvergenceDecision;

    public sealed record StartPostCopy(DataRate MaxRate) : ConvergenceDecision;

    public sealed record Pause(TimeSpan MaxPause) : ConvergenceDecision;

    /// <summary>The bounded pause ran out.</summary>
    public sealed record Resume : ConvergenceDecision;

    public sealed record Abort : ConvergenceDecision;
}

/// <summary>What one reading led to.</summary>
/// <param name="State">What to remember; hand it back with the next reading.</param>
/// <param name="Explanation">Null for <see cref="ConvergenceDecision.Wait"/>.</param>
public sealed record ConvergenceStep(ConvergenceState State, ConvergenceDecision Decision, Explanation? Explanation)
{
    internal static ConvergenceStep Nothing(ConvergenceState state) => new(state, new ConvergenceDecision.Wait(), null);
}

/// <summary>Why: the rule that spoke and what it spoke on.</summary>
/// <param name="Rule">For a program, e.g. "pacing.exponential" or "steps[1].stalled".</param>
/// <param name="Reason">In words, with the numbers.</param>
/// <param name="Inputs">Name and value, invariant culture, units in the name or value.</param>
public sealed record Explanation(string Rule, string Reason, IReadOnlyDictionary<string, string> Inputs)
{
    /// <summary>What predictive pacing expects when nothing is changed; null with other pacings.</summary>
    public Forecast? Forecast { get; init; }

    /// <summary>What else could have been done, in the ladder's order. Predictive pacing only.</summary>
    public IReadOnlyList<Alternative> Alternatives { get; init; } = [];
}
