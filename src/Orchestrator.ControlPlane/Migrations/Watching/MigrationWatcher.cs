using System.Threading.Channels;
using Orchestrator.V1;
using LifecyclePhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Migrations.Watching;

/// <summary>
/// What waits for one watcher: every transition, decision and snapshot in order, and of readings only the latest. It is told by the
/// supervisors of this replica and by whoever follows those of others in the ledger; each thing counts once.
/// </summary>
internal sealed class MigrationWatcher(Guid? only, MigrationQuery query, int capacity, MigrationFeed feed) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, WatchPosition> _positions = [];
    private readonly Channel<bool> _bell = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private List<MigrationHappening> _happenings = [];
    private Dictionary<Guid, Reading> _readings = [];
    private bool _tooSlow;
    private bool _compared;

    /// <summary>Null = all that the query matches.</summary>
    public Guid? Only => only;

    public bool Wants(Migration migration, params ReadOnlySpan<LifecyclePhase> phases) =>
        (only is null || only == migration.MigrationId) && query.Matches(migration, phases);

    /// <summary>The watcher has the whole state of it up to here.</summary>
    public void Catch(Migration migration)
    {
        lock (_gate)
        {
            var position = Position(migration.MigrationId);
            position.Catch(migration);
            position.Wanted = true;
            position.Ended = migration.HasEnded;
        }
    }

    /// <param name="snapshot">The state after it.</param>
    public void Put(Migration migration, Transition transition, Func<MigrationHappening> snapshot)
    {
        lock (_gate)
        {
            var position = Position(migration.MigrationId);
            switch (position.See(transition))
            {
                case Step.Known:
                    return;
                case Step.Gap:
                    feed.TellGap(migration.MigrationId);
                    return;
                case Step.Next:
                    position.Wanted = true;
                    position.Ended = migration.HasEnded;
                    Add(new MigrationHappening { MigrationId = migration.MigrationId.ToString(), Transition = transition });
                    Add(snapshot());
                    break;
            }
        }

        _bell.Writer.TryWrite(true);
    }

    public void Put(Migration migration, Decision decision)
    {
        lock (_gate)
        {
            switch (Position(migration.MigrationId).See(decision))
            {
                case Step.Known:
                    return;
                case Step.Gap:
                    feed.TellGap(migration.MigrationId);
                    return;
                case Step.Next:
                    Add(new MigrationHappening { MigrationId = migration.MigrationId.ToString(), Decision = decision });
                    break;
            }
        }

        _bell.Writer.TryWrite(true);
    }

    public void Offer(Guid migrationId, Reading reading)
    {
        lock (_gate)
        {
            if (_tooSlow)
            {
                return;
            }

            _readings[migrationId] = reading;
        }

        _bell.Writer.TryWrite(true);
    }

    /// <summary>Everything of a migration up to its present row, as the ledger has it; what was told before is passed over.</summary>
    public void Put(MigrationStory story, Func<MigrationHappening> snapshot)
    {
        var migration = story.Migration;
        if (only is { } mine && mine != migration.MigrationId)
        {
            return;
        }

        lock (_gate)
        {
            var position = Position(migration.MigrationId);
            position.BeginAtTheFirst();
            var moved = false;
            foreach (var happening in story.InOrder())
            {
                if (happening.Decision is { } decision)
                {
                    if (position.See(decision) is Step.Next && Wants(migration, migration.Phase))
                    {
                        Add(happening);
                    }
                }
                else if (happening.Transition is { } transition && position.See(transition) is Step.Next && Wants(migration, Phases(transition)))
                {
                    moved = true;
                    Add(happening);
                }
            }

            position.Catch(migration);
            position.Wanted = Wants(migration, migration.Phase);
            position.Ended = migration.HasEnded;
            if (moved)
            {
                Add(snapshot());
            }
        }

        _bell.Writer.TryWrite(true);
    }

    /// <summary>Whether the ledger has more of the migration than the watcher was told.</summary>
    public bool IsBehind(LedgerPosition ledger)
    {
        if (only is { } mine && mine != ledger.MigrationId)
        {
            return false;
        }

        lock (_gate)
        {
            if (_positions.TryGetValue(ledger.MigrationId, out var position))
            {
                return position.Transition < ledger.LastTransition || position.Decision < ledger.LastDecision
                    || (position.Wanted && !position.Ended && position.SettledDecisions < ledger.LastDecision);
            }

            // One that had ended when the watcher began is none of its business.
            return !ledger.Ended || _compared;
        }
    }

    /// <summary>It was compared with the whole ledger.</summary>
    /// <param name="recent">What had not ended, or not long ago: of others nothing more will come.</param>
    public void Compared(IReadOnlyCollection<LedgerPosition> recent)
    {
        var ids = recent.Select(ledger => ledger.MigrationId).ToHashSet();
        lock (_gate)
        {
            foreach (var ledger in recent.Where(ledger => ledger.Ended && !_compared && !_positions.ContainsKey(ledger.MigrationId)))
            {
                _positions[ledger.MigrationId] = new WatchPosition { Ended = true };
            }

            foreach (var (migrationId, _) in _positions.Where(known => known.Value.Ended && !ids.Contains(known.Key)).ToList())
            {
                _positions.Remove(migrationId);
            }

            _compared = true;
        }
    }

    /// <summary>Decisions up to here need not be read again; 0 for one it knows nothing of.</summary>
    public uint SettledDecisions(Guid migrationId)
    {
        lock (_gate)
        {
            return _positions.TryGetValue(migrationId, out var position) ? position.SettledDecisions : 0;
        }
    }

    /// <summary>Those that go on and are wanted.</summary>
    public IReadOnlyList<Guid> Running()
    {
        lock (_gate)
        {
            return [.. _positions.Where(known => known.Value is { Wanted: true, Ended: false }).Select(known => known.Key)];
        }
    }

    /// <returns>What has come together since the last time; null when the watcher read too slowly and was dropped.</returns>
    public async Task<IReadOnlyList<MigrationHappening>?> NextAsync(CancellationToken cancellation)
    {
        await _bell.Reader.ReadAsync(cancellation);
        lock (_gate)
        {
            if (_tooSlow)
            {
                // Whoever asks once more is told the same.
                _bell.Writer.TryWrite(true);
                return null;
            }

            var next = _happenings;
            foreach (var (migrationId, reading) in _readings)
            {
                next.Add(new MigrationHappening { MigrationId = migrationId.ToString(), Reading = reading });
            }

            _happenings = [];
            _readings = [];
            return next;
        }
    }

    public void Dispose() => feed.Leave(this);

    private static ReadOnlySpan<LifecyclePhase> Phases(Transition transition) =>
        new[] { MigrationMessages.Phase(transition.From), MigrationMessages.Phase(transition.To) }.OfType<LifecyclePhase>().ToArray();

    private WatchPosition Position(Guid migrationId)
    {
        if (!_positions.TryGetValue(migrationId, out var position))
        {
            _positions[migrationId] = position = new WatchPosition { Wanted = true };
        }

        return position;
    }

    private void Add(MigrationHappening happening)
    {
        if (_happenings.Count >= capacity)
        {
            _tooSlow = true;
            _happenings = [];
        }

        if (_tooSlow)
        {
            _readings.Clear();
        }
        else
        {
            _happenings.Add(happening);
        }
    }
}
