namespace Orchestrator.Policy.Convergence;

/// <summary>The document's stop conditions and the caller's deadline.</summary>
internal static class StopRules
{
    /// <returns>The first that is met; its condition is the whole rule, e.g. "stop.deadline".</returns>
    public static Finding? FirstMet(ConvergenceMoment moment)
    {
        var stop = moment.Terms.Document.Stop;
        return OutOfTime(moment)
            ?? (stop.MaxPasses is { } passes ? Totals.PassesAbove("stop.max_passes", passes, moment) : null)
            ?? (stop.MaxTransferFactor is { } times ? Totals.TransferredAbove("stop.max_transfer_factor", times, moment) : null);
    }

    /// <summary>The same, of the conditions that time alone meets.</summary>
    public static Finding? OutOfTime(ConvergenceMoment moment)
    {
        var stop = moment.Terms.Document.Stop;
        return TimeOver("stop.deadline", moment.Terms.Deadline, moment)
            ?? TimeOver("stop.max_total_time", stop.MaxTotalTime, moment)
            ?? TimeOver("stop.max_total_time_per_gib", stop.MaxTotalTimePerGibibyte * moment.Gibibytes, moment);
    }

    private static Finding? TimeOver(string rule, TimeSpan? limit, ConvergenceMoment moment) =>
        limit is { } allowed && moment.Elapsed >= allowed ? Totals.Elapsed(rule, allowed, moment) : null;
}
