using Orchestrator.Policy.Placement;

namespace Orchestrator.Policy.Evacuation;

/// <summary>Which guest goes where.</summary>
/// <param name="Moves">In no order of time.</param>
internal sealed record TargetAssignment(IReadOnlyList<AssignedMove> Moves, IReadOnlyList<StuckGuest> Stuck)
{
    // Bins are packed largest first (Johnson 1973); with hosts to choose from, the choice balances, and packs tightly when that fails.
    public static TargetAssignment Of(FleetFacts facts, IReadOnlyList<MoveWish> wishes, IReadOnlyList<BegunMove> begun)
    {
        var balanced = new Packing(facts, begun, tight: false).Run(wishes);
        if (balanced.Stuck.Count == 0)
        {
            return balanced;
        }

        var tight = new Packing(facts, begun, tight: true).Run(wishes);
        return tight.Stuck.Count < balanced.Stuck.Count ? tight : balanced;
    }

    private sealed class Packing
    {
        private const int FewHosts = 2;

        private readonly FleetFacts _facts;
        private readonly bool _tight;
        private readonly Ground _ground;
        private readonly Links _links;
        private readonly IReadOnlyList<LedgerHost> _targets;
        private readonly Dictionary<string, double> _downBusy = new(StringComparer.Ordinal);
        private readonly Dictionary<string, AssignedMove> _moves = new(StringComparer.Ordinal);
        private readonly Dictionary<(string GuestId, long Rate), MoveForecast> _forecasts = [];
        private readonly HashSet<string> _silent;
        private double _bound;

        public Packing(FleetFacts facts, IReadOnlyList<BegunMove> begun, bool tight)
        {
            (_facts, _tight, _ground, _links) = (facts, tight, new Ground(facts), new Links(facts));
            _targets = _ground.Targets;
            _silent = facts.Fleet.Hosts.Where(host => host.Condition is not HostCondition.Connected).Select(host => host.HostId).ToHashSet(StringComparer.Ordinal);
            var guests = facts.Guests.ToDictionary(guest => guest.GuestId, StringComparer.Ordinal);
            foreach (var move in begun)
            {
                AddBusy(move.Flow.Target, move.Left.Bytes);
                if (guests.TryGetValue(move.GuestId, out var guest) && guest.HostId != move.Flow.Target)
                {
                    _ground.Expect(guest, move.Flow.Target);
                }
            }
        }

        public TargetAssignment Run(IReadOnlyList<MoveWish> wishes)
        {
            _bound = Bound(wishes);
            List<MoveWish> left = [];
            foreach (var wish in wishes
                .OrderByDescending(Constraint)
                .ThenByDescending(wish => wish.Guest.Memory)
                .ThenBy(wish => wish.Guest.GuestId, StringComparer.Ordinal))
            {
                if (CanLeave(wish) && Best(wish) is { } target)
                {
                    Give(wish, target);
                }
                else
                {
                    left.Add(wish);
                }
            }

            // Whoever finds a place may make another one's possible: as a neighbour, or by what moved over.
            var stuck = left;
            for (var before = -1; before != stuck.Count;)
            {
                before = stuck.Count;
                stuck = [.. stuck.Where(wish => !CanLeave(wish) || !MakeRoom(wish))];
            }

            return new(
                [.. _moves.Values.OrderBy(move => move.Guest.GuestId, StringComparer.Ordinal)],
                [.. stuck.OrderBy(wish => wish.Guest.GuestId, StringComparer.Ordinal)
                    .Select(wish => new StuckGuest(wish.Guest.GuestId, wish.Guest.HostId, WhyNone(wish)))]);
        }

        // 2 = told where, 1 = hardly a choice, 0 = any.
        private int Constraint(MoveWish wish) =>
            wish.Fixed is not null ? 2
            : Open(wish, _ground.Look(wish.Guest)).Take(FewHosts + 1).Count() <= FewHosts ? 1
            : 0;

        // Hosts that could take it if there were room.
        private IEnumerable<LedgerHost> Open(MoveWish wish, Search search) =>
            _targets.Where(host => (wish.Fixed is null || wish.Fixed == host.Facts.HostId) && !search.IsBarred(host));

        private LedgerHost? Best(MoveWish wish)
        {
            var search = _ground.Look(wish.Guest);
            return _targets.Where(host => (wish.Fixed is null || wish.Fixed == host.Facts.HostId) && search.First(host) is null)
                .MinBy(host => Cost(wish, search, host));
        }

