using Orchestrator.Policy.Convergence;

namespace Orchestrator.Policy.Plausibility;

/// <summary>A report's numbers as they came: unsigned, unchecked, null where absent.</summary>
public sealed record ReportedNumbers
{
    public required long Sequence { get; init; }

    public required TimeSpan Elapsed { get; init; }

    public required EngineActivity Activity { get; init; }

    public int? Pass { get; init; }

    public bool PassesHonest { get; init; }

    public bool FirstPass { get; init; }

    public ulong RamTotal { get; init; }

    public ulong? RamRemaining { get; init; }

    public ulong? Remaining { get; init; }

    public ulong? Transferred { get; init; }

    public ulong? Bandwidth { get; init; }

    public ulong? SwitchOverBandwidth { get; init; }

    /// <summary>0 = none.</summary>
    public ulong Cap { get; init; }

    public ulong? DirtyRate { get; init; }

    public ReportedProbe? Probe { get; init; }

    public TimeSpan? ExpectedDowntime { get; init; }

    /// <summary>The engine's own figure in ms: INT64_MAX = unknown, equal to the limit during the first pass.</summary>
    public long? EngineExpectedDowntimeMilliseconds { get; init; }

    public TimeSpan DowntimeLimit { get; init; }

    public int ThrottlePercent { get; init; }

    public bool GuestRunning { get; init; }

    public bool PausedToConverge { get; init; }

    public IReadOnlyList<ReportedDevice> Devices { get; init; } = [];

    /// <summary>What the agent could not read, as "field=raw".</summary>
    public IReadOnlyList<string> Unreadable { get; init; } = [];
}

/// <param name="Elapsed">When it ended.</param>
public sealed record ReportedProbe(TimeSpan Elapsed, TimeSpan Interval, ulong Bytes);

public sealed record ReportedDevice(string DeviceId, ulong? Precopy, ulong? StopCopy);
