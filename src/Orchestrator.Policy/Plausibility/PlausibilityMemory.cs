namespace Orchestrator.Policy.Plausibility;

/// <summary>The last good value of every number, kept between the reports of one migration. JSON-friendly like the convergence state.</summary>
public sealed record PlausibilityMemory
{
    public static PlausibilityMemory Empty { get; } = new();

    /// <summary>Of the last report, believed or not.</summary>
    public TimeSpan? Elapsed { get; init; }

    public ulong? RamTotal { get; init; }

    public ulong? RamRemaining { get; init; }

    public ulong? Remaining { get; init; }

    public ulong? Transferred { get; init; }

    public ulong? Bandwidth { get; init; }

    public ulong? SwitchOverBandwidth { get; init; }

    public ulong? DirtyRate { get; init; }

    public TimeSpan? ExpectedDowntime { get; init; }

    public int? Pass { get; init; }

    /// <summary>Last good size of each device's state, by its id: precopy and stop-copy.</summary>
    public IReadOnlyDictionary<string, DeviceMemory> Devices { get; init; } = new Dictionary<string, DeviceMemory>();

    /// <summary>
    /// Numbers that were refused for jumping, by field. Said again, within a factor of two, it is believed: otherwise a true change could
    /// never be.
    /// </summary>
    public IReadOnlyDictionary<string, ulong> Jumped { get; init; } = new Dictionary<string, ulong>();
}

public sealed record DeviceMemory(ulong Precopy, ulong StopCopy);
