using System.Globalization;
using System.Reflection;
using Google.Protobuf.Reflection;

namespace Orchestrator.Cli.Rendering;

/// <summary>
/// Words for the members of a proto enum, from their proto names: MIGRATION_PHASE_NEEDS_ATTENTION is "needs-attention". A newer server may
/// send members that this program does not know; they have a word too.
/// </summary>
internal static class EnumText
{
    public static string Of<T>(T value)
        where T : struct, Enum =>
        Words<T>.ByValue.TryGetValue(value, out var word)
            ? word
            : string.Create(CultureInfo.InvariantCulture, $"unknown-{Convert.ToInt32(value, CultureInfo.InvariantCulture)}");

    /// <summary>All but "unspecified", in the order of the proto.</summary>
    public static IReadOnlyList<string> All<T>()
        where T : struct, Enum =>
        [.. Words<T>.ByValue.Where(pair => Convert.ToInt32(pair.Key, CultureInfo.InvariantCulture) != 0).Select(pair => pair.Value)];

    /// <param name="text">Its word or its proto name, in any case.</param>
    public static T? Find<T>(string text)
        where T : struct, Enum
    {
        foreach (var (value, word) in Words<T>.ByValue)
        {
            if (text.Replace('_', '-').Equals(word, StringComparison.OrdinalIgnoreCase)
                || text.Equals(Words<T>.ProtoNames[value], StringComparison.OrdinalIgnoreCase))
            {
                return value;
            }
        }

        return null;
    }

    private static class Words<T>
        where T : struct, Enum
    {
        public static readonly Dictionary<T, string> ProtoNames = typeof(T).GetFields(BindingFlags.Public | BindingFlags.Static)
            .ToDictionary(field => (T)field.GetValue(null)!, field => field.GetCustomAttribute<OriginalNameAttribute>()!.Name);

        public static readonly Dictionary<T, string> ByValue = ProtoNames.ToDictionary(
            pair => pair.Key, pair => pair.Value[Prefix.Length..].Replace('_', '-').ToLowerInvariant());

        // Every enum of the contract has a member ..._UNSPECIFIED = 0, and its prefix is what the others share.
        private static string Prefix => ProtoNames[default][..^"UNSPECIFIED".Length];
    }
}
