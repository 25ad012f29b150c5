using Orchestrator.Plant.Description;

namespace Orchestrator.Plant.Engine;

/// <summary>In what the loops of QEMU's versions differ (migration/migration.c, ram.c and vfio/migration.c of each).</summary>
internal sealed record LoopRules
{
    // A flush of the channel: 64 buffers, which are 32 pages with their headers (migration/qemu-file.c, MAX_IOV_SIZE).
    private const double Flush = 32 * 4104;

    /// <summary>A device has its turn only when RAM has nothing left to send; from 9.0 each has one every time.</summary>
    public required bool Serialized { get; init; }

    /// <summary>VFIO devices can send before the stop (8.1, with protocol v2); before, all of their state is stop-copy.</summary>
    public required bool DevicePreCopy { get; init; }

    /// <summary>
    /// An estimate that equals the threshold calls for an exact count; below only, before 11.0. An estimate of nothing against a threshold of
    /// nothing then switches over without one.
    /// </summary>
    public required bool ExactOnEqual { get; init; }

    /// <summary>An amount that equals the threshold is small enough (10.1).</summary>
    public required bool SwitchOnEqual { get; init; }

    /// <summary>
    /// Three buckets per device, an exact count also whenever nothing precopiable is left, the expected downtime system-wide and worked out
    /// when asked, passes counted by the loop alone (11.1).
    /// </summary>
    public required bool Buckets { get; init; }

    /// <summary>avail-switchover-bandwidth (8.2).</summary>
    public required bool SwitchOverBandwidth { get; init; }

    public required bool SwitchoverAck { get; init; }

    /// <summary>The quota counts what has been flushed to the channel, so that a window ends on a whole flush (8.1).</summary>
    public required bool CountsFlushes { get; init; }

    /// <summary>A timer syncs every 5 s while vCPUs are throttled, after the first pass (9.2).</summary>
    public required bool ThrottleTimer { get; init; }

    /// <summary>Whether the loop counts exactly before it decides.</summary>
    /// <param name="precopiable">What can still go while the guest runs; with postcopy-ram RAM is in another bucket.</param>
    public bool NeedsExact(double pending, double precopiable, double threshold) =>
        Buckets ? pending <= threshold || precopiable <= 0
        : ExactOnEqual ? pending <= threshold
        : pending < threshold;

    public bool IsSmallEnough(double pending, double threshold) => SwitchOnEqual ? pending <= threshold : pending == 0 || pending < threshold;

    public static LoopRules Of(EngineVersion version) => new()
    {
        Serialized = version <= EngineVersion.Qemu82,
        DevicePreCopy = version >= EngineVersion.Qemu82,
        ExactOnEqual = version >= EngineVersion.Qemu110,
        SwitchOnEqual = version >= EngineVersion.Qemu101,
        Buckets = version >= EngineVersion.Qemu111,
        SwitchOverBandwidth = version >= EngineVersion.Qemu82,
        SwitchoverAck = version >= EngineVersion.Qemu82,
        CountsFlushes = version >= EngineVersion.Qemu82,
        ThrottleTimer = version >= EngineVersion.Qemu92,
    };

    /// <summary>What a window may carry under a cap of so many bytes per second; infinite when that is 0.</summary>
    public double QuotaOf(double cap)
    {
        var quota = cap * Line.Window;
        return cap <= 0 ? double.PositiveInfinity : CountsFlushes ? Math.Ceiling(quota / Flush) * Flush : quota;
    }
}
