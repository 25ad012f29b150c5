namespace Orchestrator.Policy.Convergence;

/// <summary>While the guest is paused to converge only the pause's own end is decided.</summary>
internal static class PauseRules
{
    /// <returns>Null when the guest is not paused.</returns>
    public static ConvergenceStep? Keep(ConvergenceMoment moment)
    {
        if (moment.State.Pause is not { } pause)
        {
            // Reported but not ours any more: the resume is under way.
            return moment.Reading.PausedToConverge ? ConvergenceStep.Nothing(moment.State) : null;
        }

        var lasted = moment.Elapsed - pause.Since;
        return lasted < pause.MaxPause ? ConvergenceStep.Nothing(moment.State) : Resume(moment, pause, lasted);
    }

    /// <summary>The guest runs again: what counts for the next step counts from here.</summary>
    public static ConvergenceState Ended(ConvergenceState state, TimeSpan at) => state with
    {
        Pause = null,
        Infeasible = null,
        Ladder = state.Ladder with
        {
            CountFrom = at,
            CountFromJudged = state.Rounds.Judged,
            ActedInRound = state.Rounds.Number,
            ResumedAt = at,
        },
    };

    private static ConvergenceStep Resume(ConvergenceMoment moment, PauseInForce pause, TimeSpan lasted)
    {
        var rule = pause.Step is { } step ? $"steps[{Figure.Count(step)}].pause.max_pause" : "pause.max_pause";
        var text = $"Resuming the guest: it was paused for {Figure.Milliseconds(lasted)} ms without a switch-over, "
            + $"{Figure.Milliseconds(pause.MaxPause)} ms are allowed";
        return new ConvergenceStep(Ended(moment.State, moment.Elapsed), new ConvergenceDecision.Resume(), Explaining.Explain(moment, rule, text, [
            ("paused_ms", Figure.Milliseconds(lasted)),
            ("max_pause_ms", Figure.Milliseconds(pause.MaxPause)),
        ]));
    }
}
