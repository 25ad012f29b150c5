namespace Orchestrator.Plant.Engine;

/// <summary>What query-migrate and query-status say at one moment (qapi/migration.json); null where that version leaves it out.</summary>
public readonly record struct EngineView
{
    /// <summary>Since the copy began (total-time).</summary>
    public required TimeSpan Elapsed { get; init; }

    public required EngineStatus Status { get; init; }

    public bool GuestRunning { get; init; }

    public long RamTotal { get; init; }

    /// <summary>RAM only, of the dirty bitmap as last synced.</summary>
    public long RamRemaining { get; init; }

    /// <summary>ram.transferred: everything on the wire, devices included.</summary>
    public long Transferred { get; init; }

    /// <summary>vfio.transferred; null without VFIO devices.</summary>
    public long? VfioTransferred { get; init; }

    /// <summary>dirty-sync-count, which is libvirt's memory_iteration.</summary>
    public int Passes { get; init; }

    /// <summary>Of the last 100 ms window, bytes per second (mbps times 10^6 / 8; libvirt's memory_bps).</summary>
    public double Bandwidth { get; init; }

    /// <summary>dirty-pages-rate times the page size, bytes per second; 0 before it is known.</summary>
    public long DirtyRate { get; init; }

    /// <summary>expected-downtime; <see cref="long.MaxValue"/> where 11.1 sees no bandwidth.</summary>
    public long ExpectedDowntimeMilliseconds { get; init; }

    /// <summary>System-wide remaining (11.1); null before.</summary>
    public ulong? Remaining { get; init; }

    /// <summary>cpu-throttle-percentage.</summary>
    public int ThrottlePercent { get; init; }

    public long DowntimeLimitMilliseconds { get; init; }

    /// <summary>Memory pages dealt with, zero pages included, in bytes.</summary>
    public long Processed { get; init; }

    /// <summary>The downtime as the engine measured it; only once completed.</summary>
    public TimeSpan? Downtime { get; init; }
}

/// <summary>QEMU's MigrationStatus, as far as the model has it.</summary>
public enum EngineStatus
{
    Active,
    Device,
    PostCopyActive,
    Completed,
    Failed,
    Cancelled,
}
