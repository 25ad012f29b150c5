using System.CommandLine;

namespace Orchestrator.Cli.Invocation;

/// <summary>--label KEY=VALUE, any number of times.</summary>
internal static class LabelOption
{
    private const string Name = "--label";

    public static Option<string[]> Create(string description)
    {
        var labels = new Option<string[]>(Name) { Description = description, HelpName = "key=value" };
        labels.Validators.Add(result =>
        {
            var keys = result.Tokens.Select(token => token.Value.Split('=', 2)).ToList();
            foreach (var pair in keys.Where(pair => pair.Length != 2 || pair[0].Length == 0))
            {
                result.AddError($"{Name}: \"{string.Join('=', pair)}\" is no label; write KEY=VALUE.");
            }

            foreach (var key in keys.GroupBy(pair => pair[0], StringComparer.Ordinal).Where(same => same.Count() > 1))
            {
                result.AddError($"{Name}: {key.Key} is given twice.");
            }
        });
        return labels;
    }

    public static Dictionary<string, string> Read(ParseResult parse, Option<string[]> labels) =>
        (parse.GetValue(labels) ?? []).Select(label => label.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);
}
