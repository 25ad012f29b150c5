using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.RegularExpressions;
using Orchestrator.V1;

namespace Orchestrator.Cli.Guests;

/// <summary>Placement terms as one writes them on a command line. What they say is read back from what they are said with.</summary>
internal static partial class PlacementWords
{
    public const string RequirementForm = "KEY=VALUE, KEY!=VALUE, \"KEY in (A,B)\", \"KEY notin (A,B)\", KEY or !KEY";

    public const string AffinityForm = "LABEL=VALUE[,LABEL=VALUE...] [per HOST-LABEL] [weight N]";

    public static bool TryRequirement(string text, [NotNullWhen(true)] out LabelRequirement? requirement)
    {
        var (set, single, bare) = (SetPattern().Match(text), SinglePattern().Match(text), BarePattern().Match(text));
        requirement = set.Success ? new LabelRequirement
        {
            Key = set.Groups["key"].Value,
            Operator = set.Groups["in"].Value == "in" ? LabelOperator.In : LabelOperator.NotIn,
            Values = { set.Groups["values"].Value.Split(',', StringSplitOptions.TrimEntries) },
        }
            : single.Success ? new LabelRequirement
            {
                Key = single.Groups["key"].Value,
                Operator = single.Groups["not"].Success ? LabelOperator.NotIn : LabelOperator.In,
                Values = { single.Groups["value"].Value },
            }
            : bare.Success ? new LabelRequirement
            {
                Key = bare.Groups["key"].Value,
                Operator = bare.Groups["not"].Success ? LabelOperator.DoesNotExist : LabelOperator.Exists,
            }
            : null;
        return requirement is not null;
    }

    /// <param name="term">Without anti and required, which the option says.</param>
    public static bool TryAffinity(string text, [NotNullWhen(true)] out AffinityTerm? term)
    {
        term = null;
        var match = AffinityPattern().Match(text);
        var weight = 0u;
        if (!match.Success
            || (match.Groups["weight"] is { Success: true } given && !uint.TryParse(given.Value, CultureInfo.InvariantCulture, out weight)))
        {
            return false;
        }

        var read = new AffinityTerm { TopologyKey = match.Groups["key"].Value, Weight = weight };
        foreach (var pair in match.Groups["labels"].Value.Split(',').Select(label => label.Split('=', 2)))
        {
            if (pair.Length != 2 || pair[0].Length == 0 || !read.GuestLabels.TryAdd(pair[0], pair[1]))
            {
                return false;
            }
        }

        term = read;
        return true;
    }

    public static string Of(LabelRequirement requirement) => requirement.Operator switch
    {
        LabelOperator.In when requirement.Values is [var value] => $"{requirement.Key}={value}",
        LabelOperator.NotIn when requirement.Values is [var value] => $"{requirement.Key}!={value}",
        LabelOperator.In => $"{requirement.Key} in ({string.Join(',', requirement.Values)})",
        LabelOperator.NotIn => $"{requirement.Key} notin ({string.Join(',', requirement.Values)})",
        LabelOperator.Exists => requirement.Key,
        LabelOperator.DoesNotExist => $"!{requirement.Key}",
        _ => $"{requirement.Key}: {requirement.Operator}",
    };

    public static string Of(AffinityTerm term) =>
        (term.Required ? "" : "preferably ") + (term.Anti ? "away from " : "near ")
        + string.Join(',', term.GuestLabels.Select(label => $"{label.Key}={label.Value}").Order(StringComparer.Ordinal))
        + (term.TopologyKey.Length > 0 ? $" per {term.TopologyKey}" : "")
        + (term.Weight > 0 ? string.Create(CultureInfo.InvariantCulture, $" weight {term.Weight}") : "");

    [GeneratedRegex(@"^(?<key>[^\s=!(),]+)\s+(?<in>in|notin)\s*\((?<values>[^()]+)\)\z", RegexOptions.CultureInvariant)]
    private static partial Regex SetPattern();

    [GeneratedRegex(@"^(?<key>[^\s=!(),]+)(?<not>!)?=(?<value>.*)\z", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex SinglePattern();

    [GeneratedRegex(@"^(?<not>!)?(?<key>[^\s=!(),]+)\z", RegexOptions.CultureInvariant)]
    private static partial Regex BarePattern();

    [GeneratedRegex(@"^(?<labels>.+?)(?: per (?<key>\S+))?(?: weight (?<weight>[0-9]+))?\z", RegexOptions.CultureInvariant)]
    private static partial Regex AffinityPattern();
}
