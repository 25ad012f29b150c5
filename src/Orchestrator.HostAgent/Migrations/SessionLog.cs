using Orchestrator.Agent.V1;

namespace Orchestrator.HostAgent.Migrations;

/// <summary>
/// A session's record and its journal, kept in step: nothing is known that is not written. Decisions that exclude each other (cancel and
/// switch-over, abandon and hand-over) are made here, one at a time.
/// </summary>
internal sealed class SessionLog : IDisposable
{
    // Report numbers are written down in blocks: one line of journal for several minutes of reports.
    private const ulong SequenceBlock = 1000;

    private readonly TimeProvider _clock;
    private readonly Journal _journal;
    private readonly Lock _lock = new();
    private SessionRecord _record;
    private ulong _sequence;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Reads the folder's journal; a session that is new has none yet.</summary>
    /// <exception cref="JournalDamagedException"/>
    public SessionLog(string folder, TimeProvider clock)
    {
        _clock = clock;
        (_journal, var entries) = Journal.Open(folder);
        try
        {
            _record = entries.Aggregate(SessionRecord.Empty, (record, entry) => record.After(entry));
        }
        catch (KeyNotFoundException nonsense)
        {
            throw new JournalDamagedException("an answer is there without its command", nonsense);
        }

        _sequence = _record.SequencesReserved;
    }

    public SessionRecord Record
    {
        get
        {
            lock (_lock)
            {
                return _record;
            }
        }
    }

    /// <summary>On the disk when it returns.</summary>
    public void Write(Func<DateTimeOffset, JournalEntry> entry) => TryWrite((_, at) => entry(at));

    /// <summary>Decides on the present record whether to write, and writes, before anybody else can.</summary>
    /// <param name="decide">Null to write nothing; what it throws comes out.</param>
    /// <returns>Whether it was written.</returns>
    public bool TryWrite(Func<SessionRecord, DateTimeOffset, JournalEntry?> decide)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            if (decide(_record, _clock.GetUtcNow()) is not { } entry)
            {
                return false;
            }

            var after = _record.After(entry);
            _journal.Append(entry);
            _record = after;
            changed = _changed;
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (after.State == SessionState.Closed)
            {
                _journal.Dispose();
            }
        }

        changed.TrySetResult();
        return true;
    }

    public ulong NextSequence()
    {
        if (_sequence >= Record.SequencesReserved)
        {
            Write(at => new JournalEntry.SequenceReserved(at, _sequence + SequenceBlock));
        }

        return Interlocked.Increment(ref _sequence);
    }

    /// <returns>The first record that is so.</returns>
    public async Task<SessionRecord> UntilAsync(Func<SessionRecord, bool> reached, CancellationToken cancellation)
    {
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (reached(_record))
                {
                    return _record;
                }

                changed = _changed.Task;
            }

            await changed.WaitAsync(cancellation);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _journal.Dispose();
        }
    }
}
