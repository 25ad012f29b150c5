using System.Text;

namespace Orchestrator.Cli.Rendering;

/// <summary>Columns of plain text. Never wraps, so that a line stays a record for other programs.</summary>
internal static class TextTable
{
    private const string Gap = "  ";

    public static string Render(IReadOnlyList<string> headers, IEnumerable<IReadOnlyList<string>> rows)
    {
        List<IReadOnlyList<string>> lines = [headers, .. rows.Select(row => row.Select(OneLine).ToList())];
        var widths = headers.Select((_, column) => lines.Max(line => line[column].Length)).ToList();
        var text = new StringBuilder();
        foreach (var line in lines)
        {
            text.AppendLine(string.Join(Gap, line.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
        }

        return text.ToString();
    }

    private static string OneLine(string cell) => cell.Length == 0 ? "-" : cell.ReplaceLineEndings(" ");
}
