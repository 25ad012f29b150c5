namespace Orchestrator.Policy.Plausibility;

/// <summary>Beyond these no report is believed. Each is far above what exists and far below what a wrapped or unset number looks like.</summary>
internal static class PlausibleBounds
{
    /// <summary>Of a guest. The largest machines on offer have 32 TiB.</summary>
    public const ulong RamBytes = 64UL << 40;

    /// <summary>Of one device's state. The largest accelerators have 0.3 TiB of memory.</summary>
    public const ulong DeviceBytes = 1UL << 40;

    /// <summary>
    /// What QEMU assumes for a device that does not tell its stop-copy size (VFIO_MIG_STOP_COPY_SIZE, 100 GiB): a word for "unknown".
    /// </summary>
    public const ulong UnknownDeviceBytes = 100UL << 30;

    /// <summary>Two ports of 400 Gb/s.</summary>
    public const ulong LinkBytesPerSecond = 100_000_000_000;

    /// <summary>Above the memory bandwidth of any one machine.</summary>
    public const ulong DirtyBytesPerSecond = 2UL << 40;

    /// <summary>QEMU's own bound of downtime-limit, 2,000,000 ms: an estimate above it says that nothing is known.</summary>
    public static readonly TimeSpan Downtime = TimeSpan.FromSeconds(2000);

    /// <summary>QEMU's bounds of calc-time (migration/dirtyrate.c), 50 ms to 60 s, and a scheduler's slack above them.</summary>
    public static readonly TimeSpan ShortestProbe = TimeSpan.FromMilliseconds(50);

    public static readonly TimeSpan LongestProbe = TimeSpan.FromSeconds(90);

    /// <summary>No migration lasts a year.</summary>
    public static readonly TimeSpan Elapsed = TimeSpan.FromDays(365);

    /// <summary>What devices may add beyond four times what they last said; a device can be plugged in or wake up.</summary>
    public const ulong DeviceSlackBytes = 16UL << 30;

    /// <summary>What devices may add while none has said anything.</summary>
    public const ulong UnheardDevicesBytes = 1UL << 40;

    /// <summary>RAM remaining is a count of pages; the largest page in use is 1 GiB, but counts are kept in smaller ones.</summary>
    public const ulong PageSlackBytes = 2UL << 20;

    /// <summary>How far the devices' share may move beyond what the link explains, before it has to be said twice.</summary>
    public const ulong JumpSlackBytes = 1UL << 30;

    /// <summary>Syncs per second that a loop was seen to do are about ten; a burst of 31 within 0.3 s was seen too.</summary>
    public const double PassesPerSecond = 1000;
}
