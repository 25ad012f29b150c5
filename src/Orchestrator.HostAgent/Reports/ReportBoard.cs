using Orchestrator.Agent.V1;

namespace Orchestrator.HostAgent.Reports;

/// <summary>
/// Where sessions pin their latest report and observers look. Holds one report per session, so an observer that reads slowly gets the
/// latest and nothing queues up.
/// </summary>
internal sealed class ReportBoard
{
    private const int MostClosed = 256;

    private readonly Lock _lock = new();
    private readonly Dictionary<(string MigrationId, SessionRole Role), Pinned> _reports = [];
    private long _version;
    private long _guestsVersion;
    private TaskCompletionSource _urgent = New();

    /// <summary>Grows with every change among the guests.</summary>
    public long GuestsVersion
    {
        get
        {
            lock (_lock)
            {
                return _guestsVersion;
            }
        }
    }

    /// <summary>Completes at the next news that is worth more than waiting for the interval.</summary>
    public Task NextUrgent
    {
        get
        {
            lock (_lock)
            {
                return _urgent.Task;
            }
        }
    }

    /// <summary>Grows with every report; an observer remembers how far it has read.</summary>
    public long Version
    {
        get
        {
            lock (_lock)
            {
                return _version;
            }
        }
    }

    /// <param name="replicaId">Who commanded the migration last; empty = nobody yet, or one without a name.</param>
    public void Pin(MigrationReport report, bool urgent, string replicaId = "")
    {
        TaskCompletionSource? news = null;
        lock (_lock)
        {
            // Two may be composing reports of one session; numbers never fall.
            if (!_reports.TryGetValue((report.MigrationId, report.Role), out var pinned) || pinned.Report.Sequence < report.Sequence)
            {
                _reports[(report.MigrationId, report.Role)] = new Pinned(report, replicaId, ++_version);
                Prune();
            }

            if (urgent)
            {
                news = _urgent;
                _urgent = New();
            }
        }

        news?.TrySetResult();
    }

    public void NoteGuests()
    {
        TaskCompletionSource news;
        lock (_lock)
        {
            _guestsVersion++;
            news = _urgent;
            _urgent = New();
        }

        news.TrySetResult();
    }

    /// <summary>The latest reports that came after <paramref name="version"/>, in the order they came.</summary>
    /// <param name="replicaId">Only of migrations that this replica commanded last or nobody did; empty = all.</param>
    public (IReadOnlyList<MigrationReport> Reports, long Version) ReadAfter(long version, string replicaId = "")
    {
        lock (_lock)
        {
            List<MigrationReport> read =
                [
                    .. _reports.Values.Where(pinned => pinned.Version > version && pinned.IsFor(replicaId))
                        .OrderBy(pinned => pinned.Version).Select(pinned => pinned.Report),
                ];

            return (read, _version);
        }
    }

    /// <summary>A closed session is told of to whoever looks on; later only its journal has it.</summary>
    private void Prune()
    {
        var closed = _reports.Where(pinned => pinned.Value.Report.SessionState == SessionState.Closed).ToList();
        foreach (var oldest in closed.OrderBy(pinned => pinned.Value.Version).Take(closed.Count - MostClosed))
        {
            _reports.Remove(oldest.Key);
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed record Pinned(MigrationReport Report, string ReplicaId, long Version)
    {
        public bool IsFor(string replicaId) => replicaId.Length == 0 || ReplicaId.Length == 0 || ReplicaId == replicaId;
    }
}
