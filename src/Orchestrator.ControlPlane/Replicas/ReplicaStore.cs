using Dapper;
using Npgsql;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Database.Notifications;

namespace Orchestrator.ControlPlane.Replicas;

/// <summary>Owns the table replicas. Leases run by the database's clock: the only one that all replicas share.</summary>
internal sealed class ReplicaStore(DatabaseGate database)
{
    /// <summary>Registers the replica or renews its lease; a row that was cleared away is written anew.</summary>
    /// <param name="connection">The renewer's own: a busy pool must not cost anybody the lease.</param>
    public static async Task RenewAsync(NpgsqlConnection connection, StoredReplica replica, TimeSpan lease, CancellationToken cancellation)
    {
        const string Sql = """
            INSERT INTO replicas (replica_id, endpoint, version, started_at, lease_until, leaving)
            VALUES (@ReplicaId, @Endpoint, @Version, @startedAt, now() + @lease, @Leaving)
            ON CONFLICT (replica_id) DO UPDATE
               SET lease_until = now() + @lease, endpoint = @Endpoint, leaving = @Leaving
            """;
        await connection.ExecuteAsync(new CommandDefinition(
            Sql,
            new { replica.ReplicaId, replica.Endpoint, replica.Version, startedAt = replica.StartedAt.UtcDateTime, replica.Leaving, lease },
            commandTimeout: (int)Math.Ceiling(lease.TotalSeconds),
            cancellationToken: cancellation));
    }

    /// <summary>From now on its lease has run out, and everybody is told.</summary>
    public Task EndAsync(Guid replicaId, CancellationToken cancellation)
    {
        const string Sql = $"""
            WITH ended AS (
                UPDATE replicas SET lease_until = now(), leaving = true WHERE replica_id = @replicaId RETURNING replica_id)
            SELECT count(pg_notify('{NotificationChannel.Replica}', replica_id::text)) FROM ended
            """;
        return database.RunAsync(
            (connection, token) => connection.ExecuteScalarAsync<long>(new CommandDefinition(Sql, new { replicaId }, cancellationToken: token)),
            cancellation);
    }

    /// <summary>Those with a lease and those whose lease ran out in the last hour, in the order of ids; older ones are cleared away.</summary>
    public Task<IReadOnlyList<StoredReplica>> ListAsync(CancellationToken cancellation)
    {
        const string Sql = """
            WITH cleared AS (
                DELETE FROM replicas WHERE lease_until < now() - interval '1 hour')
            SELECT r.replica_id AS ReplicaId, r.endpoint, r.version, r.started_at AS StartedAt, r.leaving, r.lease_until AS LeaseUntil,
                   (SELECT count(*) FROM migrations m
                     WHERE m.replica_id = r.replica_id AND m.phase NOT IN ('Completed', 'Cancelled', 'Failed'))::integer AS Migrations,
                   (SELECT count(*) FROM evacuations e WHERE e.replica_id = r.replica_id AND e.ended_at IS NULL)::integer AS Evacuations
              FROM replicas r
             WHERE r.lease_until >= now() - interval '1 hour'
             ORDER BY r.replica_id
            """;
        return database.RunAsync<IReadOnlyList<StoredReplica>>(
            async (connection, token) => [.. (await connection.QueryAsync<Row>(new CommandDefinition(Sql, cancellationToken: token)))
                .Select(row => row.ToReplica())],
            cancellation);
    }

    /// <summary>Positional on purpose: a column that does not fit throws instead of staying at its default.</summary>
    private sealed record Row(
        Guid ReplicaId, string Endpoint, string Version, DateTime StartedAt, bool Leaving, DateTime LeaseUntil, int Migrations, int Evacuations)
    {
        public StoredReplica ToReplica() => new(ReplicaId, Endpoint, Version, new DateTimeOffset(StartedAt, TimeSpan.Zero), Leaving)
        {
            LeaseUntil = new DateTimeOffset(LeaseUntil, TimeSpan.Zero),
            Migrations = Migrations,
            Evacuations = Evacuations,
        };
    }
}

internal sealed record StoredReplica(Guid ReplicaId, string Endpoint, string Version, DateTimeOffset StartedAt, bool Leaving)
{
    /// <summary>By the database's clock.</summary>
    public DateTimeOffset LeaseUntil { get; init; }

    /// <summary>That it commands.</summary>
    public int Migrations { get; init; }

    /// <summary>That it conducts.</summary>
    public int Evacuations { get; init; }
}
