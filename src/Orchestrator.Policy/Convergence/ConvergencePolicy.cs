namespace Orchestrator.Policy.Convergence;

/// <summary>
/// Decides what a running copy does next. The same terms, state and reading always give the same step, so a recorded migration can be
/// replayed against a changed policy.
/// </summary>
public static class ConvergencePolicy
{
    /// <summary>
    /// At most one decision for a reading; none for one whose sequence is not above the last, none outside of pre-copy, and none after
    /// post-copy or abort. Stop conditions speak first, then a pause's bound, the ladder's next step, and the limit's climb.
    /// </summary>
    public static ConvergenceStep Step(ConvergenceTerms terms, ConvergenceState state, ConvergenceReading reading)
    {
        if (reading.Sequence <= state.LastSequence)
        {
            return ConvergenceStep.Nothing(state);
        }

        var seen = state with { LastSequence = reading.Sequence };
        if (seen.Committed || reading.Activity is not EngineActivity.PreCopy)
        {
            return ConvergenceStep.Nothing(seen);
        }

        var moment = ConvergenceMoment.Measure(terms, seen, reading);
        if (StopRules.FirstMet(moment) is { } stop)
        {
            return LadderWalk.End(moment, stop);
        }

        if (terms.Document.Pacing is Pacing.Predictive)
        {
            return Predictive.PredictivePacing.Decide(moment);
        }

        if (PauseRules.Keep(moment) is { } paused)
        {
            return paused;
        }

        moment = Climb.Settle(LadderWalk.Advance(moment));
        return LadderWalk.Take(moment) ?? Climb.Raise(moment) ?? ConvergenceStep.Nothing(moment.State);
    }

    /// <summary>
    /// Goes on under another document: its ladder from the beginning, the rounds measured so far, the limit clamped to the new budget.
    /// The engine's own limit is the caller's to lower. A pause that is on keeps its bound.
    /// </summary>
    /// <param name="elapsed">Since the engine started.</param>
    public static ConvergenceState SwitchDocument(ConvergenceTerms newTerms, ConvergenceState state, TimeSpan elapsed) => state with
    {
        Limit = state.Limit < newTerms.Budget ? state.Limit : newTerms.Budget,
        Infeasible = null,
        Ladder = new LadderPosition
        {
            CountFrom = elapsed,
            CountFromJudged = state.Rounds.Judged,
            ActedInRound = state.Ladder.ActedInRound,
            ResumedAt = state.Ladder.ResumedAt,
        },
        Pacing = new PacingProgress(),
        Pause = state.Pause is { } pause ? pause with { Step = null } : null,
    };
}
