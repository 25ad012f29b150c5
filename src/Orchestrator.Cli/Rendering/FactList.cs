using System.Text;

namespace Orchestrator.Cli.Rendering;

/// <summary>Names and values, one a line. What has no value is left out.</summary>
internal static class FactList
{
    public static string Render(params IReadOnlyList<(string Name, string? Value)> facts)
    {
        var told = facts.Where(fact => !string.IsNullOrEmpty(fact.Value)).ToList();
        var width = told.Count == 0 ? 0 : told.Max(fact => fact.Name.Length) + 3;
        var text = new StringBuilder();
        foreach (var (name, value) in told)
        {
            text.AppendLine((name + ":").PadRight(width) + value!.ReplaceLineEndings("\n" + new string(' ', width)));
        }

        return text.ToString();
    }
}
