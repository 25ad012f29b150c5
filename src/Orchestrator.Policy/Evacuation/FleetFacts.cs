namespace Orchestrator.Policy.Evacuation;

/// <summary>What is known of the fleet at one moment: all that planner and conductor decide on. Made by the caller from its records.</summary>
public sealed record FleetFacts
{
    public required IReadOnlyList<HostFacts> Hosts { get; init; }

    /// <summary>Every guest of the fleet, not only those that are to move: the others take room and have wishes about neighbours.</summary>
    public required IReadOnlyList<GuestFacts> Guests { get; init; }

    /// <summary>Migrations that are not this evacuation's and use the same links.</summary>
    public IReadOnlyList<ForeignTransfer> Foreign { get; init; } = [];

    public TransferLimits Limits { get; init; } = new();

    public MovePace Pace { get; init; } = new();
}

/// <summary>A host, as a source or as a target.</summary>
public sealed record HostFacts
{
    public required string HostId { get; init; }

    /// <summary>Memory that further guests may have: allocatable, less guests there, less what is reserved for guests on their way.</summary>
    public required DataSize FreeMemory { get; init; }

    /// <summary>CPUs that further guests may have.</summary>
    public int FreeCpus { get; init; } = int.MaxValue;

    /// <summary>What migrations may send from it, link share applied. Zero = not known.</summary>
    public DataRate Up { get; init; }

    /// <summary>What migrations may send to it. Zero = not known.</summary>
    public DataRate Down { get; init; }

    /// <summary>Why no guest may be sent to it ("is cordoned"); null = it may be a target.</summary>
    public string? Closed { get; init; }

    /// <summary>It will be emptied itself later: a target only for guests that no other host takes.</summary>
    public bool LastResort { get; init; }

    /// <summary>False: its agent does not answer, so nothing can leave it now.</summary>
    public bool Connected { get; init; } = true;

    public bool Cordoned { get; init; }

    public IReadOnlyDictionary<string, string> Labels { get; init; } = EmptyLabels.Value;
}

/// <summary>A guest, wherever it is.</summary>
public sealed record GuestFacts
{
    public required string GuestId { get; init; }

    public required string HostId { get; init; }

    public required DataSize Memory { get; init; }

    public int Cpus { get; init; } = 1;

    public GuestActivity Activity { get; init; } = GuestActivity.Running;

    /// <summary>Memory it dirties per second, as last measured; null = nobody has measured.</summary>
    public DataRate? DirtyRate { get; init; }

    /// <summary>Cap of its transfer by its policy; zero = none.</summary>
    public DataRate MaxRate { get; init; }

    /// <summary>Downtime that its policy allows when nothing else is said.</summary>
    public TimeSpan MaxDowntime { get; init; } = TimeSpan.FromMilliseconds(300);

    public IReadOnlyDictionary<string, string> Labels { get; init; } = EmptyLabels.Value;

    public IReadOnlyList<Neighbourhood> Neighbours { get; init; } = [];

    /// <summary>Hosts that can never take it, by host id, and why: CPU model, devices, machine type, selectors, a recent failure.</summary>
    public IReadOnlyDictionary<string, string> Refusals { get; init; } = EmptyLabels.Value;
}

public enum GuestActivity
{
    Running,

    /// <summary>Paused by its owner: it moves, and dirties nothing.</summary>
    Paused,

    /// <summary>No process: nothing to migrate.</summary>
    Stopped,
}

/// <summary>Near or away from the guests that have all of some labels; as AffinityTerm in placement.proto.</summary>
/// <param name="TopologyKey">Host label whose equal values are one place; empty = the host itself.</param>
/// <param name="Weight">Cost of breaking a term that is not required, 1 to 100.</param>
public sealed record Neighbourhood(
    IReadOnlyDictionary<string, string> GuestLabels, string TopologyKey, bool Anti, bool Required, int Weight = 10);

/// <summary>A running migration of somebody else.</summary>
/// <param name="Weight">Of its class, against ours.</param>
public sealed record ForeignTransfer(string SourceHostId, string TargetHostId, DataSize Left, int Weight);

/// <summary>As AdmissionLimits in admission.proto; each at least 1.</summary>
public sealed record TransferLimits
{
    public int Transferring { get; init; } = int.MaxValue;

    public int Preparing { get; init; } = int.MaxValue;

    public int TransferringPerSource { get; init; } = int.MaxValue;

    public int TransferringPerTarget { get; init; } = int.MaxValue;

    public int PreparingPerTarget { get; init; } = int.MaxValue;

    /// <summary>Share of bandwidth of this evacuation's class against others on the same link.</summary>
    public int Weight { get; init; } = 1;
}

/// <summary>How long the parts of a move take that send nothing.</summary>
public sealed record MovePace
{
    /// <summary>Target prepared, connection made.</summary>
    public TimeSpan Prepare { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Switch-over and verification, without the last bytes.</summary>
    public TimeSpan Finish { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>Shut down and started elsewhere.</summary>
    public TimeSpan Restart { get; init; } = TimeSpan.FromSeconds(60);
}

internal static class EmptyLabels
{
    public static IReadOnlyDictionary<string, string> Value { get; } = new Dictionary<string, string>(StringComparer.Ordinal);
}
