namespace Orchestrator.Policy.Placement;

/// <summary>
/// A draft of the fleet that placements are made on: built once from a snapshot, then changed step by step, each in a time that does not
/// grow with the fleet. Admission makes one a pass; the planner plays its moves through on one. Not safe for use by two threads at once,
/// not even for questions.
/// </summary>
public sealed class FleetLedger
{
    private readonly List<LedgerHost> _hosts;
    private readonly Dictionary<string, LedgerHost> _byId;
    private readonly Dictionary<string, LedgerGuest> _guests;
    private readonly Dictionary<string, int> _likenesses = new(StringComparer.Ordinal);

    // Guests that are alike share their labels' object mostly, so that the text need not be made for each.
    private readonly Dictionary<object, int> _likenessOf = new(ReferenceEqualityComparer.Instance);

    private FleetLedger(FleetSnapshot snapshot)
    {
        At = snapshot.At;
        Hosts = [.. snapshot.Hosts.OrderBy(host => host.HostId, StringComparer.Ordinal)];
        _hosts = [.. Hosts.Index().Select(host => new LedgerHost(host.Index, host.Item))];
        _byId = _hosts.ToDictionary(host => host.Facts.HostId, StringComparer.Ordinal);
        _guests = new Dictionary<string, LedgerGuest>(snapshot.Guests.Count, StringComparer.Ordinal);
        Facets = new HostFacets(_hosts);
        Neighbours = new Neighbours(_hosts);
        FastestLink = new DataRate(Hosts.Select(host => host.LinkSpeed.BytesPerSecond).DefaultIfEmpty().Max());
    }

    /// <summary>When the snapshot was taken.</summary>
    public DateTimeOffset At { get; }

    /// <summary>In the order of ids, as they were in the snapshot.</summary>
    public IReadOnlyList<FleetHost> Hosts { get; }

    internal IReadOnlyList<LedgerHost> LedgerHosts => _hosts;

    internal HostFacets Facets { get; }

    internal Neighbours Neighbours { get; }

    /// <summary>Zero when no link's speed is known.</summary>
    internal DataRate FastestLink { get; }

    /// <exception cref="ArgumentException">Two hosts or two guests have one id.</exception>
    /// <exception cref="KeyNotFoundException">A guest is on a host, or on its way to one, that the snapshot lacks.</exception>
    public static FleetLedger Of(FleetSnapshot snapshot)
    {
        var ledger = new FleetLedger(snapshot);
        foreach (var guest in InOrder(snapshot.Guests))
        {
            var entry = ledger.Add(guest);
            ledger.Move(entry, ledger.FindHost(guest.HostId), ledger.FindHost(guest.TargetHostId));
        }

        return ledger;
    }

    /// <exception cref="KeyNotFoundException">No such host.</exception>
    public HostLoad Load(string hostId) => Host(hostId).Load;

    /// <returns>As it stands now, or null when the fleet does not have it.</returns>
    public FleetGuest? Guest(string guestId) => _guests.GetValueOrDefault(guestId)?.Now();

    /// <summary>
    /// Holds room for a guest on a host: it is on its way there. Checks nothing: ask <see cref="PlacementPolicy"/> first. A guest the
    /// ledger does not know is added, with where it is; room that was held for it elsewhere is given back.
    /// </summary>
    /// <exception cref="KeyNotFoundException">No such host.</exception>
    public void Reserve(FleetGuest guest, string hostId)
    {
        var target = Host(hostId);
        var source = _guests.GetValueOrDefault(guest.GuestId) is { } known ? known.Host : FindHost(guest.HostId);
        Move(_guests.GetValueOrDefault(guest.GuestId) ?? Add(guest), source, target);
    }

    /// <summary>Gives the room held for a guest back; it stays where it is. Nothing happens when none is held.</summary>
    public void Release(string guestId)
    {
        if (_guests.GetValueOrDefault(guestId) is { Target: not null } guest)
        {
            Move(guest, guest.Host, null);
        }
    }

    /// <summary>The guest has arrived where room was held for it and has left its source. Nothing happens when none is held.</summary>
    public void Arrive(string guestId)
    {
        if (_guests.GetValueOrDefault(guestId) is { Target: { } target } guest)
        {
            Move(guest, target, null);
        }
    }

