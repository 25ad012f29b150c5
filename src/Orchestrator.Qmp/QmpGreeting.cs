using System.Text.Json;

namespace Orchestrator.Qmp;

/// <summary>What QEMU says of itself when a client connects.</summary>
/// <param name="Package">The distribution's own version text; empty for a QEMU built from source.</param>
/// <param name="OutOfBandOffered">Commands marked so in the schema can overtake a blocked main loop.</param>
public sealed record QmpGreeting(int Major, int Minor, int Micro, string Package, bool OutOfBandOffered)
{
    /// <summary>For people and logs. What a QEMU can do is asked of <see cref="QemuSchema"/>: distributions back-port.</summary>
    public string Version => $"{Major}.{Minor}.{Micro}";

    /// <returns>Null when the message is no greeting.</returns>
    internal static QmpGreeting? TryParse(JsonElement message)
    {
        if (message.ValueKind != JsonValueKind.Object
            || !message.TryGetProperty("QMP", out var greeting)
            || greeting.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        var version = Member(greeting, "version");
        var numbers = Member(version, "qemu");
        return new QmpGreeting(
            Number(numbers, "major"),
            Number(numbers, "minor"),
            Number(numbers, "micro"),
            QmpText.OfMember(version, "package")?.Trim() ?? "",
            Member(greeting, "capabilities") is { ValueKind: JsonValueKind.Array } capabilities
                && capabilities.EnumerateArray().Any(capability => QmpText.Of(capability) == "oob"));
    }

    private static JsonElement Member(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var member) ? member : default;

    private static int Number(JsonElement parent, string name) =>
        Member(parent, name) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt32(out var value) ? value : 0;
}
