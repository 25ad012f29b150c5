namespace Orchestrator.Policy.Admission;

/// <summary>How much of one pool is in use, in the fleet, on hosts and in places.</summary>
internal sealed class PoolCounts(FleetPlaces places)
{
    private readonly Dictionary<string, int> _sources = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _targets = new(StringComparer.Ordinal);
    private readonly Dictionary<Place, int> _places = new(ReferenceEqualityComparer.Instance);

    public int Fleet { get; private set; }

    public int OfSource(string hostId) => _sources.GetValueOrDefault(hostId);

    public int OfTarget(string hostId) => _targets.GetValueOrDefault(hostId);

    public int Of(Place place) => _places.GetValueOrDefault(place);

    /// <summary>A move within one place counts once there.</summary>
    public void Add(string sourceHostId, string targetHostId)
    {
        Fleet++;
        Raise(_sources, sourceHostId);
        Raise(_targets, targetHostId);
        foreach (var place in places.Of(sourceHostId).Union(places.Of(targetHostId)))
        {
            Raise(_places, place);
        }
    }

    /// <summary>Kept free on the source's side for somebody who waits too long.</summary>
    public void HoldSource(string hostId)
    {
        Raise(_sources, hostId);
        foreach (var place in places.Of(hostId))
        {
            Raise(_places, place);
        }
    }

    /// <summary>Kept free on the target's side for somebody who waits too long.</summary>
    public void HoldTarget(string hostId, string sourceHostId)
    {
        Raise(_targets, hostId);
        foreach (var place in places.Of(hostId).Except(places.Of(sourceHostId)))
        {
            Raise(_places, place);
        }
    }

    private static void Raise<T>(Dictionary<T, int> counts, T key)
        where T : notnull => counts[key] = counts.GetValueOrDefault(key) + 1;
}
