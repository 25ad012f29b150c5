namespace Orchestrator.Policy.Evacuation;

/// <summary>
/// Who is where and what room is left, as moves are given out one after another. The one place that asks whether a host can take a guest.
/// A guest on its way is at both ends until it has arrived, so that neither end is given away too early.
/// </summary>
internal sealed class Ground
{
    private readonly Dictionary<string, Room> _rooms;
    private readonly Dictionary<string, GuestFacts> _guests;
    private readonly List<GuestFacts> _withNeighbours;
    private readonly Dictionary<string, HashSet<string>> _places;
    private readonly Dictionary<string, List<Bond>> _bonds = new(StringComparer.Ordinal);

    public Ground(FleetFacts facts)
    {
        _rooms = facts.Hosts.ToDictionary(host => host.HostId, host => new Room(host), StringComparer.Ordinal);
        List<GuestFacts> guests = [.. facts.Guests.OrderBy(guest => guest.GuestId, StringComparer.Ordinal)];
        _guests = guests.ToDictionary(guest => guest.GuestId, StringComparer.Ordinal);
        _withNeighbours = [.. guests.Where(guest => guest.Neighbours.Count > 0)];
        _places = facts.Guests.ToDictionary(
            guest => guest.GuestId, guest => new HashSet<string>(StringComparer.Ordinal) { guest.HostId }, StringComparer.Ordinal);
    }

    public DataSize FreeMemory(string hostId) => new(_rooms[hostId].Memory);

    /// <summary>Why the host cannot take the guest now; null = it can.</summary>
    public string? Refusal(GuestFacts guest, HostFacts host)
    {
        var room = _rooms[host.HostId];
        return Standing(guest, host)
            ?? (room.Memory < guest.Memory.Bytes ? $"needs {guest.Memory}, {new DataSize(Math.Max(0, room.Memory))} are free" : null)
            ?? (room.Cpus < guest.Cpus ? FormattableString.Invariant($"needs {guest.Cpus} CPUs, {Math.Max(0, room.Cpus)} are free") : null);
    }

    /// <summary>As <see cref="Refusal"/>, but for room.</summary>
    public string? Standing(GuestFacts guest, HostFacts host) =>
        _places[guest.GuestId].Contains(host.HostId) ? "is there already"
        : host.Closed ?? guest.Refusals.GetValueOrDefault(host.HostId) ?? BrokenBond(guest, host);

    /// <summary>What soft wishes the host would break, by weight.</summary>
    public int SoftCost(GuestFacts guest, HostFacts host) => guest.Neighbours.Where(wish => !wish.Required).Sum(wish =>
    {
        var near = Others(guest, wish).Any(other => IsAt(other, host, wish.TopologyKey));
        return near == wish.Anti ? wish.Weight : 0;
    });

    public void Take(GuestFacts guest, string hostId)
    {
        _rooms[hostId].Add(guest, -1);
        _places[guest.GuestId].Add(hostId);
    }

    public void GiveUp(GuestFacts guest, string hostId)
    {
        _rooms[hostId].Add(guest, 1);
        _places[guest.GuestId].Remove(hostId);
    }

    /// <summary>The guest is on its way there and its room is counted already.</summary>
    public void Expect(string guestId, string hostId) => _places[guestId].Add(hostId);

    private string? BrokenBond(GuestFacts guest, HostFacts host)
    {
        foreach (var bond in Bonds(guest))
        {
            if (bond.Anti && bond.Others.FirstOrDefault(other => IsAt(other, host, bond.TopologyKey)) is { } enemy)
            {
                return bond.TopologyKey.Length == 0
                    ? $"must not share a host with {enemy}" : $"must not share a {bond.TopologyKey} with {enemy}";
            }

            if (!bond.Anti && bond.Others.Count > 0 && !bond.Others.Any(other => IsAt(other, host, bond.TopologyKey)))
            {
                return $"must be with {bond.Others[0]}";
            }
        }

        return null;
    }

    // Keeping away binds both sides, whoever asked for it.
    private List<Bond> Bonds(GuestFacts guest)
    {
        if (_bonds.TryGetValue(guest.GuestId, out var known))
        {
            return known;
        }

        List<Bond> bonds = [.. guest.Neighbours.Where(wish => wish.Required).Select(wish => new Bond(wish.Anti, wish.TopologyKey, [.. Others(guest, wish)]))];
        bonds.AddRange(
            from other in _withNeighbours
            where other.GuestId != guest.GuestId
            from wish in other.Neighbours
            where wish is { Required: true, Anti: true } && HasAll(guest.Labels, wish.GuestLabels)
            select new Bond(Anti: true, wish.TopologyKey, [other.GuestId]));
        return _bonds[guest.GuestId] = bonds;
    }

    private IEnumerable<string> Others(GuestFacts guest, Neighbourhood wish) =>
        _guests.Values.Where(other => other.GuestId != guest.GuestId && HasAll(other.Labels, wish.GuestLabels)).Select(other => other.GuestId);

    private bool IsAt(string guestId, HostFacts host, string topologyKey) =>
        _places[guestId].Any(place => _rooms.TryGetValue(place, out var room) && SamePlace(room.Host, host, topologyKey));

    private static bool SamePlace(HostFacts one, HostFacts other, string topologyKey) =>
        one.HostId == other.HostId
        || (topologyKey.Length > 0
            && one.Labels.TryGetValue(topologyKey, out var place)
            && other.Labels.TryGetValue(topologyKey, out var otherPlace)
            && place == otherPlace);

    private static bool HasAll(IReadOnlyDictionary<string, string> labels, IReadOnlyDictionary<string, string> wanted) =>
        wanted.All(pair => labels.TryGetValue(pair.Key, out var value) && value == pair.Value);

    private sealed record Bond(bool Anti, string TopologyKey, IReadOnlyList<string> Others);

    private sealed class Room(HostFacts host)
    {
        public HostFacts Host => host;

        public long Memory { get; private set; } = host.FreeMemory.Bytes;

        public long Cpus { get; private set; } = host.FreeCpus;

        public void Add(GuestFacts guest, int times)
        {
            Memory += times * guest.Memory.Bytes;
            Cpus += times * guest.Cpus;
        }
    }
}
