using Spectre.Console;

namespace Orchestrator.Lab.Reports;

/// <summary>Tables in the terminal. Where it is narrower than the table, or no terminal, the lines are as long as they are.</summary>
internal static class TerminalReport
{
    private const int WidestTable = 400;

    public static void Write(IAnsiConsole console, Grid grid)
    {
        var table = new Table { Border = TableBorder.Simple, Title = new TableTitle(Markup.Escape(grid.Title)) };
        foreach (var (column, index) in grid.Columns.Select((column, index) => (column, index)))
        {
            var shown = new TableColumn(Markup.Escape(column)).NoWrap();
            table.AddColumn(index == 0 ? shown.LeftAligned() : shown.RightAligned());
        }

        foreach (var row in grid.Rows)
        {
            table.AddRow([.. row.Select(Markup.Escape)]);
        }

        console.Profile.Width = Math.Max(console.Profile.Width, WidestTable);
        console.Write(table);
    }
}
