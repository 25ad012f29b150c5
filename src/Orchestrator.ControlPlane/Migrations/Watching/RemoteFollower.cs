using System.Collections.Concurrent;
using Npgsql;
using Orchestrator.ControlPlane.Database.Notifications;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.ControlPlane.Migrations.Supervision;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations.Watching;

/// <summary>
/// Tells this replica's watchers what other replicas do: on a notification it reads on where the watchers were, and on a slow beat, and
/// after notifications may have been lost, it compares with the whole ledger. Readings are not notified of but read once a second.
/// Without watchers it does nothing.
/// </summary>
internal sealed partial class RemoteFollower(
    WatchSources sources, MigrationSupervisors supervisors, NotificationListener notifications, TimeProvider clock,
    ILogger<RemoteFollower> logger) : BackgroundService
{
    private const int Batch = 500;

    private static readonly TimeSpan s_readingsEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_compareEvery = TimeSpan.FromSeconds(3);

    // Longer than the time between two comparisons by far, and than clocks differ.
    private static readonly TimeSpan s_recent = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<Guid, bool> _changed = new();
    private readonly ConcurrentDictionary<Guid, Reading> _read = new();
    private readonly SemaphoreSlim _bell = new(0, 1);
    private volatile bool _missed;
    private long _readAt = clock.GetTimestamp();
    private long _comparedAt = clock.GetTimestamp();

    private MigrationFeed Feed => sources.Feed;

    public override void Dispose()
    {
        _bell.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var heard = notifications.Subscribe(NotificationChannel.Migration, Hear, Miss);
        Feed.Gap += Note;
        try
        {
            while (!stoppingToken.IsCancellationRequested)
            {
                await _bell.WaitAsync(s_readingsEvery, stoppingToken);
                await LookAsync(stoppingToken);
            }
        }
        finally
        {
            Feed.Gap -= Note;
        }
    }

    private async Task LookAsync(CancellationToken cancellation)
    {
        if (Feed.Watchers.Count == 0)
        {
            _changed.Clear();
            _read.Clear();
            return;
        }

        try
        {
            if (_missed || clock.GetElapsedTime(_comparedAt) >= s_compareEvery)
            {
                _missed = false;
                _comparedAt = clock.GetTimestamp();
                await CompareAsync(cancellation);
            }

            await CatchUpAsync(cancellation);
            if (clock.GetElapsedTime(_readAt) >= s_readingsEvery)
            {
                _readAt = clock.GetTimestamp();
                await ReadAsync(cancellation);
            }
        }
        catch (NpgsqlException outage)
        {
            _missed = true;
            LogDatabase(outage.Message);
        }
    }

    private void Hear(string payload)
    {
        // What is commanded here is published by its supervisor.
        if (Guid.TryParse(payload, out var migrationId) && Feed.Watchers.Count > 0 && !supervisors.Supervises(migrationId))
        {
            Note(migrationId);
        }
    }

    private void Miss()
    {
        _missed = true;
        Ring();
    }

    private void Note(Guid migrationId)
    {
        _changed[migrationId] = true;
        Ring();
    }

    private void Ring()
    {
        try
        {
            _bell.Release();
        }
        catch (SemaphoreFullException)
        {
            // It has been rung and not been heard yet.
        }
    }

    private async Task CompareAsync(CancellationToken cancellation)
    {
        var watchers = Feed.Watchers;
        var ledger = await sources.Migrations.ListPositionsAsync(
            [.. watchers.SelectMany(watcher => watcher.Running()).Distinct()],
            onlyNamed: watchers.All(watcher => watcher.Only is not null),
            clock.GetUtcNow() - s_recent,
            cancellation);
        foreach (var position in ledger.Where(position => watchers.Any(watcher => watcher.IsBehind(position))))
        {
            _changed[position.MigrationId] = true;
        }

        foreach (var watcher in watchers)
        {
            watcher.Compared(ledger);
        }
    }

    private async Task CatchUpAsync(CancellationToken cancellation)
    {
        while (_changed.Keys.Take(Batch).ToArray() is { Length: > 0 } changed)
        {
            foreach (var migrationId in changed)
            {
                _changed.TryRemove(migrationId, out _);
            }

            foreach (var migration in await sources.Migrations.ListAsync(changed, cancellation))
            {
                await TellAsync(migration, cancellation);
            }
        }
    }

    private async Task TellAsync(Migration migration, CancellationToken cancellation)
    {
        var id = migration.MigrationId;
        var watchers = Feed.Watchers;
        if (!watchers.Any(watcher => watcher.IsBehind(Position(migration))))
        {
            return;
        }

        var settled = watchers.Where(watcher => watcher.Only is null || watcher.Only == id).Select(watcher => watcher.SettledDecisions(id))
            .DefaultIfEmpty(0U).Min();
        var transitions = await sources.History.ListTransitionsAsync(id, cancellation);
        var decisions = migration.LastDecision > settled
            ? await sources.History.ListDecisionsAsync(id, (int)settled, int.MaxValue, cancellation)
            : [];

        // Read after the row: what is newer is told with the next notification, and its state with it.
        Feed.Publish(new MigrationStory(
            migration,
            [.. transitions.Where(transition => transition.Sequence <= migration.LastTransition)],
            [.. decisions.Where(decision => decision.Sequence <= migration.LastDecision)]));
    }

    private static LedgerPosition Position(Migration migration) =>
        new(migration.MigrationId, migration.LastTransition, migration.LastDecision, migration.HasEnded);

    private async Task ReadAsync(CancellationToken cancellation)
    {
        var watchers = Feed.Watchers.Select(watcher => (Watcher: watcher, Running: watcher.Running())).ToList();
        var wanted = watchers.SelectMany(watcher => watcher.Running).Where(id => !supervisors.Supervises(id)).Distinct().ToArray();
        foreach (var gone in _read.Keys.Except(wanted).ToList())
        {
            _read.TryRemove(gone, out _);
        }

        if (wanted.Length == 0)
        {
            return;
        }

        var latest = await sources.History.ListLatestReadingsAsync(wanted, clock.GetUtcNow() - s_recent, cancellation);
        foreach (var (migrationId, reading) in latest.Where(read => !read.Value.Equals(_read.GetValueOrDefault(read.Key))))
        {
            _read[migrationId] = reading;
            foreach (var (watcher, _) in watchers.Where(watcher => watcher.Running.Contains(migrationId)))
            {
                watcher.Offer(migrationId, reading);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "What other replicas do could not be read just now ({Problem}); watchers catch up later.")]
    private partial void LogDatabase(string problem);
}

/// <summary>What watchers are told from.</summary>
internal sealed record WatchSources(MigrationStore Migrations, MigrationHistory History, MigrationFeed Feed);
