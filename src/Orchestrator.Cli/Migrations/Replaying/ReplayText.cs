using System.Globalization;
using System.Text;
using Orchestrator.Cli.Rendering;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Migrations.Replaying;

/// <summary>Two histories side by side, and where they part.</summary>
internal static class ReplayText
{
    private const string Nothing = "nothing";

    /// <param name="width">Columns of running text.</param>
    public static string Render(ReplayMigrationResponse replay, int width)
    {
        var text = new StringBuilder();
        if (replay.Steps.Count > 0)
        {
            text.Append(TextTable.Render(
                [" ", "AFTER", "DECIDED", $"BY {Name(replay).ToUpperInvariant()}"],
                replay.Steps.Select((step, index) => Row(step, replay.HasPartsAtStep && index == replay.PartsAtStep)))).AppendLine();
        }

        return text.Append(Prose.Wrap(Close(replay), width)).ToString();
    }

    private static IReadOnlyList<string> Row(ReplayedStep step, bool parts) =>
    [
        // Which one it is has to be seen without colours too.
        parts ? ">" : " ",
        After(step),
        step.Recorded is { } recorded ? Told(recorded) : Nothing,
        step switch
        {
            { Replayed: null } => Nothing,
            { Recorded: { Origin: not DecisionOrigin.Policy }, Same: true } => "likewise",
            { Same: true } => "the same",
            _ => Told(step.Replayed),
        },
    ];

    private static string Close(ReplayMigrationResponse replay)
    {
        var readings = replay.Readings == 1 ? "1 reading" : string.Create(CultureInfo.InvariantCulture, $"{replay.Readings} readings");
        var missing = replay.ReadingsMissing switch
        {
            0 => "",
            1 => ", 1 report between them was never recorded",
            var count => string.Create(CultureInfo.InvariantCulture, $", {count} reports between them were never recorded"),
        };
        if (!replay.HasPartsAtStep)
        {
            return $"On {readings}{missing}, {Name(replay)} decides what was decided.";
        }

        var step = replay.Steps[(int)replay.PartsAtStep];
        var recorded = step.Recorded is { } was ? $"it was decided to {DecisionText.Headline(was)}" : "nothing was decided";
        var replayed = step.Replayed is { } would
            ? $"{Name(replay)} would have decided to {DecisionText.Headline(would)}{Because(would)}"
            : $"{Name(replay)} would have decided nothing";
        return $"On {readings}{missing}, they part after {After(step)}, where {recorded} and {replayed}; from there on the readings are those of another history.";
    }

    private static string Because(Decision decision) => decision.Reason.Length > 0 ? $" ({decision.Reason.TrimEnd('.')})" : "";

    private static string Told(Decision decision) =>
        DecisionText.Who(decision) + DecisionText.Headline(decision) + (decision.Rule.Length > 0 ? $" [{decision.Rule}]" : "");

    private static string After(ReplayedStep step) => step.Elapsed is { } elapsed ? QuantityText.Duration(elapsed) : "?";

    private static string Name(ReplayMigrationResponse replay) => replay.Policy.Length == 0
        ? "this document"
        : string.Create(CultureInfo.InvariantCulture, $"{replay.Policy}@{replay.Revision}");
}
