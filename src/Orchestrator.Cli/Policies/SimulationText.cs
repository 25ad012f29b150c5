using System.Globalization;
using System.Text;
using Orchestrator.Cli.Migrations;
using Orchestrator.Cli.Rendering;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Policies;

/// <summary>A simulated migration, told decision by decision.</summary>
internal static class SimulationText
{
    private const int Width = 110;

    public static string Tell(SimulatedRun run, SimulatedMigration migration)
    {
        var text = new StringBuilder();
        foreach (var decision in run.Decisions)
        {
            text.Append(Prose.Wrap($"{QuantityText.Duration(decision.Elapsed)}: {DecisionText.Headline(decision)}", Width, "  "));
            text.Append(Prose.Wrap("Why: " + decision.Reason, Width, "     "));
        }

        if (run.Decisions.Count == 0)
        {
            text.AppendLine("  Nothing had to be decided.");
        }

        var end = run.End switch
        {
            SimulatedEnd.WithinTerms => "It would be moved within its terms",
            SimulatedEnd.OverBudget => "It would be moved, but stand still for longer than promised",
            SimulatedEnd.TooLate => "It would be moved, but after its deadline",
            SimulatedEnd.NotPermitted => "It would be moved by post-copy, which its owner does not permit",
            SimulatedEnd.GivenUp => "It would be given up and run on where it is",
            SimulatedEnd.Never => "It would not have come to an end",
            _ => "It would have ended in a way that this migctl does not know",
        };
        text.AppendLine();
        text.Append(Prose.Wrap($"{end}, after {QuantityText.Duration(run.TotalTime)} of {QuantityText.Duration(migration.Deadline)}.", Width));
        text.Append(Prose.Wrap(Facts(run, migration), Width));
        return text.ToString();
    }

    private static string Facts(SimulatedRun run, SimulatedMigration migration)
    {
        List<string> facts = [];
        if (run.Downtime is { } downtime)
        {
            var paused = run.Paused?.ToTimeSpan() > TimeSpan.Zero ? $", {QuantityText.Duration(run.Paused)} of it a pause to converge" : "";
            facts.Add($"downtime {QuantityText.Duration(downtime)} of {QuantityText.Duration(migration.MaxDowntime)}{paused}");
        }

        facts.Add($"{QuantityText.Size(run.BytesTransferred)} sent for {QuantityText.Size(migration.Guest.MemoryBytes)} of memory");
        facts.Add(string.Create(CultureInfo.InvariantCulture, $"{run.Passes} passes"));
        if (run.SlowDown?.ToTimeSpan() > TimeSpan.Zero)
        {
            facts.Add($"{QuantityText.Duration(run.SlowDown)} of CPU time taken from the guest");
        }

        if (run.PostCopyUsed)
        {
            facts.Add("post-copy used");
        }

        var told = string.Join("; ", facts);
        return $"{char.ToUpperInvariant(told[0])}{told[1..]}.";
    }
}
