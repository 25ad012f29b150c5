using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.ControlPlane.Queue;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations.Watching;

/// <summary>Serves one watcher: a snapshot first, then whatever happens, until the end, its own or the server's.</summary>
internal sealed class MigrationWatch(MigrationStore migrations, MigrationFeed feed, QueueWords queue, IHostApplicationLifetime lifetime)
{
    private const int SnapshotPage = 500;

    /// <summary>Ends after the end of the migration.</summary>
    /// <returns>False when there is no such migration.</returns>
    public async Task<bool> FollowAsync(Guid migrationId, Func<MigrationHappening, Task> tell, CancellationToken cancellation)
    {
        // First to listen, then to look: what happens in between is told twice rather than not at all.
        using var watcher = feed.Watch(migrationId, new MigrationQuery("", "", [], false));
        if (await migrations.FindAsync(migrationId, cancellation) is not { } migration)
        {
            return false;
        }

        watcher.Catch(migration);
        await tell(await queue.AddAsync(feed.Snapshot(migration), cancellation));
        if (!migration.HasEnded)
        {
            await FollowAsync(watcher, (ulong)migration.Revision, tell, ended => ended, cancellation);
        }

        return true;
    }

    /// <summary>Without end. First a snapshot of each that is running and matches.</summary>
    public async Task FollowAsync(MigrationQuery query, Func<MigrationHappening, Task> tell, CancellationToken cancellation)
    {
        using var watcher = feed.Watch(null, query);
        MigrationKey? before = null;
        while (true)
        {
            var page = await migrations.ListAsync(query with { RunningOnly = true }, before, SnapshotPage, cancellation);
            foreach (var migration in page)
            {
                watcher.Catch(migration);
                await tell(await queue.AddAsync(feed.Snapshot(migration), cancellation));
            }

            if (page.Count < SnapshotPage)
            {
                break;
            }

            before = new MigrationKey(page[^1].CreatedAt, page[^1].MigrationId);
        }

        await FollowAsync(watcher, 0, tell, _ => false, cancellation);
    }

    /// <param name="known">Snapshots up to this revision tell nothing new.</param>
    /// <param name="isLast">Whether a snapshot of an ended migration is the last word.</param>
    private async Task FollowAsync(
        MigrationWatcher watcher, ulong known, Func<MigrationHappening, Task> tell, Func<bool, bool> isLast, CancellationToken cancellation)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation, lifetime.ApplicationStopping);
        while (true)
        {
            IReadOnlyList<MigrationHappening>? happenings;
            try
            {
                happenings = await watcher.NextAsync(ending.Token);
            }
            catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested && !cancellation.IsCancellationRequested)
            {
                throw MigrationErrors.ShuttingDown();
            }

            foreach (var happening in happenings ?? throw MigrationErrors.WatcherTooSlow())
            {
                if (happening.Snapshot?.Revision <= known)
                {
                    continue;
                }

                await tell(await queue.AddAsync(happening, cancellation));
                if (isLast(happening.Snapshot?.EndedAt is not null))
                {
                    return;
                }
            }
        }
    }
}
