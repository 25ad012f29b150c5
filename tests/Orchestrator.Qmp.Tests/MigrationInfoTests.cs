using System.Text.Json;

namespace Orchestrator.Qmp.Tests;

public sealed class MigrationInfoTests
{
    [Theory]
    [InlineData("9223372036854775807", 9_223_372_036_854_775_807)]
    [InlineData("9223372036854775808", 9_223_372_036_854_775_808)]
    [InlineData("18446744073709551615", 18_446_744_073_709_551_615)]
    public void Parse_HugeRemaining_IsKeptExactly(string text, ulong expected)
    {
        var migration = Parse($$"""{"status": "active", "remaining": {{text}}, "ram": {"transferred": {{text}} } }""");

        Assert.Equal((expected, expected), (migration.RemainingBytes, migration.Ram?.TransferredBytes));
        Assert.Empty(migration.Unreadable);
    }

    [Fact]
    public void Parse_ExpectedDowntimeWithoutBandwidth_IsTheLargestInteger()
    {
        var migration = Parse("""{"status": "active", "expected-downtime": 9223372036854775807}""");

        Assert.Equal(long.MaxValue, migration.ExpectedDowntimeMilliseconds);
    }

    [Theory]
    [InlineData("remaining", "18446744073709551616")]
    [InlineData("remaining", "-1")]
    [InlineData("remaining", "1.5")]
    [InlineData("remaining", "1e3")]
    [InlineData("remaining", "\"12\"")]
    [InlineData("remaining", "true")]
    [InlineData("remaining", "[]")]
    [InlineData("remaining", "{}")]
    [InlineData("expected-downtime", "9223372036854775808")]
    [InlineData("expected-downtime", "0.5")]
    [InlineData("downtime", "\"a\"")]
    [InlineData("cpu-throttle-percentage", "4294967296")]
    [InlineData("error-desc", "7")]
    [InlineData("ram", "7")]
    [InlineData("vfio", "\"none\"")]
    [InlineData("postcopy-vcpu-blocktime", "{}")]
    [InlineData("socket-address", "{}")]
    [InlineData("blocked-reasons", "\"x\"")]
    public void Parse_NoValueOfItsType_IsNotedAndLeftOut(string member, string value)
    {
        var migration = Parse($$"""{"status": "active", "{{member}}": {{value}} }""");

        Assert.Equal([$"{member}: {value}"], migration.Unreadable);
        Assert.Equal(new MigrationInfo { Status = MigrationStatus.Active, StatusText = "active" }, Comparable(migration));
    }

    [Fact]
    public void Parse_OddMembersInside_AreNotedWithTheirPath()
    {
        var migration = Parse("""
            {"status": "active", "total-time": 7,
             "ram": {"remaining": -4096, "total": 1024, "mbps": 1e999},
             "blocked-reasons": ["a", 1], "postcopy-vcpu-blocktime": [1, -2],
             "socket-address": [{"type": "unix", "path": 5}, 9]}
            """);

        Assert.Equal(
            ["blocked-reasons[]: 1", "postcopy-vcpu-blocktime[1]: -2", "ram.mbps: 1e999", "ram.remaining: -4096",
             "socket-address[0].path: 5", "socket-address[]: 9"],
            migration.Unreadable.Order(StringComparer.Ordinal));
        Assert.Equal((7L, 1024UL), (migration.TotalTimeMilliseconds, migration.Ram?.TotalBytes));
        Assert.Null(migration.Ram?.RemainingBytes);
        Assert.Null(migration.Ram?.MegabitsPerSecond);
        Assert.Null(migration.PostcopyVcpuBlocktimeMilliseconds);
        Assert.Equal(["a"], migration.BlockedReasons);
        Assert.Equal(new QemuSocketAddress("unix", null, null, null), Assert.Single(migration.SocketAddresses));
    }

    [Fact]
    public void Parse_NothingEverRan_IsNoneWithoutNumbers()
    {
        var migration = Parse("{}");

        Assert.Equal(new MigrationInfo(), Comparable(migration));
        Assert.Equal((false, false), (migration.Status.IsRunning, migration.Status.IsTerminal));
    }

    [Theory]
    [InlineData("""{"status": "teleporting"}""", "teleporting")]
    [InlineData("""{"status": 5}""", null)]
    [InlineData("""{"status": "\ud800"}""", null)]
    [InlineData("[]", null)]
    [InlineData("null", null)]
    [InlineData("\"active\"", null)]
    public void Parse_StatusThatIsNoneOfOurs_CountsAsRunning(string reply, string? text)
    {
        var migration = Parse(reply);

        Assert.Equal((MigrationStatus.Unknown, text), (migration.Status, migration.StatusText));
        Assert.Equal((true, false, false), (migration.Status.IsRunning, migration.Status.IsTerminal, migration.Status.IsPostcopy));
    }

    [Fact]
    public void Parse_MemberNameThatIsNoText_DoesNotThrow()
    {
        var migration = Parse("""{"\ud800tatus-and-more": 1, "\ud800": 2}""");

        Assert.Null(migration.Ram);
    }

