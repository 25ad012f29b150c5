namespace Orchestrator.Policy.Convergence;

/// <summary>
/// What the policy took for done although it was refused, and without which a copy would hang: a pause that never was, the end of one, and
/// the switch to post-copy.
/// </summary>
public static class Refusals
{
    // What cannot be done without is wanted again after this long.
    private static readonly TimeSpan s_retractAfter = TimeSpan.FromSeconds(5);

    /// <param name="refusedSince">How long ago the last command of its kind was refused; null when it was not.</param>
    public static ConvergenceState Retract(
        ConvergenceTerms terms, ConvergenceState state, ConvergenceReading reading, Func<RefusableAct, TimeSpan?> refusedSince)
    {
        if (state.Pause is not null && !reading.PausedToConverge && refusedSince(RefusableAct.Pause) >= TimeSpan.Zero)
        {
            state = state with { Pause = null };
        }

        if (state.Pause is null && reading.PausedToConverge && refusedSince(RefusableAct.Resume) >= s_retractAfter)
        {
            state = state with { Pause = new PauseInForce(reading.Elapsed, TimeSpan.Zero, null) };
        }

        return state.Committed && refusedSince(RefusableAct.StartPostCopy) >= s_retractAfter
            ? state with { Committed = false, Ladder = state.Ladder with { Next = Math.Max(0, terms.Document.Steps.Count - 1) } }
            : state;
    }
}

public enum RefusableAct
{
    Pause,
    Resume,
    StartPostCopy,
}
