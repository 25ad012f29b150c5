namespace Orchestrator.Policy.Evacuation;

/// <summary>
/// Which moves to begin now. A transfer shared by many is slow, and what is slow is dirtied longer, so no more are begun than keep the links
/// full: a move is begun when what is under way will not fill its two links for as long as a preparation takes. Large guests go nearly alone
/// that way; of small ones several are prepared while one is sent. To send two large ones at once, lest the link stand still when one fails,
/// costs more in what they dirty than it saves.
/// </summary>
internal sealed class NextMoves
{
    // Of what a move would use of a link, this much must be free.
    private const double EnoughShare = 0.25;

    // The preparation of the next one should be over before the transfer under way is, even when both are guessed wrong.
    private const double LeadFactor = 2;

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
    private readonly double _lead;
    private int _restarting;

    public NextMoves(FleetFacts facts, Links links, IReadOnlyList<BegunMove> begun, IReadOnlyList<double> rates)
    {
        (_facts, _links, _lead) = (facts, links, Lead(facts.Pace).TotalSeconds);
        for (var index = 0; index < begun.Count; index++)
        {
            var move = begun[index];
            if (move.Stage is MoveStage.Announced)
            {
                continue;
            }

            if (move.Stage is MoveStage.Restarting)
            {
                _restarting++;
                continue;
            }

            var ends = move.Stage is MoveStage.Finishing
                || (move.Stage is MoveStage.Transferring && rates[index] > 0 && move.Left.Bytes <= rates[index] * _lead);
            Count(move.Flow, move.Stage, ends);
            if (!move.Slow && move.Stage is not MoveStage.Finishing)
            {
                Need(move.Flow, Use(move.Flow, move.Left));
            }
        }

        foreach (var other in facts.Foreign)
        {
            var flow = new Flow(other.SourceHostId, other.TargetHostId, other.Weight, DataRate.Zero);
            var yields = (double)other.Weight / (other.Weight + facts.Limits.Weight);
            Need(flow, Use(flow, other.Left) * yields);
            Count(flow, MoveStage.Transferring, ends: false);
        }
    }

    /// <summary>How long before a transfer's end the next one is begun.</summary>
    public static TimeSpan Lead(MovePace pace) => (pace.Prepare * LeadFactor) + pace.Finish;

    /// <summary>
    /// First those that take their time whatever the links: restarts, guests that will not converge, and guests that have failed before, for
    /// after another failure there is a longer wait. Then those on the links with most left to carry. Of those, first what is sent faster than
    /// it is prepared, the shortest first: links are full sooner, and the end is not left to a crowd of small guests of which one is likely to
    /// fail and to be waited for. Then the longest first, so that what is left at the end can be shared out evenly (Graham 1969).
    /// </summary>
    public static IReadOnlyList<AssignedMove> InOrder(FleetFacts facts, Links links, IReadOnlyList<AssignedMove> moves)
    {
        Dictionary<string, double> ups = new(StringComparer.Ordinal);
        Dictionary<string, double> downs = new(StringComparer.Ordinal);
        foreach (var move in moves)
        {
            ups[move.Source] = ups.GetValueOrDefault(move.Source) + (move.Forecast.Bytes.Bytes / links.Up(move.Source));
            downs[move.Target] = downs.GetValueOrDefault(move.Target) + (move.Forecast.Bytes.Bytes / links.Down(move.Target));
        }

        var brief = facts.Pace.Prepare.TotalSeconds;
        return
        [
            .. moves
                .Select(move => (Move: move, Seconds: move.Forecast.Bytes.Bytes / links.Full(move.Flow(1))))
                .OrderByDescending(timed => timed.Move.Wish.Treatment is GuestTreatment.Restart)
                .ThenBy(timed => timed.Move.Forecast.Converges && timed.Move.Wish.Avoid is null)
                .ThenByDescending(timed => Math.Max(ups[timed.Move.Source], downs[timed.Move.Target]))
                .ThenBy(timed => timed.Seconds > brief)
                .ThenBy(timed => timed.Seconds > brief ? -timed.Seconds : timed.Seconds)
                .ThenBy(timed => timed.Move.Guest.GuestId, StringComparer.Ordinal)
                .Select(timed => timed.Move),
        ];
    }

    public bool CanBegin(AssignedMove move)
    {
        if (move.Wish.Treatment is GuestTreatment.Restart)
        {
            return _restarting < RestartsAtOnce;
        }

        var flow = move.Flow(_facts.Limits.Weight);
        var use = Use(flow, move.Forecast.Bytes);
        return Allowed(flow)
            && HasRoom(_links.Up(flow.Source), _up.GetValueOrDefault(flow.Source), use, Of(_sources, flow.Source))
            && HasRoom(_links.Down(flow.Target), _down.GetValueOrDefault(flow.Target), use, Of(_targets, flow.Target));
    }

    public void Begin(AssignedMove move)
    {
        if (move.Wish.Treatment is GuestTreatment.Restart)
        {
            _restarting++;
            return;
        }

        var flow = move.Flow(_facts.Limits.Weight);
        Count(flow, MoveStage.Preparing, ends: false);
        Need(flow, Use(flow, move.Forecast.Bytes));
    }

    private static bool HasRoom(double capacity, double needed, double use, Pools there) =>
        double.IsInfinity(capacity) ? there.Staying < OnUnknownLinks : capacity - needed >= EnoughShare * use;

    // What a transfer takes of its links, on average of the next while: all it can, or what is left of it.
    private double Use(Flow flow, DataSize left) => Math.Min(_links.Full(flow), left.Bytes / _lead);

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

    private void Count(Flow flow, MoveStage stage, bool ends)
    {
        foreach (var pools in new[] { _fleet, Of(_sources, flow.Source), Of(_targets, flow.Target) })
        {
            pools.Preparing += stage is MoveStage.Preparing or MoveStage.Prepared ? 1 : 0;
            pools.Staying += ends ? 0 : 1;
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
