namespace Orchestrator.Policy.Admission;

/// <summary>
/// The links that transfers use: out of the source, into the target. Links are full duplex, so each way has the whole speed, of which
/// migrations may use <see cref="AdmissionLimits.LinkShare"/>. A link whose speed is not known limits nothing.
/// </summary>
internal sealed class LinkBook(AdmissionLimits limits, FleetPlaces places)
{
    private readonly Dictionary<LinkWay, LinkUse> _links = [];

    /// <summary>The first of its links that has no room for one more; null = both have. One transfer always goes, however slow the link.</summary>
    public LinkUse? Full(string sourceHostId, string targetHostId, DataRate cap)
    {
        var need = Need(cap);
        return Ways(sourceHostId, targetHostId).Select(Use).FirstOrDefault(use => use is { Transfers: > 0 } && use.Promised + need > use.Capacity);
    }

    public void Add(string sourceHostId, string targetHostId, DataRate cap)
    {
        foreach (var way in Ways(sourceHostId, targetHostId))
        {
            if (Use(way) is { } use)
            {
                _links[way] = use with { Transfers = use.Transfers + 1, Promised = use.Promised + Need(cap) };
            }
        }
    }

    /// <summary>Fair shares of the links for all that transfer.</summary>
    public IReadOnlyList<BandwidthShare> Share(IReadOnlyList<RunningMigration> transferring)
    {
        List<double> capacities = [];
        Dictionary<LinkWay, int> indices = [];
        var flows = transferring.Select(migration => new Flow(
            limits.ClassOf(migration.PriorityClass).Weight,
            limits.MinRate.BytesPerSecond,
            migration.MaxRate.BytesPerSecond > 0 ? migration.MaxRate.BytesPerSecond : double.PositiveInfinity,
            [.. Ways(migration.SourceHostId, migration.TargetHostId).Where(way => Use(way) is not null).Select(Index)])).ToList();
        var shares = WeightedShares.Of(flows, capacities);
        return [.. transferring.Select((migration, i) => new BandwidthShare(migration.MigrationId, new DataRate(shares[i] ?? 0)))];

        int Index(LinkWay way)
        {
            if (!indices.TryGetValue(way, out var index))
            {
                indices[way] = index = capacities.Count;
                capacities.Add(Use(way)?.Capacity ?? 0);
            }

            return index;
        }
    }

    private static LinkWay[] Ways(string sourceHostId, string targetHostId) => [new(sourceHostId, true), new(targetHostId, false)];

    private double Need(DataRate cap) =>
        cap.BytesPerSecond > 0 ? Math.Min(cap.BytesPerSecond, limits.MinRate.BytesPerSecond) : limits.MinRate.BytesPerSecond;

    /// <returns>Null when nothing limits it.</returns>
    private LinkUse? Use(LinkWay way) =>
        _links.TryGetValue(way, out var use) ? use
        : places.Host(way.HostId) is { LinkSpeed.BytesPerSecond: > 0 } host
            ? _links[way] = new LinkUse(way.HostId, way.Out, host.LinkSpeed.BytesPerSecond * limits.LinkShare, 0, 0)
        : null;

    private readonly record struct LinkWay(string HostId, bool Out);
}

/// <param name="Capacity">For migrations. Bytes per second.</param>
/// <param name="Promised">What the transfers on it get at least, together. Bytes per second.</param>
internal sealed record LinkUse(string HostId, bool Out, double Capacity, int Transfers, double Promised);
