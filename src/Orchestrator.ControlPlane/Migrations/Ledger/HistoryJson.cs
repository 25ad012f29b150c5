using System.Text.Json;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations.Ledger;

/// <summary>Lists and maps inside the history's rows that are no messages of their own.</summary>
internal static class HistoryJson
{
    public static string Write(IEnumerable<KeyValuePair<string, string>>? inputs) =>
        JsonSerializer.Serialize(inputs?.ToDictionary() ?? []);

    public static Dictionary<string, string> ReadInputs(string json) => JsonSerializer.Deserialize<Dictionary<string, string>>(json) ?? [];

    public static string? Write(Forecast? forecast) => forecast is null ? null : ProtoJson.Write(forecast);

    public static Forecast? ReadForecast(string? json) => json is null ? null : ProtoJson.Read<Forecast>(json);

    public static string? Write(IReadOnlyCollection<Alternative>? alternatives) =>
        alternatives is null or { Count: 0 } ? null : $"[{string.Join(',', alternatives.Select(ProtoJson.Write))}]";

    public static IEnumerable<Alternative> ReadAlternatives(string? json)
    {
        using var list = JsonDocument.Parse(json ?? "[]");
        return [.. list.RootElement.EnumerateArray().Select(one => ProtoJson.Read<Alternative>(one.GetRawText()))];
    }

    public static string? Write(IReadOnlyCollection<SuspectNumber> suspects) =>
        suspects.Count == 0 ? null : JsonSerializer.Serialize(suspects.Select(suspect => new[] { suspect.Field, suspect.Raw, suspect.Why }));

    public static IEnumerable<SuspectNumber> ReadSuspects(string? json) => json is null ? [] :
        (JsonSerializer.Deserialize<string[][]>(json) ?? [])
            .Where(parts => parts.Length == 3)
            .Select(parts => new SuspectNumber { Field = parts[0], Raw = parts[1], Why = parts[2] });
}
