namespace Orchestrator.HostAgent.Migrations;

/// <summary>Which control planes listen to this agent, and since when those that do not have not.</summary>
internal sealed class Attendance(TimeProvider clock)
{
    // A control plane has a new id whenever it starts. One that is forgotten counts as never heard, which is as long ago.
    private const int MostKept = 256;

    private readonly Lock _lock = new();
    private readonly long _startedAt = clock.GetTimestamp();
    private readonly Dictionary<string, Listening> _listening = new(StringComparer.Ordinal);

    /// <summary>A stream of reports to this replica is open until the result is disposed of.</summary>
    public IDisposable Listen(string replicaId)
    {
        lock (_lock)
        {
            if (!_listening.TryGetValue(replicaId, out var listening))
            {
                if (_listening.Count >= MostKept && _listening.Where(other => other.Value.Open == 0).MinBy(other => other.Value.LastAt) is { Key: { } oldest })
                {
                    _listening.Remove(oldest);
                }

                _listening[replicaId] = listening = new Listening();
            }

            listening.Open++;
            return new Stream(this, listening);
        }
    }

    /// <summary>How long this replica has neither listened nor been heard; never longer than this agent runs.</summary>
    /// <param name="heardAt">When it last said something; <see cref="TimeProvider.GetTimestamp"/>, 0 = never.</param>
    public TimeSpan AbsenceOf(string replicaId, long heardAt)
    {
        lock (_lock)
        {
            var listening = _listening.GetValueOrDefault(replicaId);
            return listening is { Open: > 0 }
                ? TimeSpan.Zero
                : clock.GetElapsedTime(Math.Max(_startedAt, Math.Max(heardAt, listening?.LastAt ?? 0)));
        }
    }

    private void End(Listening listening)
    {
        lock (_lock)
        {
            listening.Open--;
            listening.LastAt = clock.GetTimestamp();
        }
    }

    private sealed class Listening
    {
        public int Open { get; set; }

        public long LastAt { get; set; }
    }

    private sealed class Stream(Attendance attendance, Listening listening) : IDisposable
    {
        private bool _ended;

        public void Dispose()
        {
            if (!Interlocked.Exchange(ref _ended, true))
            {
                attendance.End(listening);
            }
        }
    }
}

/// <summary>Whom the source's side of a migration has to do with besides its engine: the target's agent, and whoever commands.</summary>
internal sealed record SourceContacts(HandOverSender HandOver, Attendance Attendance);
