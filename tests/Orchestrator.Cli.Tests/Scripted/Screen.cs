using System.Globalization;
using System.Text.RegularExpressions;

namespace Orchestrator.Cli.Tests.Scripted;

/// <summary>A terminal without colours: what a person sees after everything has been written.</summary>
internal static partial class Screen
{
    public static IReadOnlyList<string> Show(string output)
    {
        List<string> rows = [""];
        var (row, column) = (0, 0);
        for (var at = 0; at < output.Length; at++)
        {
            switch (output[at])
            {
                case '\r':
                    column = 0;
                    break;
                case '\n':
                    // As a terminal does it for a program: to the start of the next line.
                    (row, column) = (row + 1, 0);
                    break;
                case '\u001b' when ControlPattern().Match(output, at) is { Success: true } control:
                    rows[row] = control.Groups["verb"].Value == "K" ? "" : rows[row];
                    row = control.Groups["verb"].Value == "A" ? Math.Max(0, row - Rows(control)) : row;
                    at += control.Length - 1;
                    break;
                default:
                    rows[row] = rows[row].PadRight(column)[..column] + output[at] + (column + 1 < rows[row].Length ? rows[row][(column + 1)..] : "");
                    column++;
                    break;
            }

            while (rows.Count <= row)
            {
                rows.Add("");
            }
        }

        return [.. rows.Select(text => text.TrimEnd())];
    }

    // 0 means 1, as ECMA-48 has it.
    private static int Rows(Match up) =>
        int.TryParse(up.Groups["number"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var given) ? Math.Max(1, given) : 1;

    [GeneratedRegex(@"\G\x1b\[\??(?<number>[0-9]*)[0-9;]*(?<verb>[A-Za-z])")]
    private static partial Regex ControlPattern();
}
