using System.Text.Json;

namespace Orchestrator.Qmp;

/// <summary>
/// Reply of <c>query-migrate</c> (qapi/migration.json, MigrationInfo). What QEMU left out is null; which members there are
/// depends on side, status and version. After <c>failed</c> and <c>cancelled</c> all numbers are gone: keep the last reply
/// of the running migration. The numbers are as QEMU gave them, plausible or not.
/// </summary>
public sealed record MigrationInfo
{
    public MigrationStatus Status { get; init; }

    /// <summary>QEMU's own word; null when nothing ever ran on this side.</summary>
    public string? StatusText { get; init; }

    /// <summary>For people. Comes with <c>cancelled</c> too, where it is no error.</summary>
    public string? ErrorDescription { get; init; }

    /// <summary>Why this guest cannot be migrated at all; also there when no migration runs.</summary>
    public IReadOnlyList<string> BlockedReasons { get; init; } = [];

    public long? TotalTimeMilliseconds { get; init; }

    public long? SetupTimeMilliseconds { get; init; }

    /// <summary>
    /// Measured blackout, in <c>completed</c> and in postcopy. Includes the time held in pre-switchover. In postcopy it
    /// cannot be trusted: 7.2 was seen to report more than the whole migration took, 10.0 and 11.1 leave out the loading.
    /// </summary>
    public long? DowntimeMilliseconds { get; init; }

    /// <summary>
    /// QEMU's estimate. Equals the downtime limit during the first pass; <see cref="long.MaxValue"/> when 11.1 sees no
    /// bandwidth. Up to 11.0 RAM only, from 11.1 system-wide and as of the last exact sync.
    /// </summary>
    public long? ExpectedDowntimeMilliseconds { get; init; }

    /// <summary>
    /// System-wide: RAM and every device (11.1). Lags <see cref="RamProgress.RemainingBytes"/> and can be 0 in the first
    /// moments of <c>active</c>; values near 2^64 have been seen.
    /// </summary>
    public ulong? RemainingBytes { get; init; }

    public RamProgress? Ram { get; init; }

    /// <summary>Block migration (gone in 9.1).</summary>
    public RamProgress? Disk { get; init; }

    /// <summary>Device state of all VFIO devices sent so far; only when every one of them can migrate.</summary>
    public ulong? VfioTransferredBytes { get; init; }

    public XbzrleProgress? Xbzrle { get; init; }

    /// <summary>Old compression (gone in 9.1).</summary>
    public CompressionProgress? Compression { get; init; }

    /// <summary>How much of its time a vCPU is made to sleep; only while auto-converge throttles.</summary>
    public int? CpuThrottlePercent { get; init; }

    public ulong? DirtyLimitThrottleTimePerRoundMicroseconds { get; init; }

    public ulong? DirtyLimitRingFullTimeMicroseconds { get; init; }

    /// <summary>Destination: where it really listens, which answers for port 0.</summary>
    public IReadOnlyList<QemuSocketAddress> SocketAddresses { get; init; } = [];

    /// <summary>Destination, after completion, with capability <c>postcopy-blocktime</c>: all vCPUs waiting at once.</summary>
    public ulong? PostcopyBlocktimeMilliseconds { get; init; }

    /// <summary>The same for each vCPU.</summary>
    public IReadOnlyList<ulong>? PostcopyVcpuBlocktimeMilliseconds { get; init; }

    /// <summary>Destination: mean latency of a page fault (10.1, unstable in QEMU's schema, like the three below).</summary>
    public ulong? PostcopyLatencyNanoseconds { get; init; }

    /// <summary>Item N counts the faults that took from 2^N up to 2^(N+1) microseconds.</summary>
    public IReadOnlyList<ulong>? PostcopyLatencyDistribution { get; init; }

    public IReadOnlyList<ulong>? PostcopyVcpuLatencyNanoseconds { get; init; }

    public ulong? PostcopyNonVcpuLatencyNanoseconds { get; init; }

    /// <summary>Members that were there but no value of their type, with their raw text. They are null above.</summary>
    public IReadOnlyList<string> Unreadable { get; init; } = [];

    /// <param name="reply">The <c>return</c> of <c>query-migrate</c>. Anything is accepted.</param>
    public static MigrationInfo Parse(JsonElement reply)
    {
        var reader = new ReplyReader("query-migrate", reply);
        var status = reader.Text("status");
        return new MigrationInfo
        {
            // A status that cannot be read is not the same as none: something may well be running.
            Status = status is null && reader.Unreadable.Count > 0 ? MigrationStatus.Unknown : MigrationStatuses.Parse(status),
            StatusText = status,
            ErrorDescription = reader.Text("error-desc"),
            BlockedReasons = reader.Texts("blocked-reasons"),
            TotalTimeMilliseconds = reader.Signed("total-time"),
            SetupTimeMilliseconds = reader.Signed("setup-time"),
            DowntimeMilliseconds = reader.Signed("downtime"),
            ExpectedDowntimeMilliseconds = reader.Signed("expected-downtime"),
            RemainingBytes = reader.Unsigned("remaining"),
            Ram = RamProgress.Parse(reader.Object("ram")),
            Disk = RamProgress.Parse(reader.Object("disk")),
            VfioTransferredBytes = reader.Object("vfio")?.Unsigned("transferred"),
            Xbzrle = XbzrleProgress.Parse(reader.Object("xbzrle-cache")),
            Compression = CompressionProgress.Parse(reader.Object("compression")),
            CpuThrottlePercent = reader.Small("cpu-throttle-percentage"),
            DirtyLimitThrottleTimePerRoundMicroseconds = reader.Unsigned("dirty-limit-throttle-time-per-round"),
            DirtyLimitRingFullTimeMicroseconds = reader.Unsigned("dirty-limit-ring-full-time"),
            SocketAddresses = [.. reader.Objects("socket-address").Select(QemuSocketAddress.Parse)],
            PostcopyBlocktimeMilliseconds = reader.Unsigned("postcopy-blocktime"),
            PostcopyVcpuBlocktimeMilliseconds = reader.UnsignedList("postcopy-vcpu-blocktime"),
            PostcopyLatencyNanoseconds = reader.Unsigned("postcopy-latency"),
            PostcopyLatencyDistribution = reader.UnsignedList("postcopy-latency-dist"),
            PostcopyVcpuLatencyNanoseconds = reader.UnsignedList("postcopy-vcpu-latency"),
            PostcopyNonVcpuLatencyNanoseconds = reader.Unsigned("postcopy-non-vcpu-latency"),
            Unreadable = reader.Unreadable,
        };
    }
}
