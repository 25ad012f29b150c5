using System.Text.Json;
using System.Text.Json.Nodes;

namespace Orchestrator.Qmp;

/// <summary>
/// Parameters of a migration (qapi/migration.json, MigrationParameters). To set: only those that are not null are sent,
/// the others stay as they are; all can be set during a migration. As read: null where this QEMU does not have it.
/// </summary>
public sealed record MigrationParameters
{
    /// <summary>0 to 2,000,000; QEMU's default is 300. A threshold on QEMU's prediction, not a guarantee.</summary>
    public int? DowntimeLimitMilliseconds { get; init; }

    /// <summary>0 is no limit; QEMU's default is 128 MiB/s. Does not hold during the switchover.</summary>
    public ulong? MaxBandwidthBytesPerSecond { get; init; }

    /// <summary>0, the default, is no limit.</summary>
    public ulong? MaxPostcopyBandwidthBytesPerSecond { get; init; }

    /// <summary>
    /// What the link gives in the switchover, for QEMU's threshold and expected downtime; 0, the default, takes the last
    /// 100 ms for it (8.2). Too high a value makes the blackout exceed the downtime limit.
    /// </summary>
    public ulong? AvailSwitchoverBandwidthBytesPerSecond { get; init; }

    /// <summary>0 to 100,000; default 50.</summary>
    public int? AnnounceInitialMilliseconds { get; init; }

    /// <summary>0 to 100,000; default 550.</summary>
    public int? AnnounceMaxMilliseconds { get; init; }

    /// <summary>0 to 1,000; default 5.</summary>
    public int? AnnounceRounds { get; init; }

    /// <summary>1 to 10,000; default 100.</summary>
    public int? AnnounceStepMilliseconds { get; init; }

    /// <summary>1 to 100; default 50. Dirtied in per cent of sent from which on auto-converge counts a period against the guest.</summary>
    public int? ThrottleTriggerThresholdPercent { get; init; }

    /// <summary>1 to 99; default 20.</summary>
    public int? CpuThrottleInitialPercent { get; init; }

    /// <summary>1 to 99; default 10.</summary>
    public int? CpuThrottleIncrementPercent { get; init; }

    /// <summary>The initial percentage to 99; default 99, at which a guest is as good as stopped.</summary>
    public int? MaxCpuThrottlePercent { get; init; }

    public bool? CpuThrottleTailslow { get; init; }

    /// <summary>10^6 bytes per second, 1 and above; default 1 (8.1).</summary>
    public ulong? VcpuDirtyLimitMegabytesPerSecond { get; init; }

    /// <summary>1 to 1,000; default 1,000 (8.1, unstable in QEMU's schema).</summary>
    public int? VcpuDirtyLimitPeriodMilliseconds { get; init; }

    /// <summary>1 to 255; default 2. The same on both sides.</summary>
    public int? MultifdChannels { get; init; }

    /// <summary>none, zlib, zstd, or what else this QEMU was built with. The same on both sides.</summary>
    public string? MultifdCompression { get; init; }

    /// <summary>0 to 9; default 1.</summary>
    public int? MultifdZlibLevel { get; init; }

    /// <summary>0 to 20; default 1.</summary>
    public int? MultifdZstdLevel { get; init; }

    /// <summary>1 to 9; default 1 (9.2).</summary>
    public int? MultifdQatzipLevel { get; init; }

    /// <summary>A power of two, not less than a page of the guest; default 64 MiB.</summary>
    public ulong? XbzrleCacheSizeBytes { get; init; }

    /// <summary>none, legacy or multifd (9.0).</summary>
    public string? ZeroPageDetection { get; init; }

    /// <summary>Only with mapped-ram and multifd (9.1).</summary>
    public bool? DirectIo { get; init; }

    /// <summary>normal; cpr-reboot (8.2), cpr-transfer (10.0), cpr-exec (10.2).</summary>
    public string? Mode { get; init; }

    /// <summary>The id of a tls-creds object; empty is no TLS.</summary>
    public string? TlsCreds { get; init; }

    public string? TlsHostname { get; init; }

    public string? TlsAuthz { get; init; }

    /// <summary>As read: members that were there but no value of their type. They are null above.</summary>
    public IReadOnlyList<string> Unreadable { get; init; } = [];

    /// <param name="reply">The <c>return</c> of <c>query-migrate-parameters</c>. Anything is accepted.</param>
    public static MigrationParameters Parse(JsonElement reply)
    {
        var reader = new ReplyReader("query-migrate-parameters", reply);
        return new MigrationParameters
        {
            DowntimeLimitMilliseconds = reader.Small("downtime-limit"),
            MaxBandwidthBytesPerSecond = reader.Unsigned("max-bandwidth"),
            MaxPostcopyBandwidthBytesPerSecond = reader.Unsigned("max-postcopy-bandwidth"),
            AvailSwitchoverBandwidthBytesPerSecond = reader.Unsigned("avail-switchover-bandwidth"),
            AnnounceInitialMilliseconds = reader.Small("announce-initial"),
            AnnounceMaxMilliseconds = reader.Small("announce-max"),
            AnnounceRounds = reader.Small("announce-rounds"),
            AnnounceStepMilliseconds = reader.Small("announce-step"),
            ThrottleTriggerThresholdPercent = reader.Small("throttle-trigger-threshold"),
            CpuThrottleInitialPercent = reader.Small("cpu-throttle-initial"),
            CpuThrottleIncrementPercent = reader.Small("cpu-throttle-increment"),
            MaxCpuThrottlePercent = reader.Small("max-cpu-throttle"),
            CpuThrottleTailslow = reader.Flag("cpu-throttle-tailslow"),
            VcpuDirtyLimitMegabytesPerSecond = reader.Unsigned("vcpu-dirty-limit"),
            VcpuDirtyLimitPeriodMilliseconds = reader.Small("x-vcpu-dirty-limit-period"),
            MultifdChannels = reader.Small("multifd-channels"),
            MultifdCompression = reader.Text("multifd-compression"),
            MultifdZlibLevel = reader.Small("multifd-zlib-level"),
            MultifdZstdLevel = reader.Small("multifd-zstd-level"),
            MultifdQatzipLevel = reader.Small("multifd-qatzip-level"),
            XbzrleCacheSizeBytes = reader.Unsigned("xbzrle-cache-size"),
            ZeroPageDetection = reader.Text("zero-page-detection"),
            DirectIo = reader.Flag("direct-io"),
            Mode = reader.Text("mode"),
            TlsCreds = reader.Text("tls-creds"),
            TlsHostname = reader.Text("tls-hostname"),
            TlsAuthz = reader.Text("tls-authz"),
            Unreadable = reader.Unreadable,
        };
    }

