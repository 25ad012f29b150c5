using System.Globalization;
using System.Text;
using Orchestrator.Cli.Rendering;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Migrations.Explaining;

/// <summary>A migration told as a note from one colleague to the next: what was asked, what was decided and why, what came of it.</summary>
internal static class ExplainText
{
    /// <param name="guest">As it is now; null when it is gone.</param>
    /// <param name="decisions">All of them, oldest first.</param>
    /// <param name="width">Columns of running text.</param>
    public static string Render(Migration migration, Guest? guest, IReadOnlyCollection<Decision> decisions, int width)
    {
        var note = new StringBuilder();
        note.AppendLine(CultureInfo.InvariantCulture, $"Migration {migration.MigrationId}").AppendLine();
        note.Append(Prose.Wrap(Asked(migration, guest), width));
        note.Append(Prose.Wrap(Promised(migration), width)).AppendLine();
        note.AppendLine("What was decided");
        if (decisions.Count == 0)
        {
            note.AppendLine(MigrationEnd.IsReached(migration.Phase) ? "  Nothing had to be." : "  Nothing yet.");
        }

        foreach (var decision in decisions)
        {
            Tell(note, migration, decision, width);
        }

        note.AppendLine().AppendLine(MigrationEnd.IsReached(migration.Phase) ? "What became of it" : "Where it stands");
        note.Append(Prose.Wrap(Became(migration), width, "  "));
        if (migration.Summary is { } summary)
        {
            note.AppendLine().Append(Downtimes(migration, summary));
        }

        return note.ToString();
    }

    private static string Asked(Migration migration, Guest? guest)
    {
        var memory = guest?.Spec?.MemoryBytes ?? migration.Summary?.RamBytes ?? migration.LatestReading?.RamTotalBytes ?? 0;
        var machine = memory == 0 ? "" : $" with {QuantityText.Size(memory)} of memory"
            + (guest?.Spec is { } spec ? $" and {(spec.Vcpus <= 1 ? "one vCPU" : $"{spec.Vcpus} vCPUs")}" : "");
        var asked = migration.RequestedBy.Length > 0 ? $" asked for by \"{migration.RequestedBy}\"" : " asked for";
        var engine = migration.SourceEngineVersion.Length == 0 ? ""
            : $" The engine was {migration.Engine} {migration.SourceEngineVersion}"
                + (migration.TargetEngineVersion == migration.SourceEngineVersion
                    ? " at both ends."
                    : $" at the source and {migration.TargetEngineVersion} at the target.");
        var state = migration.GuestWasRunning ? "running" : "paused by its owner";
        var mode = migration.Mode == MigrationMode.NonLive ? "non-live" : "live";
        return $"Guest {migration.GuestId}{machine} was {state} on {migration.SourceHostId}."
            + $" A {mode} migration to {migration.TargetHostId} was{asked} at {Moment.Text(migration.CreatedAt)}."
            + engine;
    }

    private static string Promised(Migration migration) =>
        "Promised: "
        + (migration.MaxDowntime is { } budget ? $"at most {QuantityText.Duration(budget)} of downtime" : "no downtime budget is known")
        + (migration.Deadline is { } deadline ? $", done within {QuantityText.Duration(deadline)}" : "")
        + (migration.MaxBytesPerSecond > 0 ? $", at most {QuantityText.Rate(migration.MaxBytesPerSecond)} of the link" : "")
        + $". Policy: {migration.Policy}, revision {migration.PolicyRevision}.";

    private static void Tell(StringBuilder note, Migration migration, Decision decision, int width)
    {
        var after = decision.Elapsed is { } elapsed ? $"after {QuantityText.Duration(elapsed)}" : Moment.TimeOfDay(decision.At);
        note.Append(Prose.Wrap($"{decision.Sequence}. {after}: {DecisionText.Who(decision)}{DecisionText.Headline(decision)}", width, "  "));
        if (decision.Reason.Length > 0)
        {
            note.Append(Prose.Wrap("Why: " + decision.Reason, width, "     "));
        }

        if (decision.Rule.Length > 0)
        {
            var isOtherPolicy = (decision.Policy, decision.PolicyRevision) != (migration.Policy, migration.PolicyRevision);
            var of = isOtherPolicy && decision.Policy.Length > 0 ? $" of {decision.Policy} revision {decision.PolicyRevision}" : "";
            note.Append(Prose.Wrap($"Rule: {decision.Rule}{of}", width, "     "));
        }

        if (decision.Forecast is { } forecast)
        {
            note.Append(Prose.Wrap("Expected: " + ForecastText.Expected(forecast), width, "     "));
        }

        foreach (var alternative in decision.Alternatives)
        {
            note.Append("     - ").Append(Prose.Wrap(ForecastText.Of(alternative), width, "       ").AsSpan(7));
        }

        // A forecast is made of them, and says it in words.
        if (decision.Inputs.Count > 0 && decision.Forecast is null)
        {
            var seen = decision.Inputs.Select(input => $"{input.Key} {input.Value}").Order(StringComparer.Ordinal);
            note.Append(Prose.Wrap("Seen: " + string.Join(", ", seen), width, "     "));
        }

        note.Append(Prose.Wrap($"Outcome: {DecisionText.Outcome(decision)}{Pace(decision)}", width, "     "));
    }

    private static string Pace(Decision decision)
    {
        List<string> parts = [];
        if (decision.Origin == DecisionOrigin.Agent)
        {
            // At the engine's side: no report went anywhere.
            return "";
        }

        if (decision.ReportToDecision is { } thinking)
        {
            parts.Add($"decided {QuantityText.Duration(thinking)} after the report");
        }

        if (decision.DecisionToCommand is { } writing)
        {
            parts.Add($"commanded {QuantityText.Duration(writing)} later");
        }

        return parts.Count == 0 ? "" : $" ({string.Join(", ", parts)})";
    }

    private static string Became(Migration migration)
    {
        var lines = SummaryText.Headline(migration) + (migration.FailureMessage.Length > 0 ? "\n" + migration.FailureMessage : "");
        return migration.Summary is { } summary ? $"{lines}\nCopied: {SummaryText.Copied(summary)}." : lines;
    }

    private static string Downtimes(Migration migration, MigrationSummary summary) => TextTable.Render(
        ["  DOWNTIME", ""],
        [
            ["  promised", migration.MaxDowntime is { } promised ? $"at most {QuantityText.Duration(promised)}" : ""],
            ["  predicted", summary.PredictedDowntime is { } predicted ? QuantityText.Duration(predicted) : ""],
            ["  measured by the engine", summary.ReportedDowntime is { } reported ? QuantityText.Duration(reported) : ""],
            ["  measured by the agents", summary.ObservedDowntime is { } observed ? QuantityText.Duration(observed) : ""],
            .. migration.Phase == MigrationPhase.Completed
                ? (IReadOnlyList<IReadOnlyList<string>>)[["  so", SummaryText.Verdict(migration, summary)]]
                : [],
        ]);
}
