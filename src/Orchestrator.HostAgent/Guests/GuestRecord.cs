using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Orchestrator.V1;

namespace Orchestrator.HostAgent.Guests;

/// <summary>What is written down about a guest, before its process exists and until it is gone for good.</summary>
internal sealed record GuestRecord
{
    public required string GuestId { get; init; }

    /// <summary>With the machine type pinned and defaults filled in.</summary>
    public required MachineSpec Spec { get; init; }

    /// <summary>Path of the engine it was started with, whatever is the default now.</summary>
    public required string Program { get; init; }

    /// <summary>Null while the process is being started.</summary>
    public ProcessIdentity? Process { get; init; }

    /// <summary>Waits for an incoming migration: it has never run here.</summary>
    public bool Incoming { get; init; }

    /// <summary>Its owner wants it stopped. A migration's own pauses are not recorded here.</summary>
    public bool PausedByOwner { get; init; }

    public static GuestRecord Read(string path)
    {
        var json = JsonNode.Parse(File.ReadAllBytes(path)) as JsonObject ?? throw new JsonException($"{path} is no JSON object.");
        return new GuestRecord
        {
            GuestId = Required(json, "guestId").GetValue<string>(),
            Spec = JsonParser.Default.Parse<MachineSpec>(Required(json, "spec").ToJsonString()),
            Program = Required(json, "program").GetValue<string>(),
            Process = json["process"] is JsonObject process ? process.Deserialize<ProcessIdentity>() : null,
            Incoming = json["incoming"]?.GetValue<bool>() ?? false,
            PausedByOwner = json["pausedByOwner"]?.GetValue<bool>() ?? false,
        };
    }

    public void Write(string path) => DurableFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(new JsonObject
    {
        ["guestId"] = GuestId,
        ["spec"] = JsonNode.Parse(JsonFormatter.Default.Format(Spec)),
        ["program"] = Program,
        ["process"] = JsonSerializer.SerializeToNode(Process),
        ["incoming"] = Incoming,
        ["pausedByOwner"] = PausedByOwner,
    }));

    private static JsonNode Required(JsonObject json, string name) =>
        json[name] ?? throw new JsonException($"\"{name}\" is missing.");
}
