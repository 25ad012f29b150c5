using System.Text.Json;

namespace Orchestrator.Qmp.Tests;

public sealed class MigrationParametersTests
{
    /// <summary>Every parameter, each with a value of its own.</summary>
    internal static MigrationParameters Every { get; } = new()
    {
        DowntimeLimitMilliseconds = 2_000_000,
        MaxBandwidthBytesPerSecond = ulong.MaxValue,
        MaxPostcopyBandwidthBytesPerSecond = 0,
        AvailSwitchoverBandwidthBytesPerSecond = 9_223_372_036_854_775_808,
        AnnounceInitialMilliseconds = 1,
        AnnounceMaxMilliseconds = 2,
        AnnounceRounds = 3,
        AnnounceStepMilliseconds = 4,
        ThrottleTriggerThresholdPercent = 5,
        CpuThrottleInitialPercent = 6,
        CpuThrottleIncrementPercent = 7,
        MaxCpuThrottlePercent = 8,
        CpuThrottleTailslow = true,
        VcpuDirtyLimitMegabytesPerSecond = 9,
        VcpuDirtyLimitPeriodMilliseconds = 10,
        MultifdChannels = 11,
        MultifdCompression = "zstd",
        MultifdZlibLevel = 9,
        MultifdZstdLevel = 12,
        MultifdQatzipLevel = 2,
        XbzrleCacheSizeBytes = 65_536,
        ZeroPageDetection = "multifd",
        DirectIo = false,
        Mode = "normal",
        TlsCreds = "tls0",
        TlsHostname = "host",
        TlsAuthz = "authz0",
    };

    [Fact]
    public void ToArguments_EverySet_ComesBackFromParse()
    {
        var arguments = Every.ToArguments();
        var read = MigrationParameters.Parse(JsonElement.Parse(arguments.ToJsonString()));

        Assert.Equal(27, arguments.Count);
        Assert.Equal(typeof(MigrationParameters).GetProperties().Length - 1, arguments.Count);
        Assert.Equal(Every with { Unreadable = read.Unreadable }, read);
        Assert.Empty(read.Unreadable);
        Assert.Empty(Every.FindViolations());
    }

    [Fact]
    public void ToArguments_SomeSet_HoldsJustThose()
    {
        var parameters = new MigrationParameters { DowntimeLimitMilliseconds = 400, MaxBandwidthBytesPerSecond = 0 };

        Assert.Equal("""{"downtime-limit":400,"max-bandwidth":0}""", parameters.ToArguments().ToJsonString());
        Assert.Empty(new MigrationParameters().ToArguments());
    }

    [Fact]
    public void FindViolations_AtTheBounds_FindsNone()
    {
        var least = new MigrationParameters
        {
            DowntimeLimitMilliseconds = 0,
            AnnounceInitialMilliseconds = 0,
            AnnounceMaxMilliseconds = 0,
            AnnounceRounds = 0,
            AnnounceStepMilliseconds = 1,
            ThrottleTriggerThresholdPercent = 1,
            CpuThrottleInitialPercent = 1,
            CpuThrottleIncrementPercent = 1,
            MaxCpuThrottlePercent = 1,
            VcpuDirtyLimitMegabytesPerSecond = 1,
            VcpuDirtyLimitPeriodMilliseconds = 1,
            MultifdChannels = 1,
            MultifdZlibLevel = 0,
            MultifdZstdLevel = 0,
            MultifdQatzipLevel = 1,
        };
        var most = new MigrationParameters
        {
            DowntimeLimitMilliseconds = 2_000_000,
            AnnounceInitialMilliseconds = 100_000,
            AnnounceMaxMilliseconds = 100_000,
            AnnounceRounds = 1_000,
            AnnounceStepMilliseconds = 10_000,
            ThrottleTriggerThresholdPercent = 100,
            CpuThrottleInitialPercent = 99,
            CpuThrottleIncrementPercent = 99,
            MaxCpuThrottlePercent = 99,
            VcpuDirtyLimitPeriodMilliseconds = 1_000,
            MultifdChannels = 255,
            MultifdZlibLevel = 9,
            MultifdZstdLevel = 20,
            MultifdQatzipLevel = 9,
        };

        Assert.Empty(least.FindViolations());
        Assert.Empty(most.FindViolations());
    }

    [Fact]
    public void FindViolations_AllWrong_NamesEachWithWhatIsAllowed()
    {
        var wrong = new MigrationParameters
        {
            DowntimeLimitMilliseconds = 2_000_001,
            AnnounceInitialMilliseconds = -1,
            AnnounceMaxMilliseconds = 100_001,
            AnnounceRounds = 1_001,
            AnnounceStepMilliseconds = 0,
            ThrottleTriggerThresholdPercent = 0,
            CpuThrottleInitialPercent = 60,
            CpuThrottleIncrementPercent = 100,
            MaxCpuThrottlePercent = 50,
            VcpuDirtyLimitMegabytesPerSecond = 0,
            VcpuDirtyLimitPeriodMilliseconds = 0,
            MultifdChannels = 256,
            MultifdZlibLevel = 10,
            MultifdZstdLevel = 21,
            MultifdQatzipLevel = 0,
            XbzrleCacheSizeBytes = 3,
        };
        var found = wrong.FindViolations();

        Assert.Equal(15, found.Count);
        Assert.Contains("downtime-limit is 2000001 ms, allowed is 0 to 2000000", found);
        Assert.Contains("max-cpu-throttle is 50 %, allowed is 60 to 99", found);
        Assert.Contains("vcpu-dirty-limit is 0 MB/s, allowed is 1 and above", found);
        Assert.Contains("xbzrle-cache-size is 3 bytes, allowed is a power of two", found);
    }

    [Theory]
    [InlineData("""{"downtime-limit": 4294967296}""", "downtime-limit: 4294967296")]
    [InlineData("""{"max-bandwidth": -1, "tls-creds": null}""", "max-bandwidth: -1")]
    [InlineData("[]", "query-migrate-parameters: []")]
    public void Parse_OddValues_AreNotedAndLeftOut(string reply, string noted)
    {
        var parameters = MigrationParameters.Parse(JsonElement.Parse(reply));

        Assert.Equal([noted], parameters.Unreadable);
        Assert.Empty(parameters.ToArguments());
    }
}
