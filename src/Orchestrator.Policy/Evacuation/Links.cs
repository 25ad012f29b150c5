namespace Orchestrator.Policy.Evacuation;

/// <summary>One transfer over its source's uplink and its target's downlink.</summary>
/// <param name="Max">Its own cap; zero = none.</param>
internal readonly record struct Flow(string Source, string Target, int Weight, DataRate Max);

/// <summary>The links of the fleet, and what transfers get of them. Links whose speed is not known hold nobody up.</summary>
internal sealed class Links
{
    private readonly Dictionary<string, double> _speeds;

    public Links(FleetFacts facts) => _speeds = facts.Fleet.Hosts.ToDictionary(
        host => host.HostId, host => Speed(host.LinkSpeed) * facts.Limits.LinkShare, StringComparer.Ordinal);

    public double Up(string host) => _speeds.GetValueOrDefault(host, double.PositiveInfinity);

    // Links carry as much in as they carry out.
    public double Down(string host) => Up(host);

    /// <summary>What a transfer gets that has both links to itself, in bytes per second.</summary>
    public double Full(Flow flow) =>
        Math.Min(Math.Min(Up(flow.Source), Down(flow.Target)), Cap(flow));

    /// <summary>
    /// Weighted max-min fair shares by progressive filling (Bertsekas, Gallager: Data Networks, section 6.5): all rise together by weight;
    /// the first link or cap that is full fixes those on it, and the others go on.
    /// </summary>
    public double[] Shares(IReadOnlyList<Flow> flows)
    {
        var rates = new double[flows.Count];
        var open = Enumerable.Range(0, flows.Count).ToList();
        Dictionary<string, (double Left, double Weight)> ups = new(StringComparer.Ordinal);
        Dictionary<string, (double Left, double Weight)> downs = new(StringComparer.Ordinal);
        while (open.Count > 0)
        {
            Gather(flows, rates, open, ups, downs);
            var level = open.Min(index => Room(flows[index], rates[index], ups, downs));
            var bound = level * (1 + 1e-9);
            var full = open.Where(index => Room(flows[index], rates[index], ups, downs) <= bound).ToHashSet();
            open.ForEach(index => rates[index] += level * flows[index].Weight);
            open.RemoveAll(full.Contains);
        }

        return rates;
    }

    private double Cap(Flow flow) =>
        flow.Max.BytesPerSecond > 0 ? flow.Max.BytesPerSecond
        : double.IsInfinity(Up(flow.Source)) && double.IsInfinity(Down(flow.Target)) ? MoveForecast.AssumedLink.BytesPerSecond
        : double.PositiveInfinity;

    private static double Speed(DataRate rate) => rate.BytesPerSecond <= 0 ? double.PositiveInfinity : rate.BytesPerSecond;

    private void Gather(
        IReadOnlyList<Flow> flows,
        double[] rates,
        List<int> open,
        Dictionary<string, (double Left, double Weight)> ups,
        Dictionary<string, (double Left, double Weight)> downs)
    {
        ups.Clear();
        downs.Clear();
        for (var index = 0; index < flows.Count; index++)
        {
            var flow = flows[index];
            var up = ups.GetValueOrDefault(flow.Source, (Up(flow.Source), 0));
            var down = downs.GetValueOrDefault(flow.Target, (Down(flow.Target), 0));
            ups[flow.Source] = (up.Item1 - rates[index], up.Item2);
            downs[flow.Target] = (down.Item1 - rates[index], down.Item2);
        }

        foreach (var flow in open.Select(index => flows[index]))
        {
            ups[flow.Source] = (ups[flow.Source].Left, ups[flow.Source].Weight + flow.Weight);
            downs[flow.Target] = (downs[flow.Target].Left, downs[flow.Target].Weight + flow.Weight);
        }
    }

    // By how much the level may still rise, per unit of weight.
    private double Room(
        Flow flow,
        double rate,
        Dictionary<string, (double Left, double Weight)> ups,
        Dictionary<string, (double Left, double Weight)> downs)
    {
        var (up, down) = (ups[flow.Source], downs[flow.Target]);
        var room = Math.Min(Math.Min(up.Left / up.Weight, down.Left / down.Weight), (Cap(flow) - rate) / flow.Weight);
        return Math.Max(0, room);
    }
}
