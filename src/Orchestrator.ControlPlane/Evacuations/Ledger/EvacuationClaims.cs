using Dapper;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Database.Notifications;

namespace Orchestrator.ControlPlane.Evacuations.Ledger;

/// <summary>
/// Who conducts an evacuation: replica_id and epoch of its row, as with migrations. A conductor reads everything anew at each step, so there
/// is nothing more to hand over.
/// </summary>
internal sealed class EvacuationClaims(DatabaseGate database)
{
    private const int Batch = 50;

    /// <summary>
    /// Takes evacuations that nobody conducts, this replica's fair share of them; what the others leave is had the next time. Any number of
    /// replicas may do so at once.
    /// </summary>
    /// <param name="fromOthers">Also those of replicas whose lease has run out.</param>
    /// <returns>How many. None when this replica has no lease.</returns>
    public Task<int> ClaimAsync(Guid replicaId, bool fromOthers, CancellationToken cancellation)
    {
        const string Sql = """
            WITH takers AS (
                SELECT replica_id FROM living_replicas WHERE NOT leaving),
            free AS MATERIALIZED (
                SELECT e.evacuation_id, e.epoch
                  FROM evacuations e
                 WHERE e.ended_at IS NULL
                   AND (e.replica_id IS NULL
                        OR (@fromOthers AND NOT EXISTS (SELECT FROM living_replicas l WHERE l.replica_id = e.replica_id)))),
            loads AS (
                SELECT (SELECT count(*) FROM takers) AS takers,
                       (SELECT count(*) FROM free) AS free,
                       count(*) AS conducted,
                       count(*) FILTER (WHERE e.replica_id = @replicaId) AS mine
                  FROM evacuations e
                 WHERE e.ended_at IS NULL AND e.replica_id IN (SELECT replica_id FROM takers)),
            share AS (
                SELECT least(@batch, greatest(ceil(free::numeric / takers), ceil((free + conducted)::numeric / takers) - mine)) AS most
                  FROM loads
                 WHERE EXISTS (SELECT FROM free) AND EXISTS (SELECT FROM takers WHERE replica_id = @replicaId)),
            taken AS (
                SELECT e.evacuation_id
                  FROM evacuations e
                  JOIN free ON free.evacuation_id = e.evacuation_id
                 WHERE e.epoch = free.epoch AND e.ended_at IS NULL
                 ORDER BY e.created_at
                 LIMIT coalesce((SELECT most FROM share), 0)
                   FOR UPDATE OF e SKIP LOCKED)
            UPDATE evacuations e
               SET replica_id = @replicaId, epoch = e.epoch + 1, revision = e.revision + 1
              FROM taken
             WHERE e.evacuation_id = taken.evacuation_id
            """;
        return database.RunAsync(
            (connection, token) => connection.ExecuteAsync(
                new CommandDefinition(Sql, new { replicaId, fromOthers, batch = Batch }, cancellationToken: token)),
            cancellation);
    }

    /// <summary>What the ledger says this replica conducts, and under which epoch.</summary>
    public Task<IReadOnlyList<(Guid EvacuationId, long Epoch)>> ListOwnAsync(Guid replicaId, CancellationToken cancellation)
    {
        const string Sql = "SELECT evacuation_id, epoch FROM evacuations WHERE replica_id = @replicaId AND ended_at IS NULL";
        return database.RunAsync<IReadOnlyList<(Guid, long)>>(
            async (connection, token) => [.. await connection.QueryAsync<(Guid, long)>(
                new CommandDefinition(Sql, new { replicaId }, cancellationToken: token))],
            cancellation);
    }

    /// <summary>Gives away all that this replica conducts, once none of its conductors is left, and rings for the others.</summary>
    /// <returns>How many.</returns>
    public Task<long> ReleaseAsync(Guid replicaId, CancellationToken cancellation)
    {
        const string Sql = $"""
            WITH released AS (
                UPDATE evacuations e
                   SET replica_id = NULL, revision = e.revision + 1
                 WHERE e.replica_id = @replicaId AND e.ended_at IS NULL
             RETURNING e.evacuation_id)
            SELECT count(*), (SELECT pg_notify('{NotificationChannel.Replica}', @replicaId::text)) FROM released
            """;
        return database.RunAsync(
            (connection, token) => connection.ExecuteScalarAsync<long>(new CommandDefinition(Sql, new { replicaId }, cancellationToken: token)),
            cancellation);
    }
}
