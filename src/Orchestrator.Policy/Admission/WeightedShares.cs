namespace Orchestrator.Policy.Admission;

/// <summary>
/// Weighted max-min fair shares by water filling (Bertsekas, Gallager: Data Networks, 2nd ed., 6.5.2): one level rises for all; a flow has its
/// weight times the level, at least its floor, until one of its links is full or its own cap is reached. Nobody's share can then be raised
/// without lowering that of somebody who has less for its weight.
/// </summary>
internal static class WeightedShares
{
    // Sums of doubles may be too high by a few parts in 2^53; shares must never exceed a link.
    private const double Safely = 1 - 1e-12;

    /// <param name="links">Capacity of each link in bytes per second.</param>
    /// <returns>Bytes per second for each flow; null = nothing limits it.</returns>
    public static long?[] Of(IReadOnlyList<Flow> flows, IReadOnlyList<double> links)
    {
        var pool = new Pool(flows, links);
        while (pool.RaiseOnce())
        {
        }

        return [.. pool.Rates.Select(rate => double.IsPositiveInfinity(rate) ? (long?)null : (long)(rate * Safely))];
    }

    private sealed class Pool
    {
        private readonly IReadOnlyList<Flow> _flows;
        private readonly List<int>[] _onLink;
        private readonly double[] _left;
        private readonly double[] _fullAt;
        private readonly double[] _floors;
        private readonly bool[] _settled;
        private readonly PriorityQueue<int, (double Level, int Flow)> _caps = new();

        public Pool(IReadOnlyList<Flow> flows, IReadOnlyList<double> links)
        {
            _flows = flows;
            _left = [.. links];
            _onLink = [.. links.Select(_ => new List<int>())];
            _fullAt = new double[links.Count];
            _settled = new bool[flows.Count];
            Rates = new double[flows.Count];
            for (var i = 0; i < flows.Count; i++)
            {
                foreach (var link in flows[i].Links)
                {
                    _onLink[link].Add(i);
                }
            }

            // A floor is no promise on a link that is too narrow for everybody's.
            _floors = [.. flows.Select(flow => flow.Links.Aggregate(
                Math.Min(flow.Floor, flow.Cap), (floor, link) => Math.Min(floor, links[link] / _onLink[link].Count)))];
            for (var i = 0; i < flows.Count; i++)
            {
                if (double.IsFinite(flows[i].Cap))
                {
                    _caps.Enqueue(i, (flows[i].Cap / flows[i].Weight, i));
                }
            }

            for (var link = 0; link < links.Count; link++)
            {
                _fullAt[link] = FullAt(link);
            }
        }

        public double[] Rates { get; }

        /// <summary>Up to the next link that is full or cap that is reached.</summary>
        /// <returns>False when all are settled.</returns>
        public bool RaiseOnce()
        {
            var tightest = -1;
            for (var link = 0; link < _fullAt.Length; link++)
            {
                if (_fullAt[link] < (tightest < 0 ? double.PositiveInfinity : _fullAt[tightest]))
                {
                    tightest = link;
                }
            }

            // Settling a capped flow only makes room for others, so everything that is capped below the tightest link goes at once.
            List<(int Flow, double Rate)> settled = [];
            while (_caps.TryPeek(out var capped, out var cap) && (tightest < 0 || cap.Level <= _fullAt[tightest]))
            {
                _caps.Dequeue();
                if (!_settled[capped])
                {
                    settled.Add((capped, _flows[capped].Cap));
                }
            }

            if (settled.Count > 0)
            {
                Settle(settled);
                return true;
            }

            if (tightest < 0)
            {
                for (var i = 0; i < _flows.Count; i++)
                {
                    Rates[i] = _settled[i] ? Rates[i] : double.PositiveInfinity;
                }

                return false;
            }

            var level = _fullAt[tightest];
            Settle([.. _onLink[tightest].Where(flow => !_settled[flow])
                .Select(flow => (flow, Math.Max(_floors[flow], _flows[flow].Weight * level)))]);
            return true;
        }

        private void Settle(List<(int Flow, double Rate)> settled)
        {
            SortedSet<int> touched = [];
            foreach (var (flow, rate) in settled)
            {
                _settled[flow] = true;
                Rates[flow] = rate;
                foreach (var link in _flows[flow].Links)
                {
                    _left[link] = Math.Max(0, _left[link] - rate);
                    touched.Add(link);
                }
            }

            foreach (var link in touched)
            {
                _fullAt[link] = FullAt(link);
            }
        }

        /// <summary>The level at which what is left of the link is used up by those that still rise.</summary>
        private double FullAt(int link)
        {
            var rising = _onLink[link].Where(flow => !_settled[flow])
                .Select(flow => (TakesOff: _floors[flow] / _flows[flow].Weight, Floor: _floors[flow], _flows[flow].Weight))
                .OrderBy(flow => flow.TakesOff).ToList();
            if (rising.Count == 0)
            {
                return double.PositiveInfinity;
            }

            var onFloor = rising.Sum(flow => flow.Floor);
            double weights = 0;
            for (var i = 0; i < rising.Count; i++)
            {
                onFloor -= rising[i].Floor;
                weights += rising[i].Weight;
                var level = Math.Max(0, (_left[link] - onFloor) / weights);
                if (i == rising.Count - 1 || level <= rising[i + 1].TakesOff)
                {
                    return level;
                }
            }

            return double.PositiveInfinity;
        }
    }
}

/// <param name="Weight">Above 0.</param>
/// <param name="Floor">What it gets at least where its links have room for everybody's floor. Bytes per second.</param>
/// <param name="Cap">Bytes per second; infinity = none.</param>
/// <param name="Links">Indices of links, each once.</param>
internal sealed record Flow(double Weight, double Floor, double Cap, IReadOnlyList<int> Links);
