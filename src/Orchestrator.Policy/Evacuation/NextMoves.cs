namespace Orchestrator.Policy.Evacuation;

/// <summary>
/// Which moves to begin now. A transfer shared by many is slow, and what is slow is dirtied longer, so no more are begun than keep the links
/// full: a move is begun when, by the time it is prepared, there will be room for at least half its full speed on both its links.
/// </summary>
internal sealed class NextMoves
{
    private const double EnoughShare = 0.5;

    // The preparation of the next one should be over before the transfer under way is, even when both are guessed a little wrong.
    private const double LeadFactor = 1.5;

    // Several fill a link of unknown speed better than one.
    private const int OnUnknownLinks = 2;
    private const int RestartsAtOnce = 8;

    private readonly FleetFacts _facts;
    private readonly Links _links;
    private readonly Dictionary<string, double> _up = new(StringComparer.Ordinal);
    private readonly Dictionary<string, double> _down = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Pools> _sources = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Pools> _targets = new(StringComparer.Ordinal);
    private readonly Pools _fleet = new();
    private int _restarting;

    public NextMoves(FleetFacts facts, Links links, IReadOnlyList<BegunMove> begun, IReadOnlyList<double> rates)
    {
        (_facts, _links) = (facts, links);
        var lead = Lead(facts.Pace).TotalSeconds;
        for (var index = 0; index < begun.Count; index++)
        {
            var move = begun[index];
            if (move.Stage is MoveStage.Restarting)
            {
                _restarting++;
                continue;
            }

            var ends = move.Stage is MoveStage.Finishing
                || (move.Stage is MoveStage.Transferring && rates[index] > 0 && move.Left.Bytes <= rates[index] * lead);
            Count(move.Flow, move.Stage, ends, needsLink: !ends && !move.Slow);
        }

        foreach (var other in facts.Foreign)
        {
            var flow = new Flow(other.SourceHostId, other.TargetHostId, other.Weight, DataRate.Zero);
            var yields = (double)other.Weight / (other.Weight + facts.Limits.Weight);
            Need(flow, _links.Full(flow) * yields);
            Count(flow, MoveStage.Transferring, ends: false, needsLink: false);
        }
    }

    /// <summary>How long before a transfer's end the next one is begun.</summary>
    public static TimeSpan Lead(MovePace pace) => (pace.Prepare * LeadFactor) + pace.Finish;

    /// <summary>First those on the links with most left to carry, of those the longest first.</summary>
    public static IReadOnlyList<AssignedMove> InOrder(Links links, IReadOnlyList<AssignedMove> moves)
    {
        Dictionary<string, double> ups = new(StringComparer.Ordinal);
        Dictionary<string, double> downs = new(StringComparer.Ordinal);
        foreach (var move in moves)
        {
            ups[move.Source] = ups.GetValueOrDefault(move.Source) + (move.Forecast.Bytes.Bytes / links.Up(move.Source));
            downs[move.Target] = downs.GetValueOrDefault(move.Target) + (move.Forecast.Bytes.Bytes / links.Down(move.Target));
        }

        return [.. moves
            .OrderByDescending(move => move.Wish.Treatment is GuestTreatment.Restart)
            .ThenByDescending(move => Math.Max(ups[move.Source], downs[move.Target]))
            .ThenByDescending(move => move.Forecast.Bytes.Bytes / links.Full(move.Flow(1)))
            .ThenBy(move => move.Guest.GuestId, StringComparer.Ordinal)];
    }

    public bool CanBegin(AssignedMove move)
    {
        if (move.Wish.Treatment is GuestTreatment.Restart)
        {
            return _restarting < RestartsAtOnce;
        }

        var flow = move.Flow(_facts.Limits.Weight);
        var full = _links.Full(flow);
        return Allowed(flow)
            && HasRoom(_links.Up(flow.Source), _up.GetValueOrDefault(flow.Source), full, Of(_sources, flow.Source))
            && HasRoom(_links.Down(flow.Target), _down.GetValueOrDefault(flow.Target), full, Of(_targets, flow.Target));
    }

    public void Begin(AssignedMove move)
    {
        if (move.Wish.Treatment is GuestTreatment.Restart)
        {
            _restarting++;
            return;
        }

        Count(move.Flow(_facts.Limits.Weight), MoveStage.Preparing, ends: false, needsLink: true);
    }

    private static bool HasRoom(double capacity, double needed, double full, Pools there) =>
        double.IsInfinity(capacity) ? there.Staying < OnUnknownLinks : capacity - needed >= EnoughShare * full;

    private static Pools Of(Dictionary<string, Pools> pools, string host) =>
        pools.TryGetValue(host, out var found) ? found : pools[host] = new Pools();

    private bool Allowed(Flow flow)
    {
        var (limits, source, target) = (_facts.Limits, Of(_sources, flow.Source), Of(_targets, flow.Target));
        return _fleet.Preparing < limits.Preparing
            && target.Preparing < limits.PreparingPerTarget
            && _fleet.Staying < limits.Transferring
            && source.Staying < limits.TransferringPerSource
            && target.Staying < limits.TransferringPerTarget;
    }

    private void Count(Flow flow, MoveStage stage, bool ends, bool needsLink)
    {
        foreach (var pools in new[] { _fleet, Of(_sources, flow.Source), Of(_targets, flow.Target) })
        {
            pools.Preparing += stage is MoveStage.Preparing or MoveStage.Prepared ? 1 : 0;
            pools.Staying += ends ? 0 : 1;
        }

        if (needsLink)
        {
            Need(flow, _links.Full(flow));
        }
    }

    private void Need(Flow flow, double rate)
    {
        _up[flow.Source] = _up.GetValueOrDefault(flow.Source) + rate;
        _down[flow.Target] = _down.GetValueOrDefault(flow.Target) + rate;
    }

    /// <summary>How many there are on a host, or in the fleet.</summary>
    private sealed class Pools
    {
        public int Preparing { get; set; }

        /// <summary>Those that will still be there when a move that is begun now has been prepared.</summary>
        public int Staying { get; set; }
    }
}
