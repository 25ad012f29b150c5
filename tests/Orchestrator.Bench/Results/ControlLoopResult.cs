using Orchestrator.Bench.ControlLoop;
using Orchestrator.Bench.Load;
using Orchestrator.Bench.Measuring;

namespace Orchestrator.Bench.Results;

/// <summary>What was measured, as the JSON has it. Rates are means over the measured time; null = not known.</summary>
internal sealed record ControlLoopResult
{
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
}
