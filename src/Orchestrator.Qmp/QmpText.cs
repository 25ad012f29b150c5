using System.Text.Json;

namespace Orchestrator.Qmp;

internal static class QmpText
{
    /// <returns>Null when it is no string, or one with an escape that is no character (a lone surrogate).</returns>
    public static string? Of(JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.String)
        {
            return null;
        }

        try
        {
            return element.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    public static string? OfMember(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var member) ? Of(member) : null;

    /// <summary>As much of a message as an error text can carry.</summary>
    public static string Excerpt(string text) => text.Length <= 120 ? text : $"{text[..120]}...";
}
