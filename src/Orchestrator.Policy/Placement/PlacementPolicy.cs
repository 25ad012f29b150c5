namespace Orchestrator.Policy.Placement;

/// <summary>
/// Which hosts a guest may run on, and which is best. The same fleet and request always give the same answer, in whatever order hosts and
/// guests were listed; equal scores go to the lower host id.
/// </summary>
public static class PlacementPolicy
{
    private static readonly int s_obstacles = Enum.GetValues<Obstacle>().Length;

    /// <summary>Every host with everything that stands against it: candidates first, the best first, then the others by id.</summary>
    /// <exception cref="KeyNotFoundException">The fleet lacks the guest's source.</exception>
    public static IReadOnlyList<Verdict> Explain(FleetLedger fleet, PlacementRequest request)
    {
        var search = new Search(fleet, request);
        return
        [
            .. fleet.LedgerHosts
                .Select(host => Judge(search, host))
                .OrderByDescending(verdict => verdict.IsCandidate)
                .ThenByDescending(verdict => verdict.Score)
                .ThenBy(verdict => verdict.HostId, StringComparer.Ordinal),
        ];
    }

    /// <summary>The verdict on one host.</summary>
    /// <exception cref="KeyNotFoundException">No such host, or the fleet lacks the guest's source.</exception>
    public static Verdict Judge(FleetLedger fleet, PlacementRequest request, string hostId) =>
        Judge(new Search(fleet, request), fleet.Host(hostId));

    /// <summary>The first thing that stands against one host, without words; null: it can take the guest. Cheap.</summary>
    /// <exception cref="KeyNotFoundException">No such host, or the fleet lacks the guest's source.</exception>
    public static Obstacle? FirstObstacle(FleetLedger fleet, PlacementRequest request, string hostId) =>
        new Search(fleet, request).First(fleet.Host(hostId));

    /// <summary>The best candidate. Reserves nothing: <see cref="FleetLedger.Reserve"/> is the caller's next step.</summary>
    /// <param name="admits">
    /// Asked about hosts that can take the guest: false holds one back for a reason of the caller's own, e.g. its limit of arrivals is
    /// reached. Null = none is held back.
    /// </param>
    /// <exception cref="KeyNotFoundException">The fleet lacks the guest's source.</exception>
    public static PlacementChoice Choose(FleetLedger fleet, PlacementRequest request, Predicate<string>? admits = null)
    {
        var search = new Search(fleet, request);
        LedgerHost? best = null;
        var bestScore = double.NegativeInfinity;
        var heldBack = 0;
        Span<int> counts = stackalloc int[s_obstacles];
        foreach (var host in fleet.LedgerHosts)
        {
            if (search.First(host) is { } obstacle)
            {
                counts[(int)obstacle]++;
            }
            else if (admits?.Invoke(host.Facts.HostId) == false)
            {
                heldBack++;
            }
            else if (Scores.Total(search, host) is var score && score > bestScore)
            {
                // Hosts come in the order of ids, so that an equal score leaves the lower one.
                best = host;
                bestScore = score;
            }
        }

        return new PlacementChoice(
            best?.Facts.HostId, best is null ? 0 : bestScore, new ObstacleTally(fleet.Hosts.Count, heldBack, Counted(counts)));
    }

    private static List<ObstacleCount> Counted(ReadOnlySpan<int> counts)
    {
        var counted = new List<ObstacleCount>();
        for (var obstacle = 0; obstacle < counts.Length; obstacle++)
        {
            if (counts[obstacle] > 0)
            {
                counted.Add(new ObstacleCount((Obstacle)obstacle, counts[obstacle]));
            }
        }

        return counted;
    }

    private static Verdict Judge(Search search, LedgerHost host)
    {
        var obstacles = search.All(host);
        return obstacles.Count > 0
            ? new Verdict(host.Facts.HostId, [.. obstacles.Select(obstacle => Found(search, host, obstacle))], 0, [])
            : new Verdict(host.Facts.HostId, [], Scores.Total(search, host), Scores.Parts(search, host));
    }

    private static ObstacleFound Found(Search search, LedgerHost host, Obstacle obstacle) =>
        new(obstacle, ObstacleText.Of(search, host, obstacle));
}
