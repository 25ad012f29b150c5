namespace Orchestrator.LocalFleet.Demo;

/// <summary>What the demo is asked for.</summary>
internal sealed record DemoOptions
{
    public required string Policy { get; init; }

    public required int MemoryMebibytes { get; init; }

    public required int WorkingSetMebibytes { get; init; }

    /// <summary>0 = as fast as it can.</summary>
    public required int DirtyMebibytesPerSecond { get; init; }

    /// <summary>Cap of the copy; 0 = none.</summary>
    public required int BandwidthMebibytesPerSecond { get; init; }

    public required int BudgetMilliseconds { get; init; }

    public string? QemuProgram { get; init; }

    public string? JsonFile { get; init; }
}
