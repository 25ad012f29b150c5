using System.Collections.Frozen;
using System.Globalization;

namespace Orchestrator.Policy.Placement;

/// <summary>Looks the flags of a named CPU model up.</summary>
internal static class CpuModels
{
    private static readonly string[] s_newLines = ["\r\n", "\n"];
    private static readonly FrozenDictionary<string, string> s_aliases = CpuModelTable.Aliases
        .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
        .Select(pair => pair.Split('='))
        .ToFrozenDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, FrozenSet<string>> s_levels = ReadLevels();
    private static readonly FrozenDictionary<string, FrozenSet<string>> s_models = ReadModels();

    /// <summary>Every flag that some model of the table has.</summary>
    public static FrozenSet<string> KnownFlags { get; } =
        s_models.Values.SelectMany(flags => flags).ToFrozenSet(StringComparer.Ordinal);

    /// <returns>In /proc/cpuinfo's spelling; null when the table does not have the model.</returns>
    public static FrozenSet<string>? Find(string model)
    {
        var name = s_aliases.GetValueOrDefault(model, model);
        var (family, version) = Split(name);
        for (var at = version; at > 0; at--)
        {
            if (s_models.TryGetValue(Name(family, at), out var flags))
            {
                return flags;
            }
        }

        return null;
    }

    // "Haswell-v4" is version 4 of Haswell, "Haswell" its version 1.
    private static (string Family, int Version) Split(string name)
    {
        const int MostVersions = 99;
        var mark = name.LastIndexOf("-v", StringComparison.Ordinal);
        return mark > 0
            && int.TryParse(name.AsSpan(mark + 2), NumberStyles.None, CultureInfo.InvariantCulture, out var version)
            && version <= MostVersions
                ? (name[..mark], version)
                : (name, 1);
    }

    private static string Name(string family, int version) => string.Create(CultureInfo.InvariantCulture, $"{family}-v{version}");

    private static FrozenDictionary<string, FrozenSet<string>> ReadLevels()
    {
        var levels = new Dictionary<string, FrozenSet<string>>(StringComparer.Ordinal);
        HashSet<string> flags = [];
        foreach (var words in Lines(CpuModelTable.Levels))
        {
            flags.UnionWith(words[1..]);
            levels[words[0]] = flags.ToFrozenSet(StringComparer.Ordinal);
        }

        return levels.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static FrozenDictionary<string, FrozenSet<string>> ReadModels()
    {
        var models = new Dictionary<string, FrozenSet<string>>(StringComparer.Ordinal);
        HashSet<string> flags = [];
        foreach (var words in Lines(CpuModelTable.Models))
        {
            flags = words[1] == "=" ? flags : [.. s_levels[words[1]]];
            foreach (var word in words[2..])
            {
                _ = word[0] == '-' ? flags.Remove(word[1..]) : flags.Add(word);
            }

            models[words[0]] = flags.ToFrozenSet(StringComparer.Ordinal);
        }

        return models.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static List<string[]> Lines(string table)
    {
        var lines = new List<string[]>();
        foreach (var line in table.Split(s_newLines, StringSplitOptions.None))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (line.StartsWith(' '))
            {
                lines[^1] = [.. lines[^1], .. words];
            }
            else
            {
                lines.Add(words);
            }
        }

        return lines;
    }
}
