using System.Globalization;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.ControlPlane.Migrations.Watching;
using Orchestrator.ControlPlane.Queue;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations;

/// <summary>Pages of what the ledger has, with what is newer in memory.</summary>
internal sealed class MigrationReadout(WatchSources sources, QueueWords queue)
{
    private const string NoToken = "is no token of an earlier page";

    private readonly MigrationStore _migrations = sources.Migrations;
    private readonly MigrationHistory _history = sources.History;

    public V1.Migration Word(Migration migration) => MigrationMessages.Of(migration, sources.Feed.LatestReading(migration.MigrationId));

    public async Task<GetMigrationResponse?> FindAsync(Guid migrationId, CancellationToken cancellation) =>
        await _migrations.FindAsync(migrationId, cancellation) is not { } migration ? null : new GetMigrationResponse
        {
            Migration = (await WordAsync([migration], cancellation))[0],
            Transitions = { await _history.ListTransitionsAsync(migrationId, cancellation) },
        };

    public async Task<ListMigrationsResponse> ListAsync(
        MigrationQuery query, MigrationKey? before, int size, CancellationToken cancellation)
    {
        // One more than asked for tells whether there is another page.
        var found = await _migrations.ListAsync(query, before, size + 1, cancellation);
        var response = new ListMigrationsResponse { Migrations = { await WordAsync([.. found.Take(size)], cancellation) } };
        if (found.Count > size)
        {
            var last = found[size - 1];
            response.NextPageToken = PageToken.For(string.Create(
                CultureInfo.InvariantCulture, $"{last.CreatedAt.UtcTicks}/{last.MigrationId}"));
        }

        return response;
    }

    /// <summary>With the newest reading: from memory when it is commanded here, else as its commander wrote it.</summary>
    private async Task<IReadOnlyList<V1.Migration>> WordAsync(IReadOnlyList<Migration> found, CancellationToken cancellation)
    {
        var elsewhere = found
            .Where(migration => migration is { HasEnded: false, ReplicaId: not null } && sources.Feed.LatestReading(migration.MigrationId) is null)
            .ToList();
        var latest = elsewhere.Count == 0
            ? new Dictionary<Guid, Reading>()
            : await _history.ListLatestReadingsAsync(
                [.. elsewhere.Select(migration => migration.MigrationId)], elsewhere.Min(migration => migration.CreatedAt), cancellation);
        var worded = found.Select(migration => latest.GetValueOrDefault(migration.MigrationId) is { } reading
            && !(migration.LatestReading?.At.CompareTo(reading.At) > 0) ? MigrationMessages.Of(migration, reading) : Word(migration)).ToList();
        return await queue.AddAsync(worded, cancellation);
    }

    /// <returns>Null when there is no such migration.</returns>
    public async Task<ListDecisionsResponse?> ListDecisionsAsync(Guid migrationId, int after, int size, CancellationToken cancellation)
    {
        var found = await _history.ListDecisionsAsync(migrationId, after, size + 1, cancellation);
        if (found.Count == 0 && await _migrations.FindAsync(migrationId, cancellation) is null)
        {
            return null;
        }

        return new ListDecisionsResponse
        {
            Decisions = { found.Take(size) },
            NextPageToken = found.Count > size
                ? PageToken.For(found[size - 1].Sequence.ToString(CultureInfo.InvariantCulture))
                : "",
        };
    }

    /// <param name="after">Null = from the first.</param>
    /// <returns>Null when there is no such migration.</returns>
    public async Task<ListReadingsResponse?> ListReadingsAsync(
        Guid migrationId, ReadingKey? after, int size, CancellationToken cancellation)
    {
        if (await _migrations.FindAsync(migrationId, cancellation) is not { } migration)
        {
            return null;
        }

        // From the migration's own day on: older partitions need not be looked into.
        var from = after ?? new ReadingKey(migration.CreatedAt, 0);
        var found = await _history.ListReadingsAsync(migrationId, from, size + 1, cancellation);
        var response = new ListReadingsResponse { Readings = { found.Take(size) } };
        if (found.Count > size)
        {
            var last = found[size - 1];
            response.NextPageToken = PageToken.For(string.Create(
                CultureInfo.InvariantCulture, $"{last.At.ToDateTimeOffset().UtcTicks}/{last.Sequence}"));
        }

        return response;
    }

    public static MigrationKey? ReadKey(Violations violations, string token) =>
        Read(violations, token) is not var (at, id) ? null
        : Guid.TryParse(id, out var migrationId) ? new MigrationKey(at, migrationId)
        : Fault<MigrationKey>(violations);

    public static ReadingKey? ReadReadingKey(Violations violations, string token) =>
        Read(violations, token) is not var (at, id) ? null
        : long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var sequence) ? new ReadingKey(at, sequence)
        : Fault<ReadingKey>(violations);

    private static (DateTimeOffset At, string Id)? Read(Violations violations, string token)
    {
        var key = PageToken.Read(violations, "page_token", token);
        if (key.Length == 0)
        {
            return null;
        }

        var parts = key.Split('/');
        if (parts.Length == 2 && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var ticks)
            && ticks <= DateTimeOffset.MaxValue.UtcTicks)
        {
            return (new DateTimeOffset(ticks, TimeSpan.Zero), parts[1]);
        }

        violations.Add("page_token", NoToken);
        return null;
    }

    private static T? Fault<T>(Violations violations)
        where T : class
    {
        violations.Add("page_token", NoToken);
        return null;
    }
}
