namespace Orchestrator.Policy.Placement;

/// <summary>
/// The places that one host label makes of the fleet. A host without the label is a place of its own; no label: every host is.
/// </summary>
internal sealed class Places
{
    private readonly int[] _ofHost;

    private Places(string topologyKey, int[] ofHost, int count)
    {
        TopologyKey = topologyKey;
        _ofHost = ofHost;
        Count = count;
    }

    public string TopologyKey { get; }

    public int Count { get; }

    public int this[LedgerHost host] => _ofHost[host.Index];

    public static Places By(string topologyKey, IReadOnlyList<LedgerHost> hosts)
    {
        var known = new Dictionary<string, int>(StringComparer.Ordinal);
        var ofHost = new int[hosts.Count];
        var count = 0;
        foreach (var host in hosts)
        {
            if (topologyKey.Length > 0 && host.Facts.Labels.TryGetValue(topologyKey, out var value))
            {
                if (!known.TryGetValue(value, out var place))
                {
                    known[value] = place = count++;
                }

                ofHost[host.Index] = place;
            }
            else
            {
                ofHost[host.Index] = count++;
            }
        }

        return new Places(topologyKey, ofHost, count);
    }

    /// <summary>"rack=r12", or "host h3".</summary>
    public string Name(LedgerHost host) => TopologyKey.Length > 0 && host.Facts.Labels.TryGetValue(TopologyKey, out var value)
        ? $"{TopologyKey}={value}"
        : $"host {host.Facts.HostId}";
}
