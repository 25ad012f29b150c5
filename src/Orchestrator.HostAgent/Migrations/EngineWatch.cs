using System.Threading.Channels;
using Orchestrator.HostAgent.Guests;
using Orchestrator.Qmp;

namespace Orchestrator.HostAgent.Migrations;

/// <summary>
/// When to look at a migration: every interval, and at once when the engine says something. Keeps what it said in between, coalesced, since
/// QEMU 11.1 can say ten new passes a second.
/// </summary>
internal sealed class EngineWatch : IDisposable
{
    private const int MostHappenings = 64;

    private readonly Guest _guest;
    private readonly TimeProvider _clock;
    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Lock _lock = new();
    private readonly List<string> _happenings = [];
    private DateTimeOffset? _stoppedAt;
    private DateTimeOffset? _resumedAt;
    private bool _failed;

    public EngineWatch(Guest guest, TimeProvider clock)
    {
        _guest = guest;
        _clock = clock;
        _guest.Happened += Note;
        _guest.Changed += Wake;
    }

    /// <summary>The last STOP of the guest by QEMU's clock, which is this machine's; null when none was seen.</summary>
    public DateTimeOffset? StoppedAt
    {
        get
        {
            lock (_lock)
            {
                return _stoppedAt;
            }
        }
    }

    /// <summary>The last RESUME, likewise.</summary>
    public DateTimeOffset? ResumedAt
    {
        get
        {
            lock (_lock)
            {
                return _resumedAt;
            }
        }
    }

    /// <summary>
    /// The engine said that its migration failed. An incoming QEMU before 9.1 ends right after that, and nobody can ask it any more.
    /// </summary>
    public bool SaidFailed
    {
        get
        {
            lock (_lock)
            {
                return _failed;
            }
        }
    }

    public void Wake() => _news.Writer.TryWrite(true);

    /// <returns>True when there is news, false when the interval went by.</returns>
    public async Task<bool> WaitAsync(TimeSpan interval, CancellationToken cancellation)
    {
        using var bound = new CancellationTokenSource(interval, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(bound.Token, cancellation);
        try
        {
            await _news.Reader.ReadAsync(either.Token);
            return true;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <returns>What happened since the last call, oldest first.</returns>
    public IReadOnlyList<string> TakeHappenings()
    {
        lock (_lock)
        {
            List<string> taken = [.. _happenings];
            _happenings.Clear();
            return taken;
        }
    }

    public void Dispose()
    {
        _guest.Happened -= Note;
        _guest.Changed -= Wake;
    }

    private void Note(QmpEvent happened)
    {
        var text = happened.Name switch
        {
            QmpEvent.Migration => $"MIGRATION:{(happened.Data.TryGetProperty("status", out var status) ? status.ToString() : "?")}",
            QmpEvent.MigrationPass => $"PASS:{happened.Pass}",
            var other => other,
        };
        lock (_lock)
        {
            if (happened.Name == QmpEvent.MigrationPass && _happenings.Count > 0 && _happenings[^1].StartsWith("PASS:", StringComparison.Ordinal))
            {
                _happenings[^1] = text;
            }
            else if (_happenings.Count < MostHappenings)
            {
                _happenings.Add(text);
            }

            _failed |= happened.Status == MigrationStatus.Failed;
            _stoppedAt = happened.Name == QmpEvent.Stop ? happened.Timestamp : _stoppedAt;
            _resumedAt = happened.Name == QmpEvent.Resume ? happened.Timestamp : _resumedAt;
        }

        Wake();
    }
}
