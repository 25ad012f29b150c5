namespace Orchestrator.ControlPlane.Migrations;

/// <summary>What is added up while a migration runs and becomes its summary.</summary>
internal sealed record MigrationTally
{
    /// <summary>Expected downtime of the last good reading before the switch-over.</summary>
    public TimeSpan? PredictedDowntime { get; init; }

    /// <summary>What of it stands for the switch-over itself; null = not known.</summary>
    public TimeSpan? PredictedOverhead { get; init; }

    /// <summary>As the source's engine said; null when it said nothing or is known to be wrong.</summary>
    public TimeSpan? ReportedDowntime { get; init; }

    /// <summary>From the source's stop to the target's start by the agents' clocks.</summary>
    public TimeSpan? ObservedDowntime { get; init; }

    public long BytesTransferred { get; init; }

    public long RamBytes { get; init; }

    public int Passes { get; init; }

    /// <summary>The highest seen.</summary>
    public int ThrottlePercent { get; init; }

    /// <summary>The engine's limit, last seen before the switch-over.</summary>
    public TimeSpan? FinalLimit { get; init; }

    public bool PostCopyUsed { get; init; }

    public TimeSpan PausedToConverge { get; init; }

    public string SourceEngineVersion { get; init; } = "";

    public string TargetEngineVersion { get; init; } = "";
}
