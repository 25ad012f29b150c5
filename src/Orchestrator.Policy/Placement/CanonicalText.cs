using System.Text;

namespace Orchestrator.Policy.Placement;

/// <summary>One text for equal labels and terms however they were listed, so that equal ones are looked up once.</summary>
internal static class CanonicalText
{
    private const char Between = '\u0001';
    private const char Within = '\u0002';

    public static string Of(IReadOnlyDictionary<string, string> labels)
    {
        var text = new StringBuilder();
        foreach (var (key, value) in labels.OrderBy(label => label.Key, StringComparer.Ordinal))
        {
            Piece(text, key).Append(Within);
            Piece(text, value).Append(Between);
        }

        return text.ToString();
    }

    public static string Of(AffinityTerm term) => $"{Of(term.GuestLabels)}{Between}{term.TopologyKey}";

    public static string Of(IReadOnlyList<LabelRequirement> selector)
    {
        var text = new StringBuilder();
        foreach (var requirement in selector)
        {
            Piece(text, requirement.Key).Append(Within).Append((int)requirement.Operator);
            foreach (var value in requirement.Values)
            {
                Piece(text.Append(Within), value);
            }

            text.Append(Between);
        }

        return text.ToString();
    }

    public static string Of(FleetHost host) => string.Join(Between, host.CpuFlags.Order(StringComparer.Ordinal));

    // With its length, so that no text can pass for two.
    private static StringBuilder Piece(StringBuilder text, string piece) => text.Append(piece.Length).Append(Within).Append(piece);
}
