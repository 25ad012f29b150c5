namespace Orchestrator.Policy.Convergence;

/// <summary>What a trigger means: whether it holds at a moment. Those that speak of numbers hold only on fresh ones.</summary>
internal static class Triggers
{
    public static Finding? FirstThatHolds(IReadOnlyList<Trigger> triggers, ConvergenceMoment moment) =>
        triggers.Select(trigger => Holds(trigger, moment)).FirstOrDefault(finding => finding is not null);

    private static Finding? Holds(Trigger trigger, ConvergenceMoment moment) => trigger switch
    {
        Trigger.Stalled stalled => Stalled(stalled, moment),
        Trigger.Infeasible => Infeasible(moment),
        Trigger.PassesAbove above => Totals.PassesAbove("passes_above", above.Passes, moment),
        Trigger.TransferredAbove above => Totals.TransferredAbove("transferred_above_ram_times", above.RamTimes, moment),
        Trigger.ElapsedAbove above => moment.Elapsed > above.Duration ? Totals.Elapsed("elapsed_above", above.Duration, moment) : null,
        Trigger.ElapsedAbovePerGibibyte above => above.Duration * moment.Gibibytes is var limit && moment.Elapsed > limit
            ? Totals.Elapsed("elapsed_above_per_gib", limit, moment)
            : null,
        Trigger.NoProgressFor patience => NoProgress(patience.Duration, moment),
        Trigger.LimitExhausted exhausted => Exhausted(exhausted.For, moment),
        _ => throw new System.Diagnostics.UnreachableException($"No arm for {trigger}."),
    };

    private static Finding? Stalled(Trigger.Stalled stalled, ConvergenceMoment moment)
    {
        var share = stalled.MinImprovement == 0 ? RoundMeter.UsualImprovement : stalled.MinImprovement;
        var rounds = moment.State.Rounds;
        var inARow = rounds.StalledRounds(share, moment.State.Ladder.CountFromJudged);
        if (!moment.SeesProgress || rounds.BestBytes is not { } best || inARow < stalled.Rounds)
        {
            return null;
        }

        return new Finding(
            "stalled",
            $"{Figure.Of(inARow, "round")} in a row brought no improvement by {Figure.Number(share * 100)} % (best {new DataSize(best)})",
            ("stalled_rounds", Figure.Count(inARow)),
            ("min_improvement", Figure.Number(share)),
            ("best_bytes", Figure.Count(best)));
    }

    private static Finding? Infeasible(ConvergenceMoment moment)
    {
        if (Feasibility.Confirmed(moment) is not { } downtime)
        {
            return null;
        }

        return Feasibility.FloorCost(moment) is { } cost && cost > moment.Terms.Budget
            ? new Finding(
                "infeasible",
                $"what the devices can send only when stopped, {moment.Reading.StopCopy}, alone takes {Figure.Milliseconds(cost)} ms",
                ("floor_downtime_ms", Figure.Milliseconds(cost)))
            : new Finding(
                "infeasible",
                $"the guest dirties {moment.Reading.DirtyRate} over a link of {moment.Reading.Bandwidth} "
                + $"and {Figure.Milliseconds(downtime)} ms of downtime are expected");
    }

    private static Finding? NoProgress(TimeSpan patience, ConvergenceMoment moment)
    {
        var rounds = moment.State.Rounds;
        var from = moment.State.Ladder.CountFrom;
        if (!moment.SeesProgress || rounds.FellAt is not { } fellAt)
        {
            return null;
        }

        var still = moment.Elapsed - Later(fellAt, from);
        if (still >= patience)
        {
            return Patience(still, "the remaining amount has not fallen");
        }

        // A long pass that still falls is alive: passes speak when they are over, by what the next one found.
        var unimproved = rounds is { Honest: true, JudgedAt: { } judgedAt, ImprovedAt: { } improvedAt }
            ? judgedAt - Later(improvedAt, from)
            : TimeSpan.Zero;
        return unimproved >= patience ? Patience(unimproved, "no pass has begun with less to send") : null;
    }

    private static Finding Patience(TimeSpan duration, string what) => new(
        "no_progress_for", $"{what} for {Figure.Seconds(duration)} s", ("no_progress_s", Figure.Seconds(duration)));

    private static Finding? Exhausted(TimeSpan patience, ConvergenceMoment moment)
    {
        if (moment.State.Pacing.ExhaustedAt is not { } exhaustedAt)
        {
            return null;
        }

        var since = moment.Elapsed - Later(exhaustedAt, moment.State.Ladder.ResumedAt ?? TimeSpan.Zero);
        return since < patience ? null : new Finding(
            "limit_exhausted",
            $"the limit has been at its highest, {Figure.Milliseconds(moment.State.Limit)} ms, for {Figure.Seconds(since)} s",
            ("exhausted_s", Figure.Seconds(since)));
    }

    private static TimeSpan Later(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
