namespace Orchestrator.Policy.Convergence;

/// <summary>Whether the numbers say that the copy cannot get below the budget.</summary>
internal static class Feasibility
{
    // Two samples of one measuring window of the engine (100 ms in QEMU) would only repeat each other.
    private static readonly TimeSpan s_apart = TimeSpan.FromMilliseconds(250);

    /// <summary>The first sighting of the row this reading stands in; null when the row is broken.</summary>
    public static InfeasibleSighting? Remember(ConvergenceMoment moment)
    {
        if (moment.State.Round <= moment.State.Ladder.ActedInRound)
        {
            // What a step did to the guest shows in the dirty rate only after the next sync.
            return null;
        }

        var before = moment.State.Infeasible;
        if (Look(moment) is { } downtime)
        {
            return before is not null && Agree(before.Downtime, downtime) ? before : new InfeasibleSighting(moment.Elapsed, downtime);
        }

        return SeesEnough(moment.Fresh) ? null : before;
    }

    /// <summary>This reading says it, and so did one before that agrees with it.</summary>
    /// <returns>The downtime that is expected at least.</returns>
    public static TimeSpan? Confirmed(ConvergenceMoment moment) =>
        moment.State.Infeasible is { } first && moment.Elapsed - first.At >= s_apart ? Look(moment) : null;

    /// <summary>The devices' share of the downtime: what they can send only when stopped, over the link.</summary>
    public static TimeSpan? FloorCost(ConvergenceMoment moment)
    {
        // A first pass that is mostly zero pages moves few bytes: its measured bandwidth is no measure of the link.
        var rate = moment.Reading.FirstPass ? moment.Terms.Document.Bandwidth.SwitchOver : moment.Fresh.SwitchOverBandwidth;
        return moment.Fresh.StopCopy is { Bytes: > 0 } floor && rate is { BytesPerSecond: > 0 } known ? floor / known : null;
    }

    private static TimeSpan? Look(ConvergenceMoment moment)
    {
        var budget = moment.Terms.Budget;
        if (FloorCost(moment) is { } cost && cost > budget)
        {
            return cost;
        }

        var fresh = moment.Fresh;
        return !moment.Reading.FirstPass
            && fresh.DirtyRate is { } dirty && fresh.Bandwidth is { } bandwidth && dirty >= bandwidth
            && fresh.ExpectedDowntime is { } expected && expected > budget
                ? expected
                : null;
    }

    private static bool SeesEnough(FreshNumbers fresh) =>
        fresh.DirtyRate is not null && fresh.Bandwidth is not null && fresh.ExpectedDowntime is not null;

    private static bool Agree(TimeSpan one, TimeSpan other) =>
        one.TotalSeconds <= 2 * other.TotalSeconds && other.TotalSeconds <= 2 * one.TotalSeconds;
}
