using Google.Protobuf.Collections;
using Orchestrator.Rpc.Errors;

namespace Orchestrator.ControlPlane;

/// <summary>Free labels of hosts and guests, as hosts.proto and guests.proto allow them.</summary>
internal static class Labels
{
    public const int Most = 64;
    public const int MaxCharacters = 63;

    public static MapField<string, string> Parse(Violations violations, string field, MapField<string, string> labels, int most = Most)
    {
        violations.Count(field, labels.Count, most);
        foreach (var (key, value) in labels.Take(most))
        {
            if (!IsKey(key) || !IsValue(value))
            {
                violations.Add(
                    $"{field}[{key[..Math.Min(key.Length, MaxCharacters)]}]",
                    $"must have a key of 1 to {MaxCharacters} and a value of up to {MaxCharacters} characters, none of them NUL");
            }
        }

        return labels;
    }

    public static bool IsKey(string text) => text.Length > 0 && IsValue(text);

    public static bool IsValue(string text) => text.Length <= MaxCharacters && !text.Contains('\0', StringComparison.Ordinal);
}
