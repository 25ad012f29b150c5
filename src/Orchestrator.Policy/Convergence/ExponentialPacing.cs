namespace Orchestrator.Policy.Convergence;

/// <summary>The limit times a factor at every beat.</summary>
internal static class ExponentialPacing
{
    private const string Rule = "pacing.exponential";

    /// <summary>In whole milliseconds, as engines take it.</summary>
    public static Rise Next(Pacing.Exponential pacing, TimeSpan limit) =>
        new(TimeSpan.FromMilliseconds(Math.Round(limit.TotalMilliseconds * pacing.Factor)), 0, moment => Due(pacing, moment));

    private static Finding? Due(Pacing.Exponential pacing, ConvergenceMoment moment)
    {
        if (moment.Elapsed < pacing.StartAfter)
        {
            return null;
        }

        if (pacing.EveryStalledRounds is { } rounds)
        {
            return Beats.StalledRounds(Rule, rounds, moment);
        }

        var beatAt = moment.State.Pacing.BeatAt;
        var since = beatAt > pacing.StartAfter ? beatAt : pacing.StartAfter;
        return pacing.EveryTime is { } every ? Beats.TimePassed(Rule, since, every, moment) : null;
    }
}
