using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.BootGuest;
using Orchestrator.V1;

namespace Orchestrator.LocalFleet.Demo;

/// <summary>What happened, as the demo's JSON has it. Times in ms; null = not known.</summary>
internal sealed record DemoResult
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,

        // For a file, not for a page: '+' and apostrophes stay as they are.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>"completed", "cancelled", "failed" or "needs_attention".</summary>
    public required string Outcome { get; init; }

    public required string Engine { get; init; }

    public required string EngineVersion { get; init; }

    public required string Policy { get; init; }

    public required double BudgetMs { get; init; }

    public double? PredictedDowntimeMs { get; init; }

    public double? ReportedDowntimeMs { get; init; }

    /// <summary>By the guest's own heartbeats: the last on the source to the first on the target.</summary>
    public double? GuestOutageMs { get; init; }

    public double? TotalMs { get; init; }

    public required ulong BytesTransferred { get; init; }

    public required ulong RamBytes { get; init; }

    public required uint Passes { get; init; }

    /// <summary>"ok", or what the heartbeats show to be wrong.</summary>
    public required string Integrity { get; init; }

    public required IReadOnlyList<DemoDecision> Decisions { get; init; }

    [JsonIgnore]
    public bool Succeeded => Outcome == "completed" && Integrity == "ok";

    /// <summary>Why it did not complete; empty when it did.</summary>
    [JsonIgnore]
    public string FailureMessage { get; init; } = "";

    public static DemoResult From(Migration migration, IEnumerable<Decision> decisions, HeartbeatTrace trace) => new()
    {
        Outcome = JsonNamingPolicy.SnakeCaseLower.ConvertName(migration.Phase.ToString()),
        Engine = migration.Engine,
        EngineVersion = migration.SourceEngineVersion,
        Policy = migration.Policy,
        BudgetMs = migration.MaxDowntime.ToTimeSpan().TotalMilliseconds,
        PredictedDowntimeMs = Milliseconds(migration.Summary?.PredictedDowntime),
        ReportedDowntimeMs = Milliseconds(migration.Summary?.ReportedDowntime),
        GuestOutageMs = trace.Outage.AtSwitch?.TotalMilliseconds,
        TotalMs = Milliseconds(migration.Summary?.TotalTime),
        BytesTransferred = migration.Summary?.BytesTransferred ?? 0,
        RamBytes = migration.Summary?.RamBytes ?? 0,
        Passes = migration.Summary?.Passes ?? 0,
        Integrity = trace.Verdict == GuestVerdict.Intact ? "ok" : JsonNamingPolicy.SnakeCaseLower.ConvertName(trace.Verdict.ToString()),
        FailureMessage = migration.FailureMessage,
        Decisions =
        [
            .. decisions.Select(decision => new DemoDecision(
                decision.Elapsed.ToTimeSpan().TotalMilliseconds,
                JsonNamingPolicy.SnakeCaseLower.ConvertName(decision.Action.ToString()),
                decision.Reason,
                Milliseconds(decision.DowntimeLimit))),
        ],
    };

    public void Write(string file) => File.WriteAllText(file, JsonSerializer.Serialize(this, s_json) + "\n");

    private static double? Milliseconds(Duration? duration) => duration?.ToTimeSpan().TotalMilliseconds;
}

/// <param name="AtMs">Since the copy began.</param>
/// <param name="LimitMs">The downtime limit after it; null when it changed something else.</param>
internal sealed record DemoDecision(double AtMs, string Action, string Reason, double? LimitMs);
