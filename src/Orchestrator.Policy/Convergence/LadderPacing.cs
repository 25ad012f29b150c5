using System.Diagnostics;

namespace Orchestrator.Policy.Convergence;

/// <summary>The limit takes listed values, each a wait after the one before.</summary>
internal static class LadderPacing
{
    /// <param name="least">A rung below it is no rise any more, say after a caller's own, and is passed over.</param>
    /// <returns>Null when no rung is left.</returns>
    public static Rise? Next(Pacing.Ladder pacing, int nextRung, TimeSpan least)
    {
        for (var index = nextRung; index < pacing.Rungs.Count; index++)
        {
            var rung = pacing.Rungs[index];
            if (rung.Limit >= least)
            {
                var rule = $"pacing.ladder[{Figure.Count(index)}]";
                return new Rise(rung.Limit, index + 1, moment => Due(rule, rung.After, moment));
            }
        }

        return null;
    }

    private static Finding? Due(string rule, RungWait wait, ConvergenceMoment moment) => wait switch
    {
        RungWait.Passes passes => Beats.PassesGone(rule, passes.Count, moment),
        RungWait.Time time => Beats.TimePassed(rule, moment.State.Pacing.BeatAt, time.Duration, moment),
        RungWait.TimePerGibibyte time => Beats.TimePassed(rule, moment.State.Pacing.BeatAt, time.Duration * moment.Gibibytes, moment),
        RungWait.StalledRounds rounds => Beats.StalledRounds(rule, rounds.Count, moment),
        _ => throw new UnreachableException($"No arm for {wait}."),
    };
}
