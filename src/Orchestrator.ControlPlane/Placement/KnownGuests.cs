using System.Collections.Concurrent;
using System.Text.Json;
using Orchestrator.Policy;
using Orchestrator.Policy.Placement;

namespace Orchestrator.ControlPlane.Placement;

/// <summary>
/// What was made of guests' rows, for as long as the rows stay as they are: a fleet has many guests and few of them change between two
/// readings. Where a guest is comes with every reading.
/// </summary>
internal sealed class KnownGuests
{
    // So many rows of guests that are gone may lie about before they are looked for.
    private const int Slack = 1000;

    private readonly ConcurrentDictionary<string, KnownGuest> _known = new(StringComparer.Ordinal);

    // Equal texts are one object: thousands have the same labels and terms, and who compares them looks first whether they are.
    private readonly ConcurrentDictionary<string, IReadOnlyDictionary<string, string>> _labels = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, PlacementTerms> _terms = new(StringComparer.Ordinal);

    /// <summary>Those whose rows are to be read.</summary>
    public string[] New(IEnumerable<WhereaboutsRow> rows) =>
        [.. rows.Where(row => Find(row) is null).Select(row => row.GuestId)];

    /// <returns>Null when the row has changed since, or was never read.</returns>
    public KnownGuest? Find(WhereaboutsRow row) =>
        _known.TryGetValue(row.GuestId, out var known) && known.Revision == row.Revision && known.DefinedAt == row.DefinedAt ? known : null;

    /// <summary>The newest that was read, whatever the revision.</summary>
    public KnownGuest? Find(string guestId) => _known.GetValueOrDefault(guestId);

    public void Put(GuestRow row) => _known[row.GuestId] = new KnownGuest(
        row,
        _labels.GetOrAdd(row.Labels, text => JsonSerializer.Deserialize<Dictionary<string, string>>(text) ?? []),
        _terms.GetOrAdd(row.Placement, text => GuestFacts.Terms(ProtoJson.Read<V1.PlacementTerms>(text))));

    /// <summary>Forgets guests that are not named.</summary>
    public void Keep(IReadOnlyCollection<WhereaboutsRow> rows)
    {
        if (_known.Count <= rows.Count + Slack)
        {
            return;
        }

        var named = rows.Select(row => row.GuestId).ToHashSet(StringComparer.Ordinal);
        foreach (var gone in _known.Keys.Where(guestId => !named.Contains(guestId)).ToList())
        {
            _known.TryRemove(gone, out _);
        }

        _labels.Clear();
        _terms.Clear();
    }
}

/// <summary>One row, read.</summary>
internal sealed class KnownGuest(GuestRow row, IReadOnlyDictionary<string, string> labels, PlacementTerms terms)
{
    private FleetGuest? _last;
    private MachineNeeds? _machine;

    public long Revision => row.Revision;

    public DateTime DefinedAt => row.DefinedAt;

    /// <param name="source">Null: it is on no host that is known; likewise <paramref name="target"/>.</param>
    public FleetGuest On(FleetHost? source, FleetHost? target)
    {
        // Devices are matched with what the host says it has now.
        if (row.VfioDevices is null && _last is { } last && last.HostId == source?.HostId && last.TargetHostId == target?.HostId)
        {
            return last;
        }

        return _last = new FleetGuest
        {
            GuestId = row.GuestId,
            Memory = new DataSize(row.MemoryBytes),
            Vcpus = row.Vcpus,
            Labels = labels,
            Placement = terms,
            Devices = row.VfioDevices is { } devices ? GuestFacts.Devices(devices, source) : [],
            HostId = source?.HostId,
            TargetHostId = target?.HostId,
        };
    }

    /// <summary>
    /// The engine's version is that of the guest's host as it is now. A guest that was started before its host got a newer engine runs on
    /// an older one than this says, which keeps it from hosts it could have gone to and never sends it to one it could not.
    /// </summary>
    public MachineNeeds Machine(FleetHost? source)
    {
        var version = source is { Engines: [var engine, ..] } ? engine.Version : "";
        return _machine is { } machine && machine.EngineVersion == version ? machine : _machine = new MachineNeeds
        {
            MachineType = row.MachineType,
            CpuModel = row.CpuModel,
            Accelerator = row.Accelerator == "ACCELERATOR_KVM" ? "kvm" : "tcg",
            EngineVersion = version,
        };
    }
}
