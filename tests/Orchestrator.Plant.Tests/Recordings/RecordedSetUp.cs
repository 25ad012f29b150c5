using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;
using Orchestrator.Plant.Management;

namespace Orchestrator.Plant.Tests.Recordings;

/// <summary>The recordings' guest, link and engine in the model's words.</summary>
internal static class RecordedSetUp
{
    private const long Mebibyte = 1 << 20;

    /// <summary>RAM total of the replies: 256 MiB, video memory and firmware.</summary>
    public const long Memory = 268_967_936;

    // Loopback: what completions sent in their downtime, 11 to 68 MB, went at 1.2 to 1.9 GB/s.
    private const double Line = 1.7e9;

    // What a whole vCPU dirtied with d.cpu=64 in the passes that did not fill the region: 15.7 to 17.6 MB/s at 90 %, 1.84 MB/s at 99 %.
    private const double WholeCpu = 170e6;

    public static PlayedMigration Play(Recording recording)
    {
        var driver = new RecordedDriver(recording);
        var run = SimulatedRun.Play(Migration(recording), driver);
        return new PlayedMigration(run, driver.Views);
    }

    private static MigrationDescription Migration(Recording recording)
    {
        var guest = recording.Guest;
        var rate = guest.TryGetValue("rate", out var mebibytes) ? mebibytes * Mebibyte : WholeCpu;
        return new MigrationDescription
        {
            Guest = new GuestDescription
            {
                Memory = Memory,
                ZeroShare = ZeroShare(guest["fill"]),
                HotSets = [new HotSet("region", guest["mib"] * Mebibyte, rate, Sequential: true, CpuShare: 1, [])],
            },
            Link = new LinkDescription { BytesPerSecond = Line },
            Engine = new EngineDescription { Version = Version(recording), FixedDowntime = TimeSpan.FromMilliseconds(2) },
            MaxDowntime = TimeSpan.FromSeconds(2000),
            Deadline = TimeSpan.FromSeconds(100),
        };
    }

    /// <summary>Of the first pass: 8,9xx duplicates of 65,666 pages with 96 MiB filled, 24,3xx to 25,3xx with 32 MiB.</summary>
    private static double ZeroShare(long fill) => fill switch
    {
        96 => 0.136,
        32 => 0.381,
        _ => throw new ArgumentOutOfRangeException(nameof(fill)),
    };

    private static EngineVersion Version(Recording recording) => recording.Name.Split('/')[0] switch
    {
        "7.2.22" => EngineVersion.Qemu72,
        "10.0.2" => EngineVersion.Qemu100,
        "11.1.3" => EngineVersion.Qemu111,
        var other => throw new ArgumentOutOfRangeException(nameof(recording), other),
    };
}

internal sealed record PlayedMigration(RunResult Run, IReadOnlyList<EngineView> Views);
