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
        private readonly List<HostFacts> _targets;
        private readonly Dictionary<string, double> _downBusy = new(StringComparer.Ordinal);
        private readonly Dictionary<string, AssignedMove> _moves = new(StringComparer.Ordinal);
        private readonly HashSet<string> _silent;
        private double _bound;

        public Packing(FleetFacts facts, IReadOnlyList<BegunMove> begun, bool tight)
        {
            (_facts, _tight, _ground, _links) = (facts, tight, new Ground(facts), new Links(facts.Hosts));
            _targets = [.. facts.Hosts.Where(host => host.Closed is null).OrderBy(host => host.HostId, StringComparer.Ordinal)];
            _silent = facts.Hosts.Where(host => !host.Connected).Select(host => host.HostId).ToHashSet(StringComparer.Ordinal);
            var guests = facts.Guests.ToDictionary(guest => guest.GuestId, StringComparer.Ordinal);
            foreach (var move in begun)
            {
                AddBusy(move.Flow.Target, move.Left.Bytes);
                if (!guests.TryGetValue(move.GuestId, out var guest) || guest.HostId == move.Flow.Target)
                {
                    continue;
                }

                if (move.Reserved)
                {
                    _ground.Expect(guest.GuestId, move.Flow.Target);
                }
                else
                {
                    _ground.Take(guest, move.Flow.Target);
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
            : wish.Guest.Refusals.Count + wish.Guest.Neighbours.Count == 0 ? 0
            : _targets.Where(host => _ground.Standing(wish.Guest, host) is null).Take(FewHosts + 1).Count() <= FewHosts ? 1
            : 0;

        private HostFacts? Best(MoveWish wish) =>
            _targets.Where(host => (wish.Fixed is null || wish.Fixed == host.HostId) && _ground.Refusal(wish.Guest, host) is null)
                .MinBy(host => Cost(wish, host));

        // Compared from the left; hosts come in the order of their ids, so that equal costs are no chance.
        private (bool Failed, bool LastResort, int Soft, long Late, double Memory) Cost(MoveWish wish, HostFacts host)
        {
            var left = _ground.FreeMemory(host.HostId) - wish.Guest.Memory;
            var busy = _downBusy.GetValueOrDefault(host.HostId) + (Forecast(wish, host.HostId).Bytes.Bytes / Down(host.HostId));
            return (
                wish.Avoid == host.HostId,
                host.LastResort,
                _ground.SoftCost(wish.Guest, host),
                _tight ? 0 : (long)Math.Max(0, busy - _bound),
                _tight ? left.Bytes : -left.Bytes);
        }

        private void Give(MoveWish wish, HostFacts target)
        {
            _ground.Take(wish.Guest, target.HostId);
            var forecast = Forecast(wish, target.HostId);
            AddBusy(target.HostId, forecast.Bytes.Bytes);
            _moves[wish.Guest.GuestId] = new AssignedMove(wish, target.HostId, forecast);
        }

        // One guest that has a target gives way to one that has none.
        private bool MakeRoom(MoveWish wish)
        {
            if (Best(wish) is { } free)
            {
                Give(wish, free);
                return true;
            }

            foreach (var host in _targets.Where(host =>
                (wish.Fixed is null || wish.Fixed == host.HostId) && _ground.Standing(wish.Guest, host) is null))
            {
                var there = _moves.Values.Where(move => move.Target == host.HostId && move.Wish.Fixed is null)
                    .OrderBy(move => move.Guest.Memory).ThenBy(move => move.Guest.GuestId, StringComparer.Ordinal).ToList();
                foreach (var move in there)
                {
                    TakeBack(move);
                    if (_ground.Refusal(wish.Guest, host) is null)
                    {
                        Give(wish, host);
                        if (Best(move.Wish) is { } elsewhere && elsewhere.HostId != move.Wish.Avoid)
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
            _ground.GiveUp(move.Guest, move.Target);
            AddBusy(move.Target, -move.Forecast.Bytes.Bytes);
            _moves.Remove(move.Guest.GuestId);
        }

        private bool CanLeave(MoveWish wish) => !_silent.Contains(wish.Guest.HostId);

        private string WhyNone(MoveWish wish)
        {
            if (!CanLeave(wish))
            {
                return "Its host does not answer.";
            }

            var hosts = _facts.Hosts.Where(host => host.HostId != wish.Guest.HostId && (wish.Fixed is null || wish.Fixed == host.HostId))
                .OrderBy(host => host.HostId, StringComparer.Ordinal).ToList();
            const int Named = 8;
            return hosts.Count == 0
                ? wish.Fixed is null ? "There is no other host." : $"There is no host {wish.Fixed}."
                : string.Join("; ", hosts.Take(Named).Select(host => $"{host.HostId}: {_ground.Refusal(wish.Guest, host)}"))
                    + (hosts.Count > Named ? FormattableString.Invariant($"; and {hosts.Count - Named} more") : "");
        }

        private MoveForecast Forecast(MoveWish wish, string target)
        {
            if (wish.Treatment is GuestTreatment.Restart)
            {
                return new MoveForecast(DataSize.Zero, _facts.Pace.Restart, Converges: true);
            }

            var full = _links.Full(new Flow(wish.Guest.HostId, target, 1, wish.Guest.MaxRate));
            return MoveForecast.Of(wish.Guest, wish.MaxDowntime, new DataRate((long)full));
        }

        // What the sources need in any case: below it no target's link makes anything later.
        private double Bound(IReadOnlyList<MoveWish> wishes)
        {
            var bytes = wishes.Where(wish => wish.Treatment is GuestTreatment.Migrate).ToList();
            var sources = bytes.GroupBy(wish => wish.Guest.HostId)
                .Select(group => group.Sum(wish => (double)wish.Guest.Memory.Bytes) / _links.Up(group.Key));
            var targets = bytes.Sum(wish => (double)wish.Guest.Memory.Bytes) / _targets.Sum(host => Down(host.HostId));
            return sources.Append(_targets.Count == 0 ? 0 : targets).DefaultIfEmpty(0).Max();
        }

        private double Down(string host) =>
            double.IsInfinity(_links.Down(host)) ? MoveForecast.AssumedLink.BytesPerSecond : _links.Down(host);

        private void AddBusy(string host, long bytes) => _downBusy[host] = _downBusy.GetValueOrDefault(host) + (bytes / Down(host));
    }
}
