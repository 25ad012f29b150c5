namespace Orchestrator.Policy.Admission;

/// <summary>
/// When those that wait will transfer: list scheduling. Everything that has a limit is so many servers; each migration in order takes one of
/// each that it needs from the moment they are all free, for as long as its memory takes at the rate that transfers had lately. Links and
/// targets that are not chosen yet are left out, so this is the earliest rather than the likeliest time.
/// </summary>
internal sealed class StartForecast
{
    private readonly AdmissionSnapshot _snapshot;
    private readonly FleetPlaces _places;
    private readonly Dictionary<(char Kind, string Subject), List<DateTimeOffset>> _ends = [];
    private readonly Dictionary<(char Kind, string Subject), Servers> _servers = [];

    /// <param name="transferring">Those that may transfer, those granted in this pass included.</param>
    public StartForecast(AdmissionSnapshot snapshot, FleetPlaces places, IEnumerable<RunningMigration> transferring)
    {
        (_snapshot, _places) = (snapshot, places);
        foreach (var migration in transferring)
        {
            var end = migration.Remaining is { } left ? Later(Now, left) : Later(Now, Takes(migration.Memory));
            foreach (var (key, _) in Needs(migration.SourceHostId, migration.TargetHostId))
            {
                if (!_ends.TryGetValue(key, out var ends))
                {
                    _ends[key] = ends = [];
                }

                ends.Add(end);
            }
        }
    }

    private DateTimeOffset Now => _snapshot.Fleet.At;

    /// <summary>Ask in the order in which they go.</summary>
    /// <param name="target">Null = not chosen yet.</param>
    /// <returns>Null: nothing is known.</returns>
    public DateTimeOffset? Next(string source, string? target, DataSize memory, DateTimeOffset notBefore)
    {
        var needed = Needs(source, target).Select(need => Of(need.Key, need.Limit)).ToList();
        var start = notBefore > Now ? notBefore : Now;
        foreach (var servers in needed)
        {
            start = servers.FreeAt is { } free && free > start ? free : start;
        }

        var end = start == DateTimeOffset.MaxValue ? start : Later(start, Takes(memory));
        foreach (var servers in needed)
        {
            servers.Take(end);
        }

        return start == DateTimeOffset.MaxValue ? null : start;
    }

    private static DateTimeOffset Later(DateTimeOffset time, TimeSpan wait) =>
        wait < DateTimeOffset.MaxValue - time ? time + wait : DateTimeOffset.MaxValue;

    private TimeSpan Takes(DataSize memory) => memory / _snapshot.TypicalRate;

    private IEnumerable<((char Kind, string Subject) Key, int Limit)> Needs(string source, string? target)
    {
        var limits = _snapshot.Limits;
        yield return (('f', ""), limits.Transferring);
        yield return (('s', source), limits.TransferringPerSource);
        if (target is not null)
        {
            yield return (('t', target), limits.TransferringPerTarget);
        }

        foreach (var place in target is null ? _places.Of(source) : _places.Of(source).Union(_places.Of(target)))
        {
            yield return (('p', place.Subject), place.Limit);
        }
    }

    private Servers Of((char Kind, string Subject) key, int limit)
    {
        if (!_servers.TryGetValue(key, out var servers))
        {
            _servers[key] = servers = new Servers(limit, _ends.GetValueOrDefault(key, []));
        }

        return servers;
    }

    /// <summary>As many servers as the limit has. Above a lowered limit the first to end free nothing.</summary>
    private sealed class Servers
    {
        private readonly PriorityQueue<DateTimeOffset, DateTimeOffset> _busyUntil;
        private int _idle;

        public Servers(int limit, List<DateTimeOffset> ends)
        {
            _idle = Math.Max(0, limit - ends.Count);
            _busyUntil = new PriorityQueue<DateTimeOffset, DateTimeOffset>(
                ends.Order().Skip(Math.Max(0, ends.Count - limit)).Select(end => (end, end)));
        }

        /// <summary>When the next one is free; null = now.</summary>
        public DateTimeOffset? FreeAt => _idle > 0 ? null : _busyUntil.Peek();

        public void Take(DateTimeOffset until)
        {
            if (_idle > 0)
            {
                _idle--;
                _busyUntil.Enqueue(until, until);
            }
            else
            {
                _busyUntil.DequeueEnqueue(until, until);
            }
        }
    }
}
