using System.Text.Encodings.Web;
using System.Text.Json;
using Orchestrator.Bench.ControlLoop;
using Orchestrator.Bench.Load;
using Orchestrator.Bench.Measuring;

namespace Orchestrator.Bench.Results;

/// <summary>What was measured, as the JSON has it. Rates are means over the measured time; null = not known.</summary>
internal sealed record ControlLoopResult
{
    private static readonly JsonSerializerOptions s_compact = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,

        // It goes to files and pipes, not into web pages.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
    private static readonly JsonSerializerOptions s_indented = new(s_compact) { WriteIndented = true };

    public required ControlLoopOptions Options { get; init; }

    public required Machine Machine { get; init; }

    public required SetupTimes Setup { get; init; }

    public required LoadFigures Load { get; init; }

    public required DecisionFigures Decisions { get; init; }

    public required ReadingFigures Readings { get; init; }

    public required CpuFigures Cpu { get; init; }

    public required MemoryFigures Memory { get; init; }

    public required LedgerFigures Ledger { get; init; }

    public required LogFigures Log { get; init; }

    public string ToJson(bool indented) => JsonSerializer.Serialize(this, indented ? s_indented : s_compact);
}
