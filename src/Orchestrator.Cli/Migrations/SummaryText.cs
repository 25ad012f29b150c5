using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Cli.Rendering;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Migrations;

/// <summary>What became of a migration, in a few lines.</summary>
internal static class SummaryText
{
    public static string Render(Migration migration)
    {
        var text = Headline(migration);
        if (migration.FailureMessage.Length > 0)
        {
            text += $"\n  {migration.FailureMessage}";
        }

        if (migration.Summary is { } summary)
        {
            text += $"\n  downtime: {Downtime(migration, summary)}\n  copied:   {Copied(summary)}";
        }

        return text + "\n";
    }

    /// <summary>Promised against measured: kept, broken, or not known.</summary>
    public static string Verdict(Migration migration, MigrationSummary summary)
    {
        if (migration.MaxDowntime is not { } promised || (summary.ObservedDowntime ?? summary.ReportedDowntime) is not { } measured)
        {
            return "not measured";
        }

        var over = measured.ToTimeSpan() - promised.ToTimeSpan();
        var verdict = over <= TimeSpan.Zero ? "the promise was kept"
            : $"the promise was broken by {QuantityText.Duration(over.ToDuration())}"
                + (summary.ReportedDowntime is { } reported && reported.ToTimeSpan() <= promised.ToTimeSpan()
                    ? ", in the hand-over: the engine itself kept it" : "");

        // The pause has a bound of its own, in the policy; the guest felt it all the same.
        return PauseOf(summary) is { } paused ? $"{verdict}, besides a pause of {QuantityText.Duration(paused)} to converge" : verdict;
    }

    public static string Headline(Migration migration)
    {
        var took = migration.Summary?.TotalTime is { } total ? $" after {QuantityText.Duration(total)}" : "";
        var reason = migration.FailureReason == FailureReason.Unspecified ? "" : $" ({EnumText.Of(migration.FailureReason)})";
        var state = migration.GuestWasRunning ? "runs" : "is paused as before";
        return migration.Phase switch
        {
            MigrationPhase.Completed => $"Completed{took}: guest {migration.GuestId} {state} on {migration.TargetHostId}.",
            MigrationPhase.Cancelled => $"Cancelled{took}: guest {migration.GuestId} {state} on {migration.SourceHostId}.",
            MigrationPhase.Failed => $"Failed{reason}{took}: guest {migration.GuestId} is on {migration.SourceHostId} as before.",
            MigrationPhase.NeedsAttention =>
                $"Needs attention{reason}: what happened to guest {migration.GuestId} cannot be decided safely yet. Both sides are kept,"
                + $" on {migration.SourceHostId} and {migration.TargetHostId}; it goes on once both can be asked.",
            _ => $"Guest {migration.GuestId} on its way from {migration.SourceHostId} to {migration.TargetHostId}: "
                + $"{EnumText.Of(migration.Phase)}.",
        };
    }

    private static string Downtime(Migration migration, MigrationSummary summary)
    {
        List<string> parts = [];
        Add("promised at most", migration.MaxDowntime);
        Add("predicted", summary.PredictedDowntime);
        Add("measured by the engine", summary.ReportedDowntime);
        Add("measured by the agents", summary.ObservedDowntime);
        return string.Join(", ", parts)
            + (migration.Phase == MigrationPhase.Completed ? $" ({Verdict(migration, summary)})" : "");

        void Add(string what, Duration? duration)
        {
            if (duration is not null)
            {
                parts.Add($"{what} {QuantityText.Duration(duration)}");
            }
        }
    }

    public static string Copied(MigrationSummary summary)
    {
        List<string> parts =
        [
            $"{QuantityText.Size(summary.BytesTransferred)} for {QuantityText.Size(summary.RamBytes)} of memory",
            summary.Passes == 1 ? "1 pass" : string.Create(CultureInfo.InvariantCulture, $"{summary.Passes} passes"),
        ];
        if (summary.ThrottlePercent > 0)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"throttled up to {summary.ThrottlePercent} %"));
        }

        if (summary.PostCopyUsed)
        {
            parts.Add("post-copy used");
        }

        if (PauseOf(summary) is { } paused)
        {
            parts.Add($"guest paused for {QuantityText.Duration(paused)} to converge");
        }

        if (summary.FinalLimit is { } limit)
        {
            parts.Add($"final limit {QuantityText.Duration(limit)}");
        }

        return string.Join(", ", parts);
    }

    private static Duration? PauseOf(MigrationSummary summary) =>
        summary.PausedToConverge is { } paused && paused.ToTimeSpan() > TimeSpan.Zero ? paused : null;
}
