using System.Globalization;
using Orchestrator.Cli.Rendering;
using Orchestrator.Specs;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Orchestrator.Cli.Migrations.Progress;

/// <summary>All running migrations as a table that is redrawn in place.</summary>
internal static class FleetTable
{
    /// <param name="outage">What is wrong with the connection; null when nothing is.</param>
    public static IRenderable Render(IEnumerable<MigrationView> views, string? outage, bool unicode)
    {
        var table = new Table { Border = unicode ? TableBorder.Rounded : TableBorder.Ascii };
        table.AddColumns("guest", "from", "to", "phase", "pass", "done", "remaining", "expected", "budget", "speed");
        foreach (var view in views.OrderBy(view => view.Migration.GuestId, StringComparer.Ordinal))
        {
            var (migration, reading) = (view.Migration, view.Reading);
            table.AddRow(
                Cell(migration.GuestId),
                Cell(migration.SourceHostId),
                Cell(migration.TargetHostId),
                Cell(EnumText.Of(view.Phase)),
                Cell(reading is null ? "" : ReadingText.Pass(reading)),
                Cell(view.Done is { } done ? string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(done * 100)} %") : ""),
                Cell(reading is null ? "" : QuantityText.Size(reading.RemainingBytes)),
                Cell(reading is null ? "" : ReadingText.Expected(reading)),
                Cell(ReadingText.Budget(migration)),
                Cell(reading is null ? "" : QuantityText.Rate(reading.BandwidthBytesPerSecond)));
        }

        if (table.Rows.Count == 0)
        {
            table.Caption = new TableTitle("nothing is running");
        }

        if (outage is not null)
        {
            table.Caption = new TableTitle(Markup.Escape(Prose.Printable(outage)), new Style(Color.Yellow));
        }

        return table;
    }

    private static Text Cell(string text) => new(Prose.Printable(text));
}
