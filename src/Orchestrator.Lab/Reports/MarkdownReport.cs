using System.Text;

namespace Orchestrator.Lab.Reports;

/// <summary>Tables as Markdown.</summary>
internal static class MarkdownReport
{
    public static string Render(IEnumerable<Grid> grids)
    {
        var text = new StringBuilder();
        foreach (var grid in grids)
        {
            text.Append("## ").AppendLine(grid.Title).AppendLine();
            Line(text, grid.Columns);
            Line(text, grid.Columns.Select((_, index) => index == 0 ? ":---" : "---:"));
            foreach (var row in grid.Rows)
            {
                Line(text, row.Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal)));
            }

            text.AppendLine();
        }

        return text.ToString();
    }

    private static void Line(StringBuilder text, IEnumerable<string> cells) => text.Append("| ").AppendJoin(" | ", cells).AppendLine(" |");
}
