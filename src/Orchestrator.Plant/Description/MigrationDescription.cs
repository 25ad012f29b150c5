namespace Orchestrator.Plant.Description;

/// <summary>A migration to be played: what SimulatedMigration says, found sound. Units and ranges as in simulation.proto.</summary>
public sealed record MigrationDescription
{
    public string Description { get; init; } = "";

    public required GuestDescription Guest { get; init; }

    public required LinkDescription Link { get; init; }

    public EngineDescription Engine { get; init; } = new();

    public required TimeSpan MaxDowntime { get; init; }

    public required TimeSpan Deadline { get; init; }

    public PermittedMeans Permitted { get; init; } = new();
}

/// <summary>What the guest's owner lets be done to it.</summary>
public sealed record PermittedMeans
{
    /// <summary>0 = no throttling.</summary>
    public int ThrottleMaxPercent { get; init; }

    /// <summary>Null = no pause.</summary>
    public TimeSpan? MaxPause { get; init; }

    public bool PostCopy { get; init; }
}

public sealed record GuestDescription
{
    /// <summary>Bytes.</summary>
    public required long Memory { get; init; }

    /// <summary>Share of memory that was never written.</summary>
    public double ZeroShare { get; init; }

    public IReadOnlyList<HotSet> HotSets { get; init; } = [];

    public IReadOnlyList<SimulatedDevice> Devices { get; init; } = [];

    /// <summary>Memory in GiB, as policies that scale with it count.</summary>
    public double Gibibytes => Memory / (1024.0 * 1024 * 1024);
}

/// <summary>A part of memory that is written over and over.</summary>
/// <param name="WriteRate">Bytes per second of pages touched.</param>
/// <param name="CpuShare">Share of its CPU time that the writing needs; throttling slows it only beyond what is left over.</param>
public sealed record HotSet(
    string Name, long Size, double WriteRate, bool Sequential, double CpuShare, IReadOnlyList<PaceChange> Changes);

/// <summary>The pace times a factor: from a start on, for a while or for ever, once or again and again.</summary>
/// <param name="Lasts">Null = for ever.</param>
/// <param name="Every">Null = once.</param>
public sealed record PaceChange(TimeSpan Start, TimeSpan? Lasts, TimeSpan? Every, double Factor)
{
    public double At(double seconds)
    {
        var since = seconds - Start.TotalSeconds;
        if (since < 0)
        {
            return 1;
        }

        if (Every is { } every)
        {
            since %= every.TotalSeconds;
        }

        return Lasts is not { } lasts || since < lasts.TotalSeconds ? Factor : 1;
    }
}

public sealed record LinkDescription
{
    /// <summary>Goodput of the line.</summary>
    public required double BytesPerSecond { get; init; }

    /// <summary>Cap of the copy; 0 = none.</summary>
    public long MaxBytesPerSecond { get; init; }

    /// <summary>The operator's own cap holds whatever a management layer asks for.</summary>
    public double Capped(double asked) => (asked, MaxBytesPerSecond) switch
    {
        (_, 0) => asked,
        (0, var cap) => cap,
        var (wanted, cap) => Math.Min(wanted, cap),
    };

    /// <summary>Share of the mean by which a tenth of a second strays.</summary>
    public double Jitter { get; init; }

    public IReadOnlyList<PaceChange> Changes { get; init; } = [];
}

public sealed record EngineDescription
{
    public EngineVersion Version { get; init; } = EngineVersion.Qemu100;

    /// <summary>What a switch-over costs however little is left.</summary>
    public TimeSpan FixedDowntime { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>How fast memory is looked through for zero pages, bytes per second.</summary>
    public double ScanRate { get; init; } = 4e9;
}

/// <summary>Versions of QEMU between which the loop differs.</summary>
public enum EngineVersion
{
    Qemu72,
    Qemu82,
    Qemu92,
    Qemu100,
    Qemu101,
    Qemu110,
    Qemu111,
}

/// <summary>A VFIO device's state.</summary>
public sealed record SimulatedDevice
{
    public required string Name { get; init; }

    public long StopCopy { get; init; }

    public long Initial { get; init; }

    public double DirtyRate { get; init; }

    public long DirtyMax { get; init; }

    public bool NeedsAck { get; init; }

    /// <summary>0 = as fast as it comes.</summary>
    public double LoadRate { get; init; }

    public DeviceReporting Reports { get; init; }

    public double RubbishShare { get; init; }
}

public enum DeviceReporting
{
    Exact,

    /// <summary>No size reaches the agent.</summary>
    Missing,

    /// <summary>Now and then a number that cannot be.</summary>
    Rubbish,
}
