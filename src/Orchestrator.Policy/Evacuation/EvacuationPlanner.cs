using Orchestrator.Policy.Placement;

namespace Orchestrator.Policy.Evacuation;

/// <summary>What an evacuation would do if it began now. Pure: the same facts give the same plan.</summary>
public static class EvacuationPlanner
{
    /// <summary>
    /// With <see cref="EvacuationTerms.MaxHostsOut"/> the plan takes every host for given back the moment all hosts of its turn are empty;
    /// how long people work on them is not known here.
    /// </summary>
    /// <param name="now">Only the deadline is measured against it.</param>
    public static EvacuationPlan Plan(EvacuationTerms terms, FleetFacts facts, DateTimeOffset now)
    {
        var turns = terms.HostIds.Chunk(terms.MaxHostsOut > 0 ? terms.MaxHostsOut : Math.Max(1, terms.HostIds.Count)).ToList();
        List<PlannedMove> moves = [];
        List<StuckGuest> stuck = [];
        HashSet<string> skipped = new(StringComparer.Ordinal);
        var (start, bound) = (TimeSpan.Zero, TimeSpan.Zero);
        for (var turn = 0; turn < turns.Count; turn++)
        {
            var ground = Turn(facts, terms.HostIds, turns, turn);
            var wishes = Wishes(terms, ground, turns[turn]);
            skipped.UnionWith(ground.Guests.Where(guest => IsOn(turns[turn], guest) && IsSkipped(terms, guest)).Select(guest => guest.GuestId));
            var part = Part(ground, wishes, []);
            moves.AddRange(part.Moves.Select(move => move with { StartsAfter = move.StartsAfter + start }));
            stuck.AddRange(part.Stuck);
            start += part.Total;
            bound += part.BandwidthBound;
            facts = Moved(facts, part.Moves);
        }

        return Finished(moves, stuck, [.. skipped.Order(StringComparer.Ordinal)], start, bound, terms.Deadline - now);
    }

    /// <summary>What is left of an evacuation under way: the wishes that remain, beside what has been begun.</summary>
    internal static EvacuationPlan Rest(
        EvacuationTerms terms, FleetFacts facts, IReadOnlyList<MoveWish> wishes, IReadOnlyList<BegunMove> begun, DateTimeOffset now)
    {
        var part = Part(facts, wishes, begun);
        var left = terms.Deadline - now;
        var plan = Finished(part.Moves, part.Stuck, [], part.Total, part.BandwidthBound, left);
        var late = part.BegunEnds.Where(end => end.Value > left).Select(end => end.Key);
        return plan with { LateGuestIds = [.. plan.LateGuestIds.Concat(late).Distinct().Order(StringComparer.Ordinal)] };
    }

    internal static MoveWish Wish(EvacuationTerms terms, GuestFacts guest)
    {
        var own = terms.Of(guest.GuestId);
        return new MoveWish
        {
            Guest = guest,
            Treatment = own.Treatment,
            Policy = own.Policy ?? terms.Policy,
            MaxDowntime = own.MaxDowntime ?? terms.MaxDowntime ?? guest.MaxDowntime,
            Fixed = own.TargetHostId,
        };
    }

    // During a turn its hosts are closed, the hosts of later turns are used only when it cannot be helped.
    private static FleetFacts Turn(FleetFacts facts, IReadOnlyList<string> all, List<string[]> turns, int turn)
    {
        var later = turns.Skip(turn + 1).SelectMany(hosts => hosts).ToHashSet(StringComparer.Ordinal);
        return facts
            .With(host => all.Contains(host.HostId) && !later.Contains(host.HostId) ? host with { Cordoned = false, CordonReason = "" } : host)
            .Emptying(host => turns[turn].Contains(host)) with
        {
            LastResort = later.Concat(facts.LastResort).ToHashSet(StringComparer.Ordinal),
        };
    }

    private static List<MoveWish> Wishes(EvacuationTerms terms, FleetFacts facts, string[] hosts) =>
    [
        .. facts.Guests
            .Where(guest => IsOn(hosts, guest) && guest.Activity is not GuestActivity.Stopped && !IsSkipped(terms, guest))
            .Select(guest => Wish(terms, guest)),
    ];

    private static bool IsOn(string[] hosts, GuestFacts guest) => hosts.Contains(guest.HostId);

    private static bool IsSkipped(EvacuationTerms terms, GuestFacts guest) => terms.Of(guest.GuestId).Treatment is GuestTreatment.Skip;

