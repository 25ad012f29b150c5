using Orchestrator.Policy.Placement;

namespace Orchestrator.Policy.Admission;

/// <summary>The hosts of a pass by id, and the labelled places of each that the limits count.</summary>
internal sealed class FleetPlaces
{
    private readonly Dictionary<string, FleetHost> _hosts;
    private readonly Dictionary<string, IReadOnlyList<Place>> _places = new(StringComparer.Ordinal);

    public FleetPlaces(AdmissionSnapshot snapshot)
    {
        _hosts = snapshot.Fleet.Hosts.ToDictionary(host => host.HostId, StringComparer.Ordinal);
        Dictionary<string, Place> known = new(StringComparer.Ordinal);
        foreach (var host in snapshot.Fleet.Hosts)
        {
            _places[host.HostId] =
            [
                .. snapshot.Limits.PerLabel.Where(limit => host.Labels.ContainsKey(limit.Label)).Select(limit =>
                {
                    var subject = $"{limit.Label}={host.Labels[limit.Label]}";
                    return known.TryGetValue(subject, out var place) ? place : known[subject] = new Place(subject, limit.Transferring);
                }),
            ];
        }
    }

    public FleetHost? Host(string hostId) => _hosts.GetValueOrDefault(hostId);

    public bool IsConnected(string hostId) => Host(hostId)?.Condition is HostCondition.Connected;

    public IReadOnlyList<Place> Of(string hostId) => _places.GetValueOrDefault(hostId, []);
}

/// <summary>Hosts with the same value of a label that has a limit; one instance a value.</summary>
/// <param name="Subject">For example "rack=r12".</param>
internal sealed record Place(string Subject, int Limit);
