namespace Orchestrator.Bench.ControlLoop;

/// <summary>What is to be measured, as asked for.</summary>
internal sealed record ControlLoopOptions
{
    public required int Hosts { get; init; }

    public required int Migrations { get; init; }

    public required int ReportsPerSecond { get; init; }

    /// <summary>Mean length of a pass; each brings one decision.</summary>
    public required int PassSeconds { get; init; }

    public required int Seconds { get; init; }

    public required int Warmup { get; init; }

    public required int Seed { get; init; }
}
