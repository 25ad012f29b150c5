namespace Orchestrator.Policy.Convergence;

/// <summary>
/// Decides what a running copy does next. The same terms, state and reading always give the same step, so a recorded migration can be
/// replayed against a changed policy.
/// </summary>
public static class ConvergencePolicy
{
    public static ConvergenceStep Step(ConvergenceTerms terms, ConvergenceState state, ConvergenceReading reading) =>
        new(state, new ConvergenceDecision.Wait(), null);
}
