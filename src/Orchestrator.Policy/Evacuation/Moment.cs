namespace Orchestrator.Policy.Evacuation;

/// <summary>One moment of an evacuation, in the planner's words.</summary>
internal sealed class Moment
{
    private readonly EvacuationTerms _terms;
    private readonly EvacuationState _state;
    private readonly Dictionary<string, GuestFacts> _guests;
    private readonly Dictionary<(string GuestId, int Attempt), MoveReport> _reports;
    private readonly Dictionary<string, DataRate> _measured = new(StringComparer.Ordinal);
    private readonly HashSet<string> _emptying;

    public Moment(EvacuationTerms terms, EvacuationState state, ConductorFacts facts)
    {
        (_terms, _state) = (terms, state);
        _guests = facts.Fleet.Guests.ToDictionary(guest => guest.GuestId, StringComparer.Ordinal);
        _reports = facts.Moves.ToDictionary(report => (report.GuestId, report.Attempt));
        _emptying = state.Hosts.Where(host => host.Phase is HostPhase.Emptying).Select(host => host.HostId).ToHashSet(StringComparer.Ordinal);
        var phases = state.Hosts.ToDictionary(host => host.HostId, host => host.Phase, StringComparer.Ordinal);
        Fleet = IsLeaving
            ? facts.Fleet.Emptying(host => phases.TryGetValue(host, out var phase) && phase is HostPhase.Emptying or HostPhase.Empty) with
            {
                LastResort = phases.Where(host => host.Value is HostPhase.Waiting).Select(host => host.Key)
                    .Concat(facts.Fleet.LastResort).ToHashSet(StringComparer.Ordinal),
            }
            : facts.Fleet;
        var links = new Links(Fleet);
        Begun =
        [
            .. state.Guests.Where(guest => guest.IsUnderWay && guest.TargetHostId is not null && _guests.ContainsKey(guest.GuestId))
                .Select(guest => Underway(links, guest, guest.TargetHostId!)),
        ];
    }

    public FleetFacts Fleet { get; }

    public IReadOnlyList<BegunMove> Begun { get; }

    /// <summary>False: guests are being brought back.</summary>
    public bool IsLeaving => _state.Phase is not EvacuationPhase.Cancelling;

    public bool MayGo(GuestStanding standing, DateTimeOffset now)
    {
        if (standing.Phase is GuestPhase.BackingOff && standing.NextAttemptAt > now)
        {
            return false;
        }

        return IsLeaving
            ? standing.Phase is GuestPhase.Waiting or GuestPhase.Stuck or GuestPhase.BackingOff && _emptying.Contains(standing.SourceHostId)
            : EvacuationConductor.IsToGoBack(_state, standing)
                || (_state.CancelMode is EvacuationCancelMode.BringBack
                    && standing.Phase is GuestPhase.Stuck or GuestPhase.BackingOff
                    && _guests.TryGetValue(standing.GuestId, out var guest)
                    && guest.HostId != standing.HomeHostId
                    && EvacuationConductor.IsToGoBack(_state, standing with { Phase = GuestPhase.Moved, TargetHostId = guest.HostId }));
    }

    public List<MoveWish> Wishes(Func<GuestStanding, bool> which) =>
    [
        .. _state.Guests.Where(which).Where(standing => _guests.ContainsKey(standing.GuestId)).Select(standing =>
        {
            var wish = EvacuationPlanner.Wish(_terms, _guests[standing.GuestId]);
            return wish with
            {
                Policy = RetryLadder.Policy(_terms, standing.GuestId, standing.Failures),
                Avoid = standing.FailedTarget,
                Fixed = IsLeaving ? wish.Fixed : standing.HomeHostId,
            };
        }),
    ];

    /// <summary>Of <see cref="Begun"/>, each what it has now.</summary>
    public double[] Rates(Links links)
    {
        var sending = Begun.Where(move => move.Stage is MoveStage.Transferring).ToList();
        var shares = links.Shares([.. sending.Select(move => move.Flow)]);
        var rates = sending.Select((move, index) => (move.GuestId, Rate: shares[index]))
            .ToDictionary(pair => pair.GuestId, pair => pair.Rate, StringComparer.Ordinal);
        return [.. Begun.Select(move => _measured.TryGetValue(move.GuestId, out var rate) && rate.BytesPerSecond > 0
            ? rate.BytesPerSecond : rates.GetValueOrDefault(move.GuestId))];
    }

    private BegunMove Underway(Links links, GuestStanding standing, string target)
    {
        var guest = _guests[standing.GuestId];
        var flow = new Flow(standing.SourceHostId, target, Fleet.Limits.Weight, guest.MaxRate);
        if (_terms.Of(standing.GuestId).Treatment is GuestTreatment.Restart)
        {
            return new BegunMove(guest.GuestId, flow, MoveStage.Restarting, DataSize.Zero, Slow: false);
        }

        var report = _reports.GetValueOrDefault((standing.GuestId, standing.Attempts));
        var full = links.Full(flow);
        var downtime = EvacuationPlanner.Wish(_terms, guest).MaxDowntime;
        var forecast = MoveForecast.Of(guest, downtime, new DataRate((long)full));
        if (report is { Rate: { } rate })
        {
            _measured[guest.GuestId] = rate;
        }

        return new BegunMove(
            guest.GuestId,
            flow,
            report is { Progress: MoveProgress.Queued, AwaitsOwner: true } ? MoveStage.Announced : Stage(report?.Progress),
            report?.Remaining is { } remaining ? Left(guest, remaining, full) : forecast.Bytes,
            report is not null && EvacuationConductor.IsSlow(report, forecast, full));
    }

    // What is dirtied while the rest is sent must be sent too, and what is dirtied meanwhile, and so on.
    private static DataSize Left(GuestFacts guest, DataSize remaining, double full)
    {
        var again = Math.Min(0.9, (guest.DirtyRate?.BytesPerSecond ?? 0) / full);
        return new DataSize((long)Math.Min(remaining.Bytes / (1 - again), guest.Memory.Bytes * 4.0));
    }

    private static MoveStage Stage(MoveProgress? progress) => (progress ?? MoveProgress.Queued) switch
    {
        MoveProgress.Queued or MoveProgress.Preparing => MoveStage.Preparing,
        MoveProgress.Prepared => MoveStage.Prepared,
        MoveProgress.Transferring => MoveStage.Transferring,
        MoveProgress.Finishing or MoveProgress.Completed or MoveProgress.Failed or MoveProgress.Cancelled or MoveProgress.NeedsAttention
            => MoveStage.Finishing,
    };
}