        // Compared from the left; hosts come in the order of their ids, so that equal costs are no chance.
        private (int Failed, bool LastResort, int Soft, long Late, double Memory) Cost(MoveWish wish, Search search, LedgerHost host)
        {
            var (id, left) = (host.Facts.HostId, host.MemoryFree - wish.Guest.Memory);
            var busy = _downBusy.GetValueOrDefault(id) + (Forecast(wish, id).Bytes.Bytes / Down(id));
            return (
                wish.Avoid == id ? 2 : _ground.FailedLately(wish.Guest, host) ? 1 : 0,
                _facts.LastResort.Contains(id),
                search.SoftCost(host),
                _tight ? 0 : (long)Math.Max(0, busy - _bound),
                _tight ? left.Bytes : -left.Bytes);
        }

        private void Give(MoveWish wish, LedgerHost target)
        {
            var id = target.Facts.HostId;
            _ground.Take(wish.Guest, id);
            var forecast = Forecast(wish, id);
            AddBusy(id, forecast.Bytes.Bytes);
            _moves[wish.Guest.GuestId] = new AssignedMove(wish, id, forecast);
        }

        // One guest that has a target gives way to one that has none.
        private bool MakeRoom(MoveWish wish)
        {
            if (Best(wish) is { } free)
            {
                Give(wish, free);
                return true;
            }

            var search = _ground.Look(wish.Guest);
            foreach (var host in Open(wish, search).ToList())
            {
                var there = _moves.Values.Where(move => move.Target == host.Facts.HostId && move.Wish.Fixed is null)
                    .OrderBy(move => move.Guest.Memory).ThenBy(move => move.Guest.GuestId, StringComparer.Ordinal).ToList();
                foreach (var move in there)
                {
                    if (host.MemoryFree + move.Guest.Memory < wish.Guest.Memory)
                    {
                        continue;
                    }

                    TakeBack(move);
                    if (search.First(host) is null)
                    {
                        Give(wish, host);
                        if (Best(move.Wish) is { } elsewhere && elsewhere.Facts.HostId != move.Wish.Avoid)
                        {
                            Give(move.Wish, elsewhere);
                            return true;
                        }

                        TakeBack(_moves[wish.Guest.GuestId]);
                    }

                    Give(move.Wish, host);
                }
            }

            return false;
        }

        private void TakeBack(AssignedMove move)
        {
            _ground.GiveUp(move.Guest);
            AddBusy(move.Target, -move.Forecast.Bytes.Bytes);
            _moves.Remove(move.Guest.GuestId);
        }

        private bool CanLeave(MoveWish wish) => WhyNotLeave(wish) is null;

        private string? WhyNotLeave(MoveWish wish) =>
            _silent.Contains(wish.Guest.HostId) ? "Its host does not answer."
            : wish.Guest.Held ?? (wish.Guest.Placement.Guest.TargetHostId is { } target ? $"Somebody else is moving it to {target}." : null);

        private string WhyNone(MoveWish wish) => WhyNotLeave(wish) ?? _ground.WhyNone(wish.Guest, wish.Fixed);

        private MoveForecast Forecast(MoveWish wish, string target)
        {
            if (wish.Treatment is GuestTreatment.Restart)
            {
                return new MoveForecast(DataSize.Zero, _facts.Pace.Restart, Converges: true);
            }

            // Targets with links alike, and most are, have one forecast.
            var key = (wish.Guest.GuestId, (long)_links.Full(new Flow(wish.Guest.HostId, target, 1, wish.Guest.MaxRate)));
            if (!_forecasts.TryGetValue(key, out var forecast))
            {
                _forecasts[key] = forecast = MoveForecast.Of(wish.Guest, wish.MaxDowntime, new DataRate(key.Item2));
            }

            return forecast;
        }

        // What the sources need in any case: below it no target's link makes anything later.
        private double Bound(IReadOnlyList<MoveWish> wishes)
        {
            var bytes = wishes.Where(wish => wish.Treatment is GuestTreatment.Migrate).ToList();
            var sources = bytes.GroupBy(wish => wish.Guest.HostId)
                .Select(group => group.Sum(wish => (double)wish.Guest.Memory.Bytes) / _links.Up(group.Key));
            var targets = bytes.Sum(wish => (double)wish.Guest.Memory.Bytes) / _targets.Sum(host => Down(host.Facts.HostId));
            return sources.Append(_targets.Count == 0 ? 0 : targets).DefaultIfEmpty(0).Max();
        }

        private double Down(string host) =>
            double.IsInfinity(_links.Down(host)) ? MoveForecast.AssumedLink.BytesPerSecond : _links.Down(host);

        private void AddBusy(string host, long bytes) => _downBusy[host] = _downBusy.GetValueOrDefault(host) + (bytes / Down(host));
    }
}
