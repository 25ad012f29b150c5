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
    private readonly Dictionary<(string MigrationId, SessionRole Role), (MigrationReport Report, long Version)> _reports = [];
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

    public void Pin(MigrationReport report, bool urgent)
    {
        TaskCompletionSource? news = null;
        lock (_lock)
        {
            // Two may be composing reports of one session; numbers never fall.
            if (!_reports.TryGetValue((report.MigrationId, report.Role), out var pinned) || pinned.Report.Sequence < report.Sequence)
            {
                _reports[(report.MigrationId, report.Role)] = (report, ++_version);
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
    public (IReadOnlyList<MigrationReport> Reports, long Version) ReadAfter(long version)
    {
        lock (_lock)
        {
            List<MigrationReport> read =
                [.. _reports.Values.Where(pinned => pinned.Version > version).OrderBy(pinned => pinned.Version).Select(pinned => pinned.Report)];

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
}
