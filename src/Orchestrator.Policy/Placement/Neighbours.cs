namespace Orchestrator.Policy.Placement;

/// <summary>
/// Who is near whom: answers affinity without looking at guests. A kind of neighbour is counted the first time it is asked for and kept up
/// to date from then on; only the guests with its rarest label are looked at for that.
/// </summary>
internal sealed class Neighbours(IReadOnlyList<LedgerHost> hosts)
{
    private readonly Dictionary<(string Key, string Value), HashSet<LedgerGuest>> _byLabel = [];
    private readonly Dictionary<string, Places> _places = new(StringComparer.Ordinal);
    private readonly Dictionary<AffinityTerm, PlaceCount> _byTerm = new(ReferenceEqualityComparer.Instance);

    private readonly Dictionary<AffinityTerm, PlaceCount> _shunnedByTerm = new(ReferenceEqualityComparer.Instance);

    // Guests that have the labels of a term, and guests that keep away from those who have them.
    private readonly Dictionary<string, PlaceCount> _wanted = new(StringComparer.Ordinal);
    private readonly Dictionary<string, PlaceCount> _shunned = new(StringComparer.Ordinal);

    // By the first label of the term: a guest without it is not meant.
    private readonly Dictionary<(string Key, string Value), List<PlaceCount>> _wantedByLabel = [];
    private readonly Dictionary<(string Key, string Value), List<PlaceCount>> _shunnedByLabel = [];

    /// <summary>Before its whereabouts change, with -1, and after, with 1.</summary>
    public void Count(LedgerGuest guest, int sign)
    {
        foreach (var (key, value) in guest.Facts.Labels)
        {
            var having = Entry(_byLabel, (key, value));
            _ = sign > 0 ? having.Add(guest) : having.Remove(guest);
        }

        foreach (var wanted in Meaning(_wantedByLabel, guest.Facts.Labels))
        {
            wanted.Count(guest, sign);
        }

        foreach (var shunned in guest.Shuns)
        {
            shunned.Count(guest, sign);
        }
    }

    /// <summary>What <see cref="LedgerGuest.Shuns"/> is for a guest.</summary>
    public List<PlaceCount> Shuns(FleetGuest guest) =>
    [
        .. guest.Placement.Affinity
            .Where(term => term is { Anti: true, Required: true } && term.GuestLabels.Count > 0)
            .Select(Shunned)
            .Distinct(),
    ];

    public PlaceCount Wanted(AffinityTerm term)
    {
        if (_byTerm.TryGetValue(term, out var known))
        {
            return known;
        }

        var text = CanonicalText.Of(term);
        if (!_wanted.TryGetValue(text, out var count))
        {
            _wanted[text] = count = new PlaceCount(term.GuestLabels, PlacesBy(term.TopologyKey));
            CountAll(count);
            if (term.GuestLabels.Count > 0)
            {
                Entry(_wantedByLabel, First(term)).Add(count);
            }
        }

        return _byTerm[term] = count;
    }

    /// <summary>Counts of guests that keep away from a guest with these labels.</summary>
    public List<PlaceCount> Shunning(IReadOnlyDictionary<string, string> labels) => [.. Meaning(_shunnedByLabel, labels)];

    private PlaceCount Shunned(AffinityTerm term)
    {
        if (_shunnedByTerm.TryGetValue(term, out var known))
        {
            return known;
        }

        var text = CanonicalText.Of(term);
        if (!_shunned.TryGetValue(text, out var count))
        {
            _shunned[text] = count = new PlaceCount(term.GuestLabels, PlacesBy(term.TopologyKey));
            Entry(_shunnedByLabel, First(term)).Add(count);
        }

        return _shunnedByTerm[term] = count;
    }

    private void CountAll(PlaceCount count)
    {
        HashSet<LedgerGuest>? fewest = null;
        foreach (var (key, value) in count.Labels)
        {
            if (!_byLabel.TryGetValue((key, value), out var having))
            {
                return;
            }

            fewest = fewest is null || having.Count < fewest.Count ? having : fewest;
        }

        foreach (var guest in fewest ?? [])
        {
            if (count.Means(guest.Facts.Labels))
            {
                count.Count(guest, 1);
            }
        }
    }

    private Places PlacesBy(string topologyKey)
    {
        if (!_places.TryGetValue(topologyKey, out var places))
        {
            _places[topologyKey] = places = Places.By(topologyKey, hosts);
        }

        return places;
    }

    private static IEnumerable<PlaceCount> Meaning(
        Dictionary<(string Key, string Value), List<PlaceCount>> byLabel, IReadOnlyDictionary<string, string> labels)
    {
        if (byLabel.Count == 0)
        {
            yield break;
        }

        foreach (var (key, value) in labels)
        {
            if (byLabel.TryGetValue((key, value), out var counts))
            {
                foreach (var count in counts)
                {
                    if (count.Means(labels))
                    {
                        yield return count;
                    }
                }
            }
        }
    }

    private static (string Key, string Value) First(AffinityTerm term)
    {
        var first = term.GuestLabels.MinBy(label => label.Key, StringComparer.Ordinal);
        return (first.Key, first.Value);
    }

    private static T Entry<T>(Dictionary<(string Key, string Value), T> entries, (string Key, string Value) label)
        where T : new()
    {
        if (!entries.TryGetValue(label, out var entry))
        {
            entries[label] = entry = new T();
        }

        return entry;
    }
}