    private static PlanPart Part(FleetFacts facts, IReadOnlyList<MoveWish> wishes, IReadOnlyList<BegunMove> begun)
    {
        var assignment = TargetAssignment.Of(facts, wishes, begun);
        var run = new VirtualRun(facts, assignment.Moves, begun);
        run.Run();
        List<PlannedMove> moves =
        [
            .. run.Timeline.Select(entry => new PlannedMove
            {
                GuestId = entry.Move.Guest.GuestId,
                SourceHostId = entry.Move.Source,
                TargetHostId = entry.Move.Target,
                Treatment = entry.Move.Wish.Treatment,
                StartsAfter = TimeSpan.FromSeconds(entry.Start),
                Duration = TimeSpan.FromSeconds(entry.End - entry.Start),
                Downtime = entry.Move.Forecast.Downtime,
                Bytes = entry.Move.Forecast.Bytes,
                Policy = entry.Move.Wish.Policy,
            }),
        ];
        var ends = run.BegunEnds.ToDictionary(end => end.Key, end => TimeSpan.FromSeconds(end.Value), StringComparer.Ordinal);
        return new PlanPart(
            moves,
            assignment.Stuck,
            moves.Select(move => move.EndsAfter).Concat(ends.Values).DefaultIfEmpty(TimeSpan.Zero).Max(),
            Bound(facts, assignment.Moves, begun),
            ends);
    }

    // Each guest by its fastest way, whatever its target: sent with the least dirtying, and not before its links carry it.
    private static TimeSpan Bound(FleetFacts facts, IReadOnlyList<AssignedMove> moves, IReadOnlyList<BegunMove> begun)
    {
        var links = new Links(facts);
        var targets = facts.Fleet.Hosts.Where(host => host is { Cordoned: false, Condition: HostCondition.Connected }).Select(host => host.HostId).ToList();
        List<(string Source, double Bytes, double Alone)> carried = [.. begun.Select(move => (move.Flow.Source, (double)move.Left.Bytes, move.Left.Bytes / links.Full(move.Flow)))];
        foreach (var move in moves.Where(move => move.Wish.Treatment is GuestTreatment.Migrate))
        {
            var fastest = targets.Max(target => links.Full(new Flow(move.Source, target, 1, move.Guest.MaxRate)));
            var bytes = Math.Min(
                (double)MoveForecast.Of(move.Guest, move.Wish.MaxDowntime, new DataRate((long)fastest)).Bytes.Bytes, move.Forecast.Bytes.Bytes);
            carried.Add((move.Source, bytes, bytes / fastest));
        }

        if (carried.Count == 0)
        {
            return TimeSpan.Zero;
        }

        var bound = carried.GroupBy(move => move.Source).Max(group => group.Sum(move => move.Bytes) / links.Up(group.Key));
        var downs = targets.Sum(links.Down);
        bound = Math.Max(bound, begun.Count == 0 && downs > 0 ? carried.Sum(move => move.Bytes) / downs : 0);
        return TimeSpan.FromSeconds(Math.Max(bound, carried.Max(move => move.Alone)));
    }

    private static EvacuationPlan Finished(
        IEnumerable<PlannedMove> planned,
        IReadOnlyList<StuckGuest> stuck,
        IReadOnlyList<string> skipped,
        TimeSpan total,
        TimeSpan bound,
        TimeSpan? left)
    {
        List<PlannedMove> moves = [];
        var (wave, firstEnd) = (0, TimeSpan.MinValue);
        foreach (var move in planned.OrderBy(move => move.StartsAfter).ThenBy(move => move.GuestId, StringComparer.Ordinal))
        {
            if (wave == 0 || move.StartsAfter >= firstEnd)
            {
                (wave, firstEnd) = (wave + 1, move.EndsAfter);
            }

            firstEnd = move.EndsAfter < firstEnd ? move.EndsAfter : firstEnd;
            moves.Add(move with { Wave = wave });
        }

        return new EvacuationPlan
        {
            Moves = moves,
            Stuck = stuck,
            SkippedGuestIds = skipped,
            Total = total,
            BandwidthBound = bound,
            LateGuestIds = left is null
                ? []
                : [.. moves.Where(move => move.EndsAfter > left).Select(move => move.GuestId)
                    .Concat(stuck.Select(guest => guest.GuestId)).Distinct().Order(StringComparer.Ordinal)],
            Waves = wave,
        };
    }

    private static FleetFacts Moved(FleetFacts facts, List<PlannedMove> moves)
    {
        var targets = moves.ToDictionary(move => move.GuestId, move => move.TargetHostId, StringComparer.Ordinal);
        return facts with
        {
            Fleet = facts.Fleet with { Guests = [.. facts.Fleet.Guests.Select(There)] },
            Guests = [.. facts.Guests.Select(guest => guest with { Placement = guest.Placement with { Guest = There(guest.Placement.Guest) } })],
        };

        FleetGuest There(FleetGuest guest) => targets.TryGetValue(guest.GuestId, out var target) ? guest with { HostId = target } : guest;
    }

    private sealed record PlanPart(
        List<PlannedMove> Moves,
        IReadOnlyList<StuckGuest> Stuck,
        TimeSpan Total,
        TimeSpan BandwidthBound,
        IReadOnlyDictionary<string, TimeSpan> BegunEnds);
}
