using Dapper;
using Orchestrator.ControlPlane.Database;

namespace Orchestrator.ControlPlane.Replicas;

/// <summary>Owns the table leases: duties that one replica has at a time.</summary>
internal sealed class LeaseStore(DatabaseGate database)
{
    /// <summary>Takes the lease when nobody has it.</summary>
    /// <param name="fromOthers">Also when another's has run out.</param>
    /// <returns>The epoch it is held under; null when another has it.</returns>
    public Task<long?> AcquireAsync(string name, Guid replicaId, TimeSpan lease, bool fromOthers, CancellationToken cancellation)
    {
        // A repeat after a lost acknowledgement wins it once more, under a higher epoch: nobody is harmed.
        const string Sql = """
            INSERT INTO leases AS l (name, replica_id, epoch, expires_at)
            VALUES (@name, @replicaId, 1, now() + @lease)
            ON CONFLICT (name) DO UPDATE
               SET replica_id = @replicaId, epoch = l.epoch + 1, expires_at = now() + @lease
             WHERE l.replica_id IS NULL OR l.replica_id = @replicaId OR (@fromOthers AND l.expires_at < now())
            RETURNING l.epoch
            """;
        return database.RunAsync(
            (connection, token) => connection.QuerySingleOrDefaultAsync<long?>(
                new CommandDefinition(Sql, new { name, replicaId, lease, fromOthers }, cancellationToken: token)),
            cancellation);
    }

    /// <returns>False when it is another's by now.</returns>
    public Task<bool> RenewAsync(string name, Guid replicaId, long epoch, TimeSpan lease, CancellationToken cancellation)
    {
        const string Sql = """
            UPDATE leases SET expires_at = now() + @lease
             WHERE name = @name AND replica_id = @replicaId AND epoch = @epoch
            """;
        return database.RunAsync(
            async (connection, token) => await connection.ExecuteAsync(
                new CommandDefinition(Sql, new { name, replicaId, epoch, lease }, cancellationToken: token)) == 1,
            cancellation);
    }

    /// <summary>Gives it back, so that another has it at once.</summary>
    public Task ReleaseAsync(string name, Guid replicaId, long epoch, CancellationToken cancellation)
    {
        const string Sql = """
            UPDATE leases SET replica_id = NULL, expires_at = now()
             WHERE name = @name AND replica_id = @replicaId AND epoch = @epoch
            """;
        return database.RunAsync(
            (connection, token) => connection.ExecuteAsync(
                new CommandDefinition(Sql, new { name, replicaId, epoch }, cancellationToken: token)),
            cancellation);
    }
}