    /// <summary>The guest is off the fleet: what it had and what was held for it is free. Nothing happens when it is not known.</summary>
    public void Remove(string guestId)
    {
        if (_guests.GetValueOrDefault(guestId) is { } guest)
        {
            Move(guest, null, null);
            _guests.Remove(guestId);
        }
    }

    /// <exception cref="KeyNotFoundException">No such host.</exception>
    public void Cordon(string hostId, string reason)
    {
        var host = Host(hostId);
        host.Cordoned = true;
        host.CordonReason = reason;
    }

    /// <exception cref="KeyNotFoundException">No such host.</exception>
    public void Uncordon(string hostId)
    {
        var host = Host(hostId);
        host.Cordoned = false;
        host.CordonReason = "";
    }

    internal bool HasHost(string hostId) => _byId.ContainsKey(hostId);

    internal LedgerHost Host(string hostId) => _byId.GetValueOrDefault(hostId) ?? throw new KeyNotFoundException($"No host {hostId}.");

    internal LedgerGuest? Find(string guestId) => _guests.GetValueOrDefault(guestId);

    /// <summary>The number of a guest's labels; <see cref="LedgerGuest.Nothing"/> without any, or when no guest has just these.</summary>
    internal int Likeness(FleetGuest guest) =>
        guest.Labels.Count == 0 ? LedgerGuest.Nothing
        : _likenessOf.TryGetValue(guest.Labels, out var known) ? known
        : _likenesses.GetValueOrDefault(CanonicalText.Of(guest.Labels), LedgerGuest.Nothing);

    /// <summary>Whoever reads them from a table has them in order mostly, and sorting them all takes longer than looking.</summary>
    private static IEnumerable<FleetGuest> InOrder(IReadOnlyList<FleetGuest> guests)
    {
        for (var i = 1; i < guests.Count; i++)
        {
            if (string.CompareOrdinal(guests[i - 1].GuestId, guests[i].GuestId) > 0)
            {
                return guests.OrderBy(guest => guest.GuestId, StringComparer.Ordinal);
            }
        }

        return guests;
    }

    private LedgerHost? FindHost(string? hostId) => hostId is null ? null : Host(hostId);

    private LedgerGuest Add(FleetGuest facts)
    {
        var guest = new LedgerGuest(facts, NewLikeness(facts.Labels)) { Shuns = Neighbours.Shuns(facts) };
        _guests.Add(facts.GuestId, guest);
        return guest;
    }

    private int NewLikeness(IReadOnlyDictionary<string, string> labels)
    {
        if (labels.Count == 0)
        {
            return LedgerGuest.Nothing;
        }

        if (!_likenessOf.TryGetValue(labels, out var likeness))
        {
            var text = CanonicalText.Of(labels);
            if (!_likenesses.TryGetValue(text, out likeness))
            {
                _likenesses[text] = likeness = _likenesses.Count;
            }

            _likenessOf[labels] = likeness;
        }

        return likeness;
    }

    private void Move(LedgerGuest guest, LedgerHost? host, LedgerHost? target)
    {
        Neighbours.Count(guest, -1);
        guest.Host?.Hold(guest, -1);
        guest.Target?.Reserve(guest, -1);
        CountOut(guest, -1);
        if (guest.Facts.Devices.Count > 0)
        {
            MoveDevices(guest, host, target);
        }

        guest.Host = host;
        guest.Target = target;
        guest.Host?.Hold(guest, 1);
        guest.Target?.Reserve(guest, 1);
        CountOut(guest, 1);
        Neighbours.Count(guest, 1);
    }

    private static void MoveDevices(LedgerGuest guest, LedgerHost? host, LedgerHost? target)
    {
        foreach (var left in new[] { guest.Host, guest.Target })
        {
            if (left is not null && left != host && left != target)
            {
                left.FreeDevices(guest.Facts.GuestId);
            }
        }

        host?.TakeDevices(guest.Facts);
        target?.TakeDevices(guest.Facts);
    }

    private static void CountOut(LedgerGuest guest, int sign)
    {
        if (guest is { Host: { } source, Target: not null })
        {
            source.MovesOut += sign;
        }
    }
}
