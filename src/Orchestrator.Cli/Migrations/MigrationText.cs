using System.Globalization;
using Orchestrator.Cli.Queue;
using Orchestrator.Cli.Rendering;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Migrations;

/// <summary>Migrations in words.</summary>
internal static class MigrationText
{
    public static string Table(IReadOnlyCollection<Migration> migrations) =>
        migrations.Count == 0
            ? "No migrations match."
            : TextTable.Render(
                ["MIGRATION", "GUEST", "FROM", "TO", "PHASE", "POLICY", "CREATED", "TOOK", "BUDGET", "DOWNTIME", "REMAINING"],
                migrations.Select(migration => (IReadOnlyList<string>)
                [
                    migration.MigrationId,
                    migration.GuestId,
                    migration.SourceHostId,
                    migration.TargetHostId,
                    EnumText.Of(migration.Phase),
                    string.Create(CultureInfo.InvariantCulture, $"{migration.Policy}@{migration.PolicyRevision}"),
                    Moment.Text(migration.CreatedAt),
                    migration.Summary?.TotalTime is { } total ? QuantityText.Duration(total) : "",
                    migration.MaxDowntime is { } budget ? QuantityText.Duration(budget) : "",
                    (migration.Summary?.ObservedDowntime ?? migration.Summary?.ReportedDowntime) is { } measured
                        ? QuantityText.Duration(measured)
                        : "",
                    Remaining(migration),
                ]));

    private static string Remaining(Migration migration) =>
        !MigrationEnd.IsReached(migration.Phase) && migration.LatestReading is { } reading ? QuantityText.Size(reading.RemainingBytes) : "";

    public static string Describe(GetMigrationResponse answer)
    {
        var migration = answer.Migration;
        var text = FactList.Render(
        [
            ("Migration", migration.MigrationId),
            ("Guest", $"{migration.GuestId} ({(migration.GuestWasRunning ? "running" : "paused")} before)"),
            ("From", migration.SourceHostId),
            ("To", QueueText.Target(migration.TargetHostId)),
            ("Phase", $"{EnumText.Of(migration.Phase)} since {Moment.Text(migration.PhaseSince)}"),
            ("Class", migration.PriorityClass),
            ("Not before", Moment.Text(migration.NotBefore)),
            ("Waits", migration.Standing is { } standing ? QueueText.Standing(standing) : null),
            ("Mode", EnumText.Of(migration.Mode)),
            ("Policy", string.Create(CultureInfo.InvariantCulture, $"{migration.Policy} revision {migration.PolicyRevision}")),
            ("Downtime at most", migration.MaxDowntime is { } budget ? QuantityText.Duration(budget) : null),
            ("Deadline", migration.Deadline is { } deadline ? QuantityText.Duration(deadline) : null),
            ("Bandwidth at most", migration.MaxBytesPerSecond > 0 ? QuantityText.Rate(migration.MaxBytesPerSecond) : null),
            ("Share of links", migration.BandwidthShareBytesPerSecond > 0 ? QuantityText.Rate(migration.BandwidthShareBytesPerSecond) : null),
            ("Evacuation", migration.EvacuationId),
            ("Commanded by", migration.ReplicaId),
            ("Requested by", migration.RequestedBy),
            ("Created", Moment.Text(migration.CreatedAt)),
            ("Ended", Moment.Text(migration.EndedAt)),
            ("Engine", $"{migration.Engine} {migration.SourceEngineVersion} -> {migration.TargetEngineVersion}".Trim(' ', '-', '>')),
        ]);
        if (answer.Transitions.Count > 0)
        {
            text += "\n" + TextTable.Render(
                ["AT", "FROM", "TO", "REASON"],
                answer.Transitions.Select(transition => (IReadOnlyList<string>)
                [
                    Moment.Text(transition.At), EnumText.Of(transition.From), EnumText.Of(transition.To), transition.Reason,
                ]));
        }

        return MigrationEnd.IsReached(migration.Phase) || migration.Phase == MigrationPhase.NeedsAttention
            ? text + "\n" + SummaryText.Render(migration)
            : text;
    }
}
