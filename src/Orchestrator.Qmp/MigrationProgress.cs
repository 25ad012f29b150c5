namespace Orchestrator.Qmp;

/// <summary>Numbers of guest memory (QEMU's MigrationStats, MigrationRAMStats from 11.1).</summary>
public sealed record RamProgress
{
    /// <summary>Everything sent, headers and device state included.</summary>
    public ulong? TransferredBytes { get; init; }

    /// <summary>RAM that is dirty at the moment of the query; 0 once completed.</summary>
    public ulong? RemainingBytes { get; init; }

    /// <summary>All RAM that migrates, video memory and firmware included.</summary>
    public ulong? TotalBytes { get; init; }

    /// <summary>Zero pages, which cost next to nothing.</summary>
    public ulong? DuplicatePages { get; init; }

    public ulong? NormalPages { get; init; }

    public ulong? NormalBytes { get; init; }

    /// <summary>Always 0 (gone in 9.1).</summary>
    public ulong? SkippedPages { get; init; }

    /// <summary>Measured at a sync more than a second after the one before; 0 until then.</summary>
    public ulong? DirtyPagesPerSecond { get; init; }

    /// <summary>10^6 bits per second in the last 100 ms; the average of all once completed. Jumps widely.</summary>
    public double? MegabitsPerSecond { get; init; }

    /// <summary>
    /// Passes. The setup, timer and final syncs count up to 11.0 but not in 11.1, where every turn of the loop counts when
    /// postcopy-ram is on.
    /// </summary>
    public ulong? DirtySyncCount { get; init; }

    public ulong? DirtySyncMissedZeroCopy { get; init; }

    public ulong? PostcopyRequests { get; init; }

    public ulong? PageSizeBytes { get; init; }

    public ulong? MultifdBytes { get; init; }

    public ulong? PagesPerSecond { get; init; }

    public ulong? PrecopyBytes { get; init; }

    public ulong? DowntimeBytes { get; init; }

    public ulong? PostcopyBytes { get; init; }

    internal static RamProgress? Parse(ReplyReader? reader) => reader is null ? null : new RamProgress
    {
        TransferredBytes = reader.Unsigned("transferred"),
        RemainingBytes = reader.Unsigned("remaining"),
        TotalBytes = reader.Unsigned("total"),
        DuplicatePages = reader.Unsigned("duplicate"),
        NormalPages = reader.Unsigned("normal"),
        NormalBytes = reader.Unsigned("normal-bytes"),
        SkippedPages = reader.Unsigned("skipped"),
        DirtyPagesPerSecond = reader.Unsigned("dirty-pages-rate"),
        MegabitsPerSecond = reader.Fraction("mbps"),
        DirtySyncCount = reader.Unsigned("dirty-sync-count"),
        DirtySyncMissedZeroCopy = reader.Unsigned("dirty-sync-missed-zero-copy"),
        PostcopyRequests = reader.Unsigned("postcopy-requests"),
        PageSizeBytes = reader.Unsigned("page-size"),
        MultifdBytes = reader.Unsigned("multifd-bytes"),
        PagesPerSecond = reader.Unsigned("pages-per-second"),
        PrecopyBytes = reader.Unsigned("precopy-bytes"),
        DowntimeBytes = reader.Unsigned("downtime-bytes"),
        PostcopyBytes = reader.Unsigned("postcopy-bytes"),
    };
}

/// <summary>Numbers of the xbzrle page cache; only with that capability.</summary>
public sealed record XbzrleProgress
{
    public ulong? CacheSizeBytes { get; init; }

    public ulong? TransferredBytes { get; init; }

    public ulong? TransferredPages { get; init; }

    public ulong? CacheMisses { get; init; }

    public double? CacheMissRate { get; init; }

    public double? EncodingRate { get; init; }

    public ulong? Overflows { get; init; }

    internal static XbzrleProgress? Parse(ReplyReader? reader) => reader is null ? null : new XbzrleProgress
    {
        CacheSizeBytes = reader.Unsigned("cache-size"),
        TransferredBytes = reader.Unsigned("bytes"),
        TransferredPages = reader.Unsigned("pages"),
        CacheMisses = reader.Unsigned("cache-miss"),
        CacheMissRate = reader.Fraction("cache-miss-rate"),
        EncodingRate = reader.Fraction("encoding-rate"),
        Overflows = reader.Unsigned("overflow"),
    };
}

/// <summary>Numbers of the old compression, up to 9.0.</summary>
public sealed record CompressionProgress
{
    public ulong? Pages { get; init; }

    public ulong? Busy { get; init; }

    public double? BusyRate { get; init; }

    public ulong? CompressedBytes { get; init; }

    public double? CompressionRate { get; init; }

    internal static CompressionProgress? Parse(ReplyReader? reader) => reader is null ? null : new CompressionProgress
    {
        Pages = reader.Unsigned("pages"),
        Busy = reader.Unsigned("busy"),
        BusyRate = reader.Fraction("busy-rate"),
        CompressedBytes = reader.Unsigned("compressed-size"),
        CompressionRate = reader.Fraction("compression-rate"),
    };
}

/// <summary>An address QEMU listens on (qapi/sockets.json, SocketAddress).</summary>
/// <param name="Type"><c>inet</c>, <c>unix</c>, <c>vsock</c> or <c>fd</c>.</param>
/// <param name="Port">A number for <c>inet</c> and <c>vsock</c>, as text because QEMU gives it so.</param>
public sealed record QemuSocketAddress(string Type, string? Host, string? Port, string? Path)
{
    internal static QemuSocketAddress Parse(ReplyReader reader) => new(
        reader.Text("type") ?? "",
        reader.Text("host") ?? reader.Text("cid"),
        reader.Text("port"),
        reader.Text("path"));
}
