using System.Collections.Concurrent;
using Npgsql;
using Orchestrator.ControlPlane.Database.Notifications;
using Orchestrator.ControlPlane.Migrations.Supervision;

namespace Orchestrator.ControlPlane.Migrations.Wishes;

/// <summary>
/// Brings wishes that other replicas were asked for to the supervisors here, and their answers to the table; rings for those here who wait
/// for an answer from elsewhere. A wish whose commander dies is granted by the next one.
/// </summary>
internal sealed partial class WishDesk(
    WishPost wishes, MigrationSupervisors supervisors, NotificationListener notifications, TimeProvider clock, ILogger<WishDesk> logger)
    : BackgroundService
{
    /// <summary>Whoever asked has given up long before; a pause asked for this long ago is not what anybody wants now.</summary>
    private static readonly TimeSpan s_stale = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan s_lookEvery = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<WishEar, bool> _ears = new();
    private readonly ConcurrentDictionary<(Guid MigrationId, Guid WishId), Task> _inHand = new();
    private readonly SemaphoreSlim _bell = new(0, 1);

    /// <summary>Hears of answers to wishes about the migration.</summary>
    public WishEar Listen(Guid migrationId)
    {
        var ear = new WishEar(migrationId, gone => _ears.TryRemove(gone, out _));
        _ears[ear] = true;
        return ear;
    }

    public override void Dispose()
    {
        _bell.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var heard = notifications.Subscribe(NotificationChannel.Wish, Hear, Ring);
        while (!stoppingToken.IsCancellationRequested)
        {
            // What was asked before a migration was taken over rings for nobody: hence the beat.
            await _bell.WaitAsync(s_lookEvery, stoppingToken);
            if (supervisors.Supervised().Count == 0)
            {
                continue;
            }

            try
            {
                foreach (var wish in await wishes.Store.ListOpenAsync(clock.GetUtcNow() - s_stale, stoppingToken))
                {
                    if (supervisors.Supervises(wish.MigrationId))
                    {
                        _ = _inHand.GetOrAdd((wish.MigrationId, wish.WishId), _ => Task.Run(() => GrantAsync(wish, stoppingToken), stoppingToken));
                    }
                }
            }
            catch (NpgsqlException outage)
            {
                LogDatabase(outage.Message);
            }
        }
    }

    private void Hear(string payload)
    {
        if (Guid.TryParse(payload, out var migrationId))
        {
            foreach (var ear in _ears.Keys.Where(ear => ear.MigrationId == migrationId))
            {
                ear.Ring();
            }

            if (supervisors.Supervises(migrationId))
            {
                Ring();
            }
        }
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

    private async Task GrantAsync(StoredWish stored, CancellationToken cancellation)
    {
        try
        {
            if (await wishes.Reader.ReadAsync(stored, cancellation) is not { } wish)
            {
                LogUnreadable(stored.MigrationId, stored.WishId);
                return;
            }

            // Without an answer it stays open: for the next look, or the next commander.
            if (await supervisors.AskAsync(stored.MigrationId, wish, cancellation) is { Migration: not null } answer)
            {
                await wishes.Store.AnswerAsync(stored, answer.Outcome, clock.GetUtcNow(), cancellation);
            }
        }
        catch (NpgsqlException outage)
        {
            LogDatabase(outage.Message);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Open still.
        }
        finally
        {
            _inHand.TryRemove((stored.MigrationId, stored.WishId), out _);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "Callers' wishes could not be read or answered just now: {Problem}")]
    private partial void LogDatabase(string problem);

    [LoggerMessage(2, LogLevel.Warning, "Migration {MigrationId}: wish {WishId} is not of this release or its policy is gone; leaving it.")]
    private partial void LogUnreadable(Guid migrationId, Guid wishId);
}

/// <summary>How wishes are written down and read.</summary>
internal sealed record WishPost(WishStore Store, WishReader Reader);

/// <summary>One who waits for an answer.</summary>
internal sealed class WishEar(Guid migrationId, Action<WishEar> leave) : IDisposable
{
    private TaskCompletionSource _rung = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Guid MigrationId => migrationId;

    public void Ring() => Volatile.Read(ref _rung).TrySetResult();

    /// <summary>Until it rings, or for as long.</summary>
    public async Task WaitAsync(TimeSpan longest, TimeProvider clock, CancellationToken cancellation)
    {
        try
        {
            await Volatile.Read(ref _rung).Task.WaitAsync(longest, clock, cancellation);
            Volatile.Write(ref _rung, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }
        catch (TimeoutException)
        {
            // It is looked at all the same.
        }
    }

    public void Dispose() => leave(this);
}
