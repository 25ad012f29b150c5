using Dapper;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Database.Notifications;

namespace Orchestrator.ControlPlane.Migrations.Ledger;

/// <summary>
/// Who commands a migration: replica_id and epoch of its row. Whoever takes one up raises the epoch, and from then on everybody with a lower
/// one writes nothing.
/// </summary>
internal sealed class MigrationClaims(DatabaseGate database)
{
    /// <summary>Taken in one statement at most; there may be more.</summary>
    public const int Batch = 200;

    private const string NotEnded = MigrationStore.NotEnded;

    /// <summary>
    /// Takes migrations that nobody commands: given away, never taken, or their replica's lease has run out. One replica's fair share of
    /// them among those that live; what the others leave is had the next time. Any number of replicas may do so at once.
    /// </summary>
    /// <param name="fromOthers">Also those of replicas whose lease has run out.</param>
    /// <returns>Under their new epoch. None when this replica has no lease.</returns>
    public Task<IReadOnlyList<Migration>> ClaimAsync(Guid replicaId, bool fromOthers, CancellationToken cancellation)
    {
        // The rule, and the only place of it: what is under way, and what waits and has a slot, may be taken up when nobody commands it. What
        // waits is had by way of the slots, since most of it has none.
        const string NobodyCommands =
            "(m.replica_id IS NULL OR (@fromOthers AND NOT EXISTS (SELECT FROM living_replicas l WHERE l.replica_id = m.replica_id)))";
        const string Sql = $"""
            WITH takers AS (
                SELECT replica_id FROM living_replicas WHERE NOT leaving),
            free AS MATERIALIZED (
                SELECT m.migration_id, m.epoch
                  FROM migrations m
                 WHERE {NotEnded} AND m.phase <> 'Queued' AND {NobodyCommands}
                 UNION ALL
                SELECT m.migration_id, m.epoch
                  FROM migration_slots s
                  JOIN migrations m ON m.migration_id = s.migration_id
                 WHERE m.phase = 'Queued' AND {NobodyCommands}),
            loads AS (
                SELECT (SELECT count(*) FROM takers) AS takers,
                       (SELECT count(*) FROM free) AS free,
                       count(*) AS commanded,
                       count(*) FILTER (WHERE m.replica_id = @replicaId) AS mine
                  FROM migrations m
                 WHERE {NotEnded} AND m.replica_id IN (SELECT replica_id FROM takers)),
            share AS (
                SELECT least(@batch, greatest(ceil(free::numeric / takers), ceil((free + commanded)::numeric / takers) - mine)) AS most
                  FROM loads
                 WHERE EXISTS (SELECT FROM free) AND EXISTS (SELECT FROM takers WHERE replica_id = @replicaId)),
            taken AS (
                SELECT m.migration_id
                  FROM migrations m
                  JOIN free ON free.migration_id = m.migration_id
                 WHERE m.epoch = free.epoch AND {NotEnded}
                 ORDER BY m.created_at
                 LIMIT coalesce((SELECT most FROM share), 0)
                   FOR UPDATE OF m SKIP LOCKED)
            UPDATE migrations m
               SET replica_id = @replicaId, epoch = m.epoch + 1, revision = m.revision + 1
              FROM taken
             WHERE m.migration_id = taken.migration_id
            RETURNING {MigrationRow.Columns}
            """;
        return TakeAsync(Sql, new { replicaId, fromOthers, batch = Batch }, cancellation);
    }

    /// <summary>Takes up once more what the ledger says this replica commands, after it had lost its lease and nobody else took it.</summary>
    /// <param name="except">Which it does command.</param>
    public Task<IReadOnlyList<Migration>> AdoptOwnAsync(Guid replicaId, IReadOnlyCollection<Guid> except, CancellationToken cancellation)
    {
        const string Sql = $"""
            UPDATE migrations m
               SET epoch = m.epoch + 1, revision = m.revision + 1
             WHERE m.replica_id = @replicaId AND {NotEnded} AND NOT m.migration_id = ANY (@except)
            RETURNING {MigrationRow.Columns}
            """;
        return TakeAsync(Sql, new { replicaId, except = except.ToArray() }, cancellation);
    }

    /// <summary>The same for one.</summary>
    /// <returns>Null when it has ended, or another replica has it.</returns>
    public async Task<Migration?> AdoptAsync(Guid migrationId, Guid replicaId, CancellationToken cancellation)
    {
        const string Sql = $"""
            UPDATE migrations m
               SET epoch = m.epoch + 1, revision = m.revision + 1
             WHERE m.migration_id = @migrationId AND m.replica_id = @replicaId AND {NotEnded}
            RETURNING {MigrationRow.Columns}
            """;
        return (await TakeAsync(Sql, new { migrationId, replicaId }, cancellation)).SingleOrDefault();
    }

    /// <summary>What the ledger says this replica commands.</summary>
    public Task<IReadOnlyList<Guid>> ListOwnAsync(Guid replicaId, CancellationToken cancellation)
    {
        const string Sql = $"SELECT m.migration_id FROM migrations m WHERE m.replica_id = @replicaId AND {NotEnded}";
        return database.RunAsync<IReadOnlyList<Guid>>(
            async (connection, token) =>
                [.. await connection.QueryAsync<Guid>(new CommandDefinition(Sql, new { replicaId }, cancellationToken: token))],
            cancellation);
    }

    /// <summary>Gives away all that this replica commands, once none of its supervisors is left, and rings for the others.</summary>
    /// <returns>How many.</returns>
    public Task<long> ReleaseAsync(Guid replicaId, CancellationToken cancellation)
    {
        const string Sql = $"""
            WITH released AS (
                UPDATE migrations m
                   SET replica_id = NULL, revision = m.revision + 1
                 WHERE m.replica_id = @replicaId AND {NotEnded}
             RETURNING m.migration_id)
            SELECT count(*), (SELECT pg_notify('{NotificationChannel.Replica}', @replicaId::text)) FROM released
            """;
        return database.RunAsync(
            (connection, token) => connection.ExecuteScalarAsync<long>(new CommandDefinition(Sql, new { replicaId }, cancellationToken: token)),
            cancellation);
    }

    private Task<IReadOnlyList<Migration>> TakeAsync(string sql, object parameters, CancellationToken cancellation) =>
        database.RunAsync<IReadOnlyList<Migration>>(
            async (connection, token) => [.. (await connection.QueryAsync<MigrationRow>(
                new CommandDefinition(sql, parameters, cancellationToken: token))).Select(row => row.ToMigration())],
            cancellation);
}
