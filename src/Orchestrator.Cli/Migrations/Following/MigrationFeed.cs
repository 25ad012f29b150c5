using Orchestrator.Cli.Invocation;
using Orchestrator.V1;

namespace Orchestrator.Cli.Migrations.Following;

/// <summary>
/// Follows migrations across lost connections. After a reconnect the server's snapshots catch up with the state; what they do not hold
/// (decisions made meanwhile, migrations that ended meanwhile) is asked for.
/// </summary>
internal sealed class MigrationFeed(Connection connection, TimeSpan patience, TimeProvider clock)
{
    /// <summary>Follows one migration to its end.</summary>
    /// <param name="known">
    /// The server has told of the migration a moment ago, so that not reaching it now is an outage and no wrong address.
    /// </param>
    /// <param name="untilAttention">End also where the migration needs attention.</param>
    public async Task FollowAsync(
        string migrationId, bool known, bool untilAttention, Action<FeedEvent> tell, CancellationToken cancellation)
    {
        var outage = new Outage(patience, clock);
        if (known)
        {
            outage.ContactMade();
        }

        var attempt = new Attempt(outage, new DecisionsSeen(), tell);
        await RetryAsync(outage, tell, () => FollowOnceAsync(migrationId, untilAttention, attempt, cancellation), cancellation);
    }

    /// <summary>Follows all migrations that match, without end.</summary>
    public async Task FollowAllAsync(MigrationFilter filter, Action<FeedEvent> tell, CancellationToken cancellation)
    {
        var outage = new Outage(patience, clock);
        var running = new HashSet<string>(StringComparer.Ordinal);
        await RetryAsync(outage, tell, () => FollowAllOnceAsync(filter, running, outage, tell, cancellation), cancellation);
    }

    private static Task RetryAsync(Outage outage, Action<FeedEvent> tell, Func<Task<bool>> followOnce, CancellationToken cancellation) =>
        outage.RetryAsync((why, delay) => tell(new FeedEvent.Lost(why, delay)), followOnce, cancellation);

    /// <returns>False when the server ended the stream although the migration goes on.</returns>
    private async Task<bool> FollowOnceAsync(string migrationId, bool untilAttention, Attempt attempt, CancellationToken cancellation)
    {
        using var call = connection.Migrations.WatchMigration(
            new WatchMigrationRequest { MigrationId = migrationId }, cancellationToken: cancellation);
        Migration? latest = null;
        for (var first = true; await call.ResponseStream.MoveNext(cancellation); first = false)
        {
            var happening = call.ResponseStream.Current.Happening;
            latest = happening.Snapshot ?? latest;
            attempt.Tell(happening);
            if (first)
            {
                // The server is watching now, so no decision falls between this list and the stream; one in both is told once.
                foreach (var decision in await DecisionsAsync(migrationId, cancellation))
                {
                    attempt.Tell(new MigrationHappening { MigrationId = migrationId, Decision = decision });
                }
            }

            if (untilAttention && latest?.Phase == MigrationPhase.NeedsAttention)
            {
                return true;
            }
        }

        if (latest is not null && MigrationEnd.IsReached(latest.Phase))
        {
            return true;
        }

        var now = await connection.Migrations.GetMigrationAsync(
            new GetMigrationRequest { MigrationId = migrationId }, connection.Call(cancellation));
        attempt.Tell(new MigrationHappening { MigrationId = migrationId, Snapshot = now.Migration });
        return MigrationEnd.IsReached(now.Migration.Phase);
    }

    private async Task<bool> FollowAllOnceAsync(
        MigrationFilter filter, HashSet<string> running, Outage outage, Action<FeedEvent> tell, CancellationToken cancellation)
    {
        using var call = connection.Migrations.WatchMigrations(
            new WatchMigrationsRequest { Filter = filter }, cancellationToken: cancellation);

        // Nothing may be running, and then the stream says nothing: the list proves that the server is there.
        await connection.Migrations.ListMigrationsAsync(
            new ListMigrationsRequest { Filter = filter, PageSize = 1 }, connection.Call(cancellation));
        if (outage.IsOn)
        {
            tell(new FeedEvent.Restored());
        }

        outage.ContactMade();
        foreach (var migrationId in running.ToList())
        {
            var now = await connection.Migrations.GetMigrationAsync(
                new GetMigrationRequest { MigrationId = migrationId }, connection.Call(cancellation));
            Tell(new MigrationHappening { MigrationId = migrationId, Snapshot = now.Migration });
        }

        while (await call.ResponseStream.MoveNext(cancellation))
        {
            Tell(call.ResponseStream.Current.Happening);
            outage.ContactMade();
        }

        return false;

        void Tell(MigrationHappening happening)
        {
            if (happening.Snapshot is { } snapshot)
            {
                _ = MigrationEnd.IsReached(snapshot.Phase) ? running.Remove(snapshot.MigrationId) : running.Add(snapshot.MigrationId);
            }

            tell(new FeedEvent.Happened(happening));
        }
    }

    private async Task<IReadOnlyList<Decision>> DecisionsAsync(string migrationId, CancellationToken cancellation)
    {
        var answer = await Paging.CollectAsync(
            0,
            async (size, token) => await connection.Migrations.ListDecisionsAsync(
                new ListDecisionsRequest { MigrationId = migrationId, PageSize = size, PageToken = token }, connection.Call(cancellation)),
            page => page.Decisions.Count,
            page => page.NextPageToken);
        return answer.Decisions;
    }

    /// <summary>What is the same for one connection after the other.</summary>
    private sealed record Attempt(Outage Outage, DecisionsSeen Decisions, Action<FeedEvent> Listener)
    {
        public void Tell(MigrationHappening happening)
        {
            if (Outage.IsOn)
            {
                Listener(new FeedEvent.Restored());
            }

            Outage.ContactMade();
            if (happening.Decision is null || Decisions.IsNew(happening.Decision))
            {
                Listener(new FeedEvent.Happened(happening));
            }
        }
    }
}
