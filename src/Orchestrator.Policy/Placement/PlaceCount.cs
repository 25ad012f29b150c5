namespace Orchestrator.Policy.Placement;

/// <summary>How many guests of one kind each place has.</summary>
/// <param name="labels">Those that guests are counted for, or of whom guests keep away.</param>
internal sealed class PlaceCount(IReadOnlyDictionary<string, string> labels, Places places)
{
    private readonly int[] _present = new int[places.Count];
    private readonly int[] _heading = new int[places.Count];
    private int _everywhere;

    public IReadOnlyDictionary<string, string> Labels { get; } = labels;

    public Places Places { get; } = places;

    /// <summary>Labels of a guest that has all of <see cref="Labels"/>. Without any, nobody is meant.</summary>
    public bool Means(IReadOnlyDictionary<string, string> guest)
    {
        if (Labels.Count == 0 || guest.Count < Labels.Count)
        {
            return false;
        }

        foreach (var (key, value) in Labels)
        {
            if (!guest.TryGetValue(key, out var its) || its != value)
            {
                return false;
            }
        }

        return true;
    }

    /// <param name="sign">1 comes, -1 goes.</param>
    public void Count(LedgerGuest guest, int sign)
    {
        if (guest.Host is { } host)
        {
            _present[Places[host]] += sign;
        }

        // A move within one place is one guest there, not two.
        if (guest.Target is { } target && (guest.Host is null || Places[target] != Places[guest.Host]))
        {
            _present[Places[target]] += sign;
        }

        if (guest.Heading is { } heading)
        {
            _heading[Places[heading]] += sign;
            _everywhere += sign;
        }
    }

    /// <summary>Guests that are in the host's place or on their way into it.</summary>
    /// <param name="without">Is counted and does not count; null = all do.</param>
    public int Present(LedgerHost host, LedgerGuest? without)
    {
        var place = Places[host];
        return _present[place] - (without is not null && (Is(without.Host, place) || Is(without.Target, place)) ? 1 : 0);
    }

    /// <summary>Guests that will be in the host's place when all moves have ended well.</summary>
    public int Heading(LedgerHost host, LedgerGuest? without)
    {
        var place = Places[host];
        return _heading[place] - (without is not null && Is(without.Heading, place) ? 1 : 0);
    }

    public int Everywhere(LedgerGuest? without) => _everywhere - (without?.Heading is null ? 0 : 1);

    private bool Is(LedgerHost? host, int place) => host is not null && Places[host] == place;
}
