using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Orchestrator.V1;
using LifecyclePhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Migrations.Watching;

/// <summary>
/// Tells watchers what happens to running migrations. Publishing never waits: each watcher has a queue of its own, and one that does not
/// keep up is dropped and not waited for.
/// </summary>
internal sealed class MigrationFeed(IOptions<MigrationOptions> options)
{
    private readonly ConcurrentDictionary<Guid, Reading> _latest = new();
    private readonly Lock _gate = new();
    private volatile MigrationWatcher[] _watchers = [];

    /// <summary>A watcher was told of something before which it should have been told something else. Take a note and return.</summary>
    public event Action<Guid>? Gap;

    public IReadOnlyList<MigrationWatcher> Watchers => _watchers;

    /// <summary>Newer than what the row has, while the migration is commanded here.</summary>
    public Reading? LatestReading(Guid migrationId) => _latest.GetValueOrDefault(migrationId);

    /// <param name="only">Null = all that the query matches.</param>
    public MigrationWatcher Watch(Guid? only, MigrationQuery query)
    {
        var watcher = new MigrationWatcher(only, query, options.Value.WatcherQueue, this);
        lock (_gate)
        {
            _watchers = [.. _watchers, watcher];
        }

        return watcher;
    }

    public void Publish(Migration migration, Reading reading)
    {
        _latest[migration.MigrationId] = reading;
        foreach (var watcher in _watchers)
        {
            if (watcher.Wants(migration, migration.Phase))
            {
                watcher.Offer(migration.MigrationId, reading);
            }
        }
    }

    public void Publish(Migration migration, Decision decision)
    {
        foreach (var watcher in _watchers)
        {
            if (watcher.Wants(migration, migration.Phase))
            {
                watcher.Put(migration, decision);
            }
        }
    }

    /// <summary>A transition, and the whole state after it.</summary>
    public void Publish(Migration migration, LifecyclePhase from, Transition transition)
    {
        foreach (var watcher in _watchers)
        {
            if (watcher.Wants(migration, from, migration.Phase))
            {
                watcher.Put(migration, transition, () => Snapshot(migration));
            }
        }

        if (migration.HasEnded)
        {
            Forget(migration.MigrationId);
        }
    }

    /// <summary>What another replica wrote.</summary>
    public void Publish(MigrationStory story)
    {
        foreach (var watcher in _watchers)
        {
            watcher.Put(story, () => Snapshot(story.Migration));
        }
    }

    /// <summary>Nobody here commands it any more: what was last seen of it is not the latest for long.</summary>
    public void Forget(Guid migrationId) => _latest.TryRemove(migrationId, out _);

    public MigrationHappening Snapshot(Migration migration) => new()
    {
        MigrationId = migration.MigrationId.ToString(),
        Snapshot = MigrationMessages.Of(migration, LatestReading(migration.MigrationId)),
    };

    internal void TellGap(Guid migrationId) => Gap?.Invoke(migrationId);

    internal void Leave(MigrationWatcher watcher)
    {
        lock (_gate)
        {
            _watchers = [.. _watchers.Where(other => other != watcher)];
        }
    }
}
