namespace Orchestrator.Policy.Convergence;

/// <summary>What a pacing waits for since its last rise.</summary>
internal static class Beats
{
    public static Finding? TimePassed(string rule, TimeSpan since, TimeSpan wait, ConvergenceMoment moment) =>
        moment.Elapsed - since >= wait
            ? new Finding(
                rule,
                $"{Figure.Seconds(moment.Elapsed - since)} s have passed at it, {Figure.Seconds(wait)} s are its time",
                ("wait_s", Figure.Seconds(wait)))
            : null;

    public static Finding? PassesGone(string rule, int wait, ConvergenceMoment moment) =>
        moment.Passes is { } passes && moment.State.Pacing.BeatPasses is { } before && passes - before >= wait
            ? new Finding(
                rule,
                $"{Figure.Of(passes - before, "pass")} of the copy went by at it, {Figure.Count(wait)} are its number",
                ("passes", Figure.Count(passes)),
                ("wait_passes", Figure.Count(wait)))
            : null;

    /// <summary>Standing on the devices' floor counts as stalled here: a higher limit is just what ends it.</summary>
    public static Finding? StalledRounds(string rule, int wait, ConvergenceMoment moment)
    {
        var rounds = moment.State.Rounds;
        var stalled = rounds.Judged - Math.Max(rounds.LastGain, moment.State.Pacing.BeatJudged);
        return moment.SeesProgress && stalled >= wait
            ? new Finding(
                rule,
                $"{Figure.Of(stalled, "round")} in a row brought no improvement at it",
                ("stalled_rounds", Figure.Count(stalled)),
                ("wait_rounds", Figure.Count(wait)))
            : null;
    }
}
