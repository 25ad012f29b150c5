using System.Collections.Frozen;
using Orchestrator.Policy.Placement;

namespace Orchestrator.Policy.Evacuation;

/// <summary>What is known of the fleet at one moment: all that planner and conductor decide on. Made by the caller from its records.</summary>
public sealed record FleetFacts
{
    /// <summary>
    /// The fleet as placement sees it. A guest that is on its way, whoever sent it, has its target; one that is on no host need not be there.
    /// </summary>
    public required FleetSnapshot Fleet { get; init; }

    /// <summary>
    /// The guests an evacuation has to do with: all on its hosts, and all that its state names and that still exist. Others may be listed,
    /// but need not be: they only take room, which the fleet says.
    /// </summary>
    public required IReadOnlyList<GuestFacts> Guests { get; init; }

    /// <summary>Migrations that are not this evacuation's and use the same links.</summary>
    public IReadOnlyList<ForeignTransfer> Foreign { get; init; } = [];

    public TransferLimits Limits { get; init; } = new();

    public MovePace Pace { get; init; } = new();

    /// <summary>
    /// Hosts that somebody else will empty later: targets only for guests that no other host takes. Those of the evacuation itself, as long as
    /// their turn has not come, need not be named.
    /// </summary>
    public IReadOnlySet<string> LastResort { get; init; } = FrozenSet<string>.Empty;

    /// <summary>Hosts that are being emptied, in the fleet as the planner sees it: no targets, whoever uncordons them.</summary>
    internal FleetFacts Emptying(Predicate<string> emptied) => With(host => emptied(host.HostId) && !host.Cordoned
        ? host with { Cordoned = true, CordonReason = "it is being emptied" } : host);

    internal FleetFacts With(Func<FleetHost, FleetHost> change) => this with { Fleet = Fleet with { Hosts = [.. Fleet.Hosts.Select(change)] } };
}

/// <summary>A guest that is to move, or may be.</summary>
public sealed record GuestFacts
{
    /// <summary>The guest, where it is, and what it asks of a target. Where it failed lately it is sent only when there is no other host.</summary>
    public required PlacementRequest Placement { get; init; }

    public GuestActivity Activity { get; init; } = GuestActivity.Running;

    /// <summary>Why nobody but who holds it may move it now, e.g. "it is being stopped"; null = the evacuation may.</summary>
    public string? Held { get; init; }

    /// <summary>Memory it dirties per second, as last measured; null = nobody has measured.</summary>
    public DataRate? DirtyRate { get; init; }

    /// <summary>Cap of its transfer by its policy; zero = none.</summary>
    public DataRate MaxRate { get; init; }

    /// <summary>Downtime that its policy allows when nothing else is said.</summary>
    public TimeSpan MaxDowntime { get; init; } = TimeSpan.FromMilliseconds(300);

    public string GuestId => Placement.Guest.GuestId;

    /// <summary>Empty: it is on none.</summary>
    public string HostId => Placement.Guest.HostId ?? "";

    public DataSize Memory => Placement.Guest.Memory;
}

public enum GuestActivity
{
    Running,

    /// <summary>Paused by its owner: it moves, and dirties nothing.</summary>
    Paused,

    /// <summary>No process: nothing to migrate.</summary>
    Stopped,
}

/// <summary>A running migration of somebody else.</summary>
/// <param name="Weight">Of its class, against ours.</param>
public sealed record ForeignTransfer(string SourceHostId, string TargetHostId, DataSize Left, int Weight);

/// <summary>As AdmissionLimits in admission.proto; each count at least 1.</summary>
public sealed record TransferLimits
{
    public int Transferring { get; init; } = int.MaxValue;

    public int Preparing { get; init; } = int.MaxValue;

    public int TransferringPerSource { get; init; } = int.MaxValue;

    public int TransferringPerTarget { get; init; } = int.MaxValue;

    public int PreparingPerTarget { get; init; } = int.MaxValue;

    /// <summary>Share of each host's link that migrations may use, each way. Above 0, at most 1.</summary>
    public double LinkShare { get; init; } = 1;

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