    [Fact]
    public void Parse_MembersNobodyKnows_AreIgnored()
    {
        var migration = Parse("""{"status": "active", "flux": {"a": [1]}, "ram": {"total": 1, "flux": -1}}""");

        Assert.Empty(migration.Unreadable);
    }

    [Fact]
    public void Parse_EveryMemberThereIs_IsRead()
    {
        var migration = Parse("""
            {"status": "active", "error-desc": "e", "blocked-reasons": ["b"], "total-time": 1, "setup-time": 2, "downtime": 3,
             "expected-downtime": 4, "remaining": 5,
             "ram": {"transferred": 1, "remaining": 2, "total": 3, "duplicate": 4, "normal": 5, "normal-bytes": 6, "skipped": 7,
                     "dirty-pages-rate": 8, "mbps": 9.5, "dirty-sync-count": 10, "dirty-sync-missed-zero-copy": 11,
                     "postcopy-requests": 12, "page-size": 13, "multifd-bytes": 14, "pages-per-second": 15, "precopy-bytes": 16,
                     "downtime-bytes": 17, "postcopy-bytes": 18},
             "disk": {"total": 1}, "vfio": {"transferred": 6},
             "xbzrle-cache": {"cache-size": 1, "bytes": 2, "pages": 3, "cache-miss": 4, "cache-miss-rate": 0.5, "encoding-rate": 6,
                              "overflow": 7},
             "compression": {"pages": 1, "busy": 2, "busy-rate": 3.5, "compressed-size": 4, "compression-rate": 5.5},
             "cpu-throttle-percentage": 7, "dirty-limit-throttle-time-per-round": 8, "dirty-limit-ring-full-time": 9,
             "socket-address": [{"type": "vsock", "cid": "3", "port": "77"}],
             "postcopy-blocktime": 10, "postcopy-vcpu-blocktime": [11], "postcopy-latency": 12, "postcopy-latency-dist": [13],
             "postcopy-vcpu-latency": [14], "postcopy-non-vcpu-latency": 15}
            """);

        Assert.Empty(migration.Unreadable);
        Assert.Equal(
            new RamProgress
            {
                TransferredBytes = 1,
                RemainingBytes = 2,
                TotalBytes = 3,
                DuplicatePages = 4,
                NormalPages = 5,
                NormalBytes = 6,
                SkippedPages = 7,
                DirtyPagesPerSecond = 8,
                MegabitsPerSecond = 9.5,
                DirtySyncCount = 10,
                DirtySyncMissedZeroCopy = 11,
                PostcopyRequests = 12,
                PageSizeBytes = 13,
                MultifdBytes = 14,
                PagesPerSecond = 15,
                PrecopyBytes = 16,
                DowntimeBytes = 17,
                PostcopyBytes = 18,
            },
            migration.Ram);
        Assert.Equal(
            new XbzrleProgress
            {
                CacheSizeBytes = 1,
                TransferredBytes = 2,
                TransferredPages = 3,
                CacheMisses = 4,
                CacheMissRate = 0.5,
                EncodingRate = 6,
                Overflows = 7,
            },
            migration.Xbzrle);
        Assert.Equal(
            new CompressionProgress { Pages = 1, Busy = 2, BusyRate = 3.5, CompressedBytes = 4, CompressionRate = 5.5 },
            migration.Compression);
        Assert.Equal(
            (1L, 2L, 3L, 4L, 5UL, 1UL, 6UL),
            (migration.TotalTimeMilliseconds, migration.SetupTimeMilliseconds, migration.DowntimeMilliseconds,
             migration.ExpectedDowntimeMilliseconds, migration.RemainingBytes, migration.Disk?.TotalBytes, migration.VfioTransferredBytes));
        Assert.Equal(
            (7, 8UL, 9UL, 10UL, 12UL, 15UL),
            (migration.CpuThrottlePercent, migration.DirtyLimitThrottleTimePerRoundMicroseconds,
             migration.DirtyLimitRingFullTimeMicroseconds, migration.PostcopyBlocktimeMilliseconds, migration.PostcopyLatencyNanoseconds,
             migration.PostcopyNonVcpuLatencyNanoseconds));
        Assert.Equal([11UL], migration.PostcopyVcpuBlocktimeMilliseconds);
        Assert.Equal([13UL], migration.PostcopyLatencyDistribution);
        Assert.Equal([14UL], migration.PostcopyVcpuLatencyNanoseconds);
        Assert.Equal("e", migration.ErrorDescription);
        Assert.Equal(["b"], migration.BlockedReasons);
        Assert.Equal([new QemuSocketAddress("vsock", "3", "77", null)], migration.SocketAddresses);
    }

    private static MigrationInfo Parse(string reply) => MigrationInfo.Parse(JsonElement.Parse(reply));

    /// <summary>Lists compare by reference: the empty ones are made the same.</summary>
    private static MigrationInfo Comparable(MigrationInfo migration)
    {
        Assert.Empty(migration.BlockedReasons);
        Assert.Empty(migration.SocketAddresses);
        var none = new MigrationInfo();
        return migration with
        {
            BlockedReasons = none.BlockedReasons,
            SocketAddresses = none.SocketAddresses,
            Unreadable = none.Unreadable,
        };
    }
}
