using System.Text.Json;
using Orchestrator.Agent.V1;
using Orchestrator.Qmp;

namespace Orchestrator.Reports.Tests;

/// <summary>A recorded QMP conversation, played through the report assembly as a session would: one report a poll of the source.</summary>
internal sealed class RecordedMigration
{
    private static readonly TimeSpan s_engineDefaultLimit = TimeSpan.FromMilliseconds(300);

    private RecordedMigration(IReadOnlyList<Reported> reports) => Reports = reports;

    public IReadOnlyList<Reported> Reports { get; }

    public IEnumerable<Reported> Running => Reports.Where(report => report.Status is "active");

    public Reported Last => Reports[^1];

    public static RecordedMigration Play(string version, string name)
    {
        List<Reported> reports = [];
        var memory = ReportMemory.Empty;
        var features = FeaturesOf(version);
        var limit = s_engineDefaultLimit;
        ulong bandwidth = 128 << 20;
        var postCopy = false;
        double? startedAt = null;
        Queue<string> awaited = [];
        foreach (var line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Transcripts", version, name + ".jsonl")))
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            var message = root.GetProperty("msg");
            if (root.GetProperty("side").GetString() != "src" || message.ValueKind != JsonValueKind.Object)
            {
                continue;
            }

            var at = root.GetProperty("t").GetDouble();
            if (root.GetProperty("dir").GetString() == "out")
            {
                var command = (message.TryGetProperty("execute", out var execute) ? execute : message.GetProperty("exec-oob")).GetString()!;
                awaited.Enqueue(command);
                if (command == "migrate")
                {
                    startedAt ??= at;
                }

                if (message.TryGetProperty("arguments", out var arguments))
                {
                    limit = arguments.TryGetProperty("downtime-limit", out var ms) ? TimeSpan.FromMilliseconds(ms.GetInt64()) : limit;
                    bandwidth = arguments.TryGetProperty("max-bandwidth", out var rate) ? rate.GetUInt64() : bandwidth;
                    postCopy |= arguments.TryGetProperty("capabilities", out var capabilities) && capabilities.EnumerateArray()
                        .Any(c => c.GetProperty("capability").GetString() == "postcopy-ram" && c.GetProperty("state").GetBoolean());
                }
            }
            else if (message.TryGetProperty("return", out var reply) && awaited.TryDequeue(out var answered)
                && answered == "query-migrate" && startedAt is { } start)
            {
                var sample = new EngineSample
                {
                    Info = MigrationInfo.Parse(reply),
                    Features = features,
                    Elapsed = TimeSpan.FromSeconds(at - start),
                    DowntimeLimit = limit,
                    MaxBytesPerSecond = bandwidth,
                    PostCopyCapability = postCopy,
                };
                (var numbers, memory) = ReportAssembler.Assemble(sample, memory);
                reports.Add(new Reported(sample.Elapsed, sample.Info.StatusText ?? "", numbers));
            }
            else if (message.TryGetProperty("error", out _))
            {
                awaited.TryDequeue(out _);
            }
        }

        return new RecordedMigration(reports);
    }

    // What detection by schema finds in these versions; the recordings do not hold the schema itself.
    public static QemuFeatures FeaturesOf(string version)
    {
        var newest = version.StartsWith("11.1", StringComparison.Ordinal);
        var since10 = newest || version.StartsWith("10.", StringComparison.Ordinal);
        return new QemuFeatures
        {
            SystemWideRemaining = newest,
            PassCountsHonestWithPostcopy = !newest,
            ExitOnErrorArgument = since10,
            AvailSwitchoverBandwidth = since10,
            SwitchoverAck = since10,
            SwitchoverAckCanStarve = false,
            SwitchesOverOnEstimate = false,
            MultifdWithPostcopy = newest,
            CancelRefusedInPostcopy = since10,
            PostcopyRecoverSetup = since10,
            PostcopyDevice = newest,
            FailingStatus = newest,
            PostcopyPreempt = true,
            DirtyLimit = since10,
            MappedRam = since10,
            Channels = since10,
            ZeroPageDetection = since10,
            VfioMigrationEvents = since10,
            Yank = true,
            DirtyRateSampling = true,
            DirtyRateMilliseconds = since10,
        };
    }
}

internal sealed record Reported(TimeSpan Elapsed, string Status, TransferNumbers Numbers)
{
    public TimeSpan? ExpectedDowntime => Numbers.ExpectedDowntime?.ToTimeSpan();

    public override string ToString() =>
        $"{Elapsed.TotalSeconds:0.0} {Status} rem={(Numbers.HasRemainingBytes ? (long)(Numbers.RemainingBytes >> 10) : -1)}K({Numbers.RemainingProvenance}) bw={(Numbers.HasBandwidthBytesPerSecond ? (long)(Numbers.BandwidthBytesPerSecond >> 10) : -1)}K dirty={(Numbers.HasDirtyBytesPerSecond ? (long)Numbers.DirtyBytesPerSecond >> 10 : -1)}K exp={ExpectedDowntime?.TotalMilliseconds}({Numbers.ExpectedDowntimeProvenance}) pass={Numbers.Pass} honest={Numbers.PassesHonest} first={Numbers.FirstPass} thr={Numbers.ThrottlePercent} lim={Numbers.DowntimeLimit} down={Numbers.Downtime}";
}