    /// <summary>What is wrong with these values, all of it, each with QEMU's name and what is allowed. Empty when they are sound.</summary>
    public IReadOnlyList<string> FindViolations()
    {
        List<string> found = [];
        Check("downtime-limit", DowntimeLimitMilliseconds, 0, 2_000_000, "ms");
        Check("announce-initial", AnnounceInitialMilliseconds, 0, 100_000, "ms");
        Check("announce-max", AnnounceMaxMilliseconds, 0, 100_000, "ms");
        Check("announce-rounds", AnnounceRounds, 0, 1_000, "rounds");
        Check("announce-step", AnnounceStepMilliseconds, 1, 10_000, "ms");
        Check("throttle-trigger-threshold", ThrottleTriggerThresholdPercent, 1, 100, "%");
        Check("cpu-throttle-initial", CpuThrottleInitialPercent, 1, 99, "%");
        Check("cpu-throttle-increment", CpuThrottleIncrementPercent, 1, 99, "%");
        Check("max-cpu-throttle", MaxCpuThrottlePercent, CpuThrottleInitialPercent ?? 1, 99, "%");
        Check("x-vcpu-dirty-limit-period", VcpuDirtyLimitPeriodMilliseconds, 1, 1_000, "ms");
        Check("multifd-channels", MultifdChannels, 1, 255, "channels");
        Check("multifd-zlib-level", MultifdZlibLevel, 0, 9, "(level)");
        Check("multifd-zstd-level", MultifdZstdLevel, 0, 20, "(level)");
        Check("multifd-qatzip-level", MultifdQatzipLevel, 1, 9, "(level)");
        if (VcpuDirtyLimitMegabytesPerSecond == 0)
        {
            found.Add("vcpu-dirty-limit is 0 MB/s, allowed is 1 and above");
        }

        if (XbzrleCacheSizeBytes is { } cache && !ulong.IsPow2(cache))
        {
            found.Add($"xbzrle-cache-size is {cache} bytes, allowed is a power of two");
        }

        return found;

        void Check(string name, int? value, int least, int most, string unit)
        {
            if (value < least || value > most)
            {
                found.Add($"{name} is {value} {unit}, allowed is {least} to {most}");
            }
        }
    }

    /// <returns>QEMU's names and the values that are set.</returns>
    internal JsonObject ToArguments()
    {
        (string Name, JsonNode? Value)[] all =
        [
            ("downtime-limit", DowntimeLimitMilliseconds),
            ("max-bandwidth", MaxBandwidthBytesPerSecond),
            ("max-postcopy-bandwidth", MaxPostcopyBandwidthBytesPerSecond),
            ("avail-switchover-bandwidth", AvailSwitchoverBandwidthBytesPerSecond),
            ("announce-initial", AnnounceInitialMilliseconds),
            ("announce-max", AnnounceMaxMilliseconds),
            ("announce-rounds", AnnounceRounds),
            ("announce-step", AnnounceStepMilliseconds),
            ("throttle-trigger-threshold", ThrottleTriggerThresholdPercent),
            ("cpu-throttle-initial", CpuThrottleInitialPercent),
            ("cpu-throttle-increment", CpuThrottleIncrementPercent),
            ("max-cpu-throttle", MaxCpuThrottlePercent),
            ("cpu-throttle-tailslow", CpuThrottleTailslow),
            ("vcpu-dirty-limit", VcpuDirtyLimitMegabytesPerSecond),
            ("x-vcpu-dirty-limit-period", VcpuDirtyLimitPeriodMilliseconds),
            ("multifd-channels", MultifdChannels),
            ("multifd-compression", MultifdCompression),
            ("multifd-zlib-level", MultifdZlibLevel),
            ("multifd-zstd-level", MultifdZstdLevel),
            ("multifd-qatzip-level", MultifdQatzipLevel),
            ("xbzrle-cache-size", XbzrleCacheSizeBytes),
            ("zero-page-detection", ZeroPageDetection),
            ("direct-io", DirectIo),
            ("mode", Mode),
            ("tls-creds", TlsCreds),
            ("tls-hostname", TlsHostname),
            ("tls-authz", TlsAuthz),
        ];
        return new JsonObject(all.Where(parameter => parameter.Value is not null)
            .Select(parameter => KeyValuePair.Create(parameter.Name, parameter.Value)));
    }
}
