namespace Orchestrator.Policy.Placement;

/// <summary>One request against one ledger: everything that is the same for all hosts is looked up once, then each host is asked.</summary>
internal sealed class Search
{
    private static readonly Obstacle[] s_all = Enum.GetValues<Obstacle>();

    private readonly FleetLedger _fleet;
    private readonly EngineSets _engines;
    private readonly HostSet _cpu;
    private readonly HostSet _selected;
    private readonly List<Counted> _apart = [];
    private readonly List<Counted> _near = [];
    private readonly List<Counted> _shunning = [];

    public Search(FleetLedger fleet, PlacementRequest request)
    {
        _fleet = fleet;
        Request = request;
        Entry = fleet.Find(request.Guest.GuestId);
        Source = Entry is not null ? Entry.Host : request.Guest.HostId is { } hostId ? fleet.Host(hostId) : null;
        Likeness = fleet.Likeness(request.Guest);
        _engines = fleet.Facets.Engines(request.Machine);
        _cpu = fleet.Facets.Cpu(request.Machine, Source);
        _selected = fleet.Facets.Selected(request.Guest.Placement.HostSelector);
        foreach (var shunning in fleet.Neighbours.Shunning(request.Guest.Labels))
        {
            // A guest that keeps away from its like is counted among those that keep away from it.
            _shunning.Add(new Counted(shunning, Entry?.Shuns.Contains(shunning) == true ? Entry : null));
        }

        foreach (var term in request.Guest.Placement.Affinity)
        {
            var wanted = fleet.Neighbours.Wanted(term);
            var counted = new Counted(wanted, Entry is not null && wanted.Means(Entry.Facts.Labels) ? Entry : null);
            if (!term.Required)
            {
                Soft.Add(new SoftTerm(term, counted));
            }
            else
            {
                (term.Anti ? _apart : _near).Add(counted);
            }
        }
    }

    public PlacementRequest Request { get; }

    /// <summary>The guest as the ledger has it; null when it does not.</summary>
    public LedgerGuest? Entry { get; }

    public LedgerHost? Source { get; }

    /// <summary>See <see cref="FleetLedger.Likeness"/>.</summary>
    public int Likeness { get; }

    public List<SoftTerm> Soft { get; } = [];

    public DateTimeOffset At => _fleet.At;

    public DataRate FastestLink => _fleet.FastestLink;

    public IReadOnlyList<Counted> Apart => _apart;

    public IReadOnlyList<Counted> Near => _near;

    public IReadOnlyList<Counted> Shunning => _shunning;

    /// <summary>Room is held for the guest on this host, so it does not stand in its own way.</summary>
    public bool IsHeldFor(LedgerHost host) => Entry is not null && Entry.Target == host;

    public DataSize MemoryFree(LedgerHost host) => IsHeldFor(host) ? host.MemoryFree + Entry!.Facts.Memory : host.MemoryFree;

    public int VcpusFree(LedgerHost host) => IsHeldFor(host) ? host.VcpusFree + Entry!.Facts.Vcpus : host.VcpusFree;

    public IReadOnlyList<string> MissingFlags(LedgerHost host) => _fleet.Facets.MissingFlags(Request.Machine, Source, host);

    /// <summary>The newest of the guest's failures on a host that still keep it away.</summary>
    public FailedMove? Failure(LedgerHost host)
    {
        FailedMove? newest = null;
        foreach (var failure in Request.RecentFailures)
        {
            if (failure.HostId == host.Facts.HostId && failure.Until > At && (newest is null || failure.Until > newest.Until))
            {
                newest = failure;
            }
        }

        return newest;
    }

    /// <returns>In the order of the enum; null: a candidate.</returns>
    public Obstacle? First(LedgerHost host)
    {
        foreach (var obstacle in s_all)
        {
            if (Stands(obstacle, host))
            {
                return obstacle;
            }
        }

        return null;
    }

    /// <summary>It cannot take the guest, however much of it is free.</summary>
    public bool IsBarred(LedgerHost host) => Array.Exists(
        s_all, obstacle => obstacle is not (Obstacle.Memory or Obstacle.Cpus or Obstacle.Device) && Stands(obstacle, host));

    /// <summary>Weight of the soft terms that would be broken there.</summary>
    public int SoftCost(LedgerHost host) => Soft.Sum(soft => soft.HoldsAt(host) ? 0 : soft.Term.Weight);

    public List<Obstacle> All(LedgerHost host) => [.. s_all.Where(obstacle => Stands(obstacle, host))];

    private bool Stands(Obstacle obstacle, LedgerHost host) => obstacle switch
    {
        Obstacle.IsSource => host == Source,
        Obstacle.NotConnected => host.Facts.Condition != HostCondition.Connected,
        Obstacle.Cordoned => host.Cordoned,
        Obstacle.HostSelector => !_selected[host.Index],
        Obstacle.Accelerator => !_engines.Accelerator[host.Index],
        Obstacle.MachineType => !_engines.MachineType[host.Index],
        Obstacle.EngineVersion => !_engines.Version[host.Index],
        Obstacle.CpuModel => !_cpu[host.Index],
        Obstacle.RecentFailure => Request.RecentFailures.Count > 0 && Failure(host) is not null,
        Obstacle.Memory => MemoryFree(host) < Request.Guest.Memory,
        Obstacle.Cpus => VcpusFree(host) < Request.Guest.Vcpus,
        Obstacle.Device => Request.Guest.Devices.Count > 0 && DeviceMatch.Find(host, Request.Guest).Unmet.Count > 0,
        Obstacle.AntiAffinity => IsTooNear(host),
        Obstacle.Affinity => IsTooFar(host),
    };

    private bool IsTooNear(LedgerHost host) =>
        _apart.Exists(others => others.Present(host) > 0) || _shunning.Exists(others => others.Present(host) > 0);

    private bool IsTooFar(LedgerHost host) => _near.Exists(others => others.IsMissedAt(host));
}

/// <summary>A term that costs score when it is broken.</summary>
internal readonly record struct SoftTerm(AffinityTerm Term, Counted Others)
{
    public bool HoldsAt(LedgerHost host) => Term.Anti ? Others.Present(host) == 0 : !Others.IsMissedAt(host);
}

/// <summary>Neighbours as one guest sees them: it never counts itself.</summary>
/// <param name="Own">The guest, when it is among those that are counted.</param>
internal readonly record struct Counted(PlaceCount Count, LedgerGuest? Own)
{
    public int Everywhere => Count.Everywhere(Own);

    public int Present(LedgerHost host) => Count.Present(host, Own);

    /// <summary>There are some, and none of them is or will be in the host's place.</summary>
    public bool IsMissedAt(LedgerHost host) => Count.Heading(host, Own) == 0 && Count.Everywhere(Own) > 0;
}
