using System.Text.Json;
using System.Text.Json.Serialization;
using Orchestrator.Policy.Evacuation;

namespace Orchestrator.ControlPlane.Evacuations.Ledger;

/// <summary>The conductor's values as rows: each property is the column of its name, in snake case.</summary>
internal static class StateJson
{
    private static readonly JsonSerializerOptions s_options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter() },
    };

    public static string Write(IEnumerable<GuestStanding> guests) => JsonSerializer.Serialize(guests, s_options);

    public static string Write(IEnumerable<HostStanding> hosts) => JsonSerializer.Serialize(hosts, s_options);

    public static IReadOnlyList<GuestStanding> ReadGuests(string? json) =>
        json is null ? [] : JsonSerializer.Deserialize<List<GuestStanding>>(json, s_options) ?? [];

    public static IReadOnlyList<HostStanding> ReadHosts(string? json) =>
        json is null ? [] : JsonSerializer.Deserialize<List<HostStanding>>(json, s_options) ?? [];
}
