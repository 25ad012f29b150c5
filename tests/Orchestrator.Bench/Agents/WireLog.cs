namespace Orchestrator.Bench.Agents;

/// <summary>
/// One copy as it is seen from outside: when each of its reports was sent and when each new limit came. Written by two loops; read as long as
/// they run only for sequences that are over.
/// </summary>
internal sealed class WireLog
{
    private readonly Lock _gate = new();
    private readonly List<long> _sentAt = [];
    private readonly Dictionary<TimeSpan, long> _limits = [];

    /// <param name="sequence">1, 2, 3, ... each once.</param>
    /// <param name="at"><see cref="TimeProvider.GetTimestamp"/>.</param>
    public void NoteSent(ulong sequence, long at)
    {
        lock (_gate)
        {
            while ((ulong)_sentAt.Count < sequence)
            {
                _sentAt.Add(0);
            }

            _sentAt[(int)sequence - 1] = at;
        }
    }

    /// <summary>A limit that comes again was sent again: the first time counts.</summary>
    public void NoteLimit(TimeSpan limit, long at)
    {
        lock (_gate)
        {
            _limits.TryAdd(limit, at);
        }
    }

    /// <returns>Null for a report that never left on the stream.</returns>
    public long? SentAt(ulong sequence)
    {
        lock (_gate)
        {
            return sequence > 0 && sequence <= (ulong)_sentAt.Count && _sentAt[(int)sequence - 1] is not 0 and var at ? at : null;
        }
    }

    public long? LimitCameAt(TimeSpan limit)
    {
        lock (_gate)
        {
            return _limits.TryGetValue(limit, out var at) ? at : null;
        }
    }

    /// <summary>The sequences that were sent between two moments, both included.</summary>
    public IReadOnlyList<ulong> SentBetween(long from, long to)
    {
        lock (_gate)
        {
            return [.. Enumerable.Range(0, _sentAt.Count).Where(index => _sentAt[index] >= from && _sentAt[index] <= to).Select(index => (ulong)index + 1)];
        }
    }
}
