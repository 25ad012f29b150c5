using Dapper;
using Orchestrator.ControlPlane.Database;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>What is taken of hosts, as the ledger has it. Reads others' tables and owns none.</summary>
internal sealed class HostUseStore(DatabaseGate database)
{
    /// <returns>By host; one that is not known is as empty as any other.</returns>
    public Task<IReadOnlyDictionary<string, HostUse>> ListAsync(IReadOnlyCollection<string> hostIds, CancellationToken cancellation)
    {
        const string Sql = """
            SELECT host.host_id AS HostId, there.guests, there.memory AS Memory, there.vcpus AS Vcpus,
                   held.memory AS MemoryReserved, held.vcpus AS VcpusReserved, leaving.moves AS MovesOut, coming.moves AS MovesIn
              FROM unnest(@hostIds) AS host (host_id)
             CROSS JOIN LATERAL (
                SELECT count(*) AS guests, coalesce(sum((spec ->> 'memoryBytes')::numeric), 0) AS memory,
                       coalesce(sum((spec ->> 'vcpus')::bigint), 0)::bigint AS vcpus
                  FROM guests
                 WHERE guests.host_id = host.host_id) AS there
             CROSS JOIN LATERAL (
                SELECT coalesce(sum(memory_bytes), 0)::bigint AS memory, coalesce(sum(vcpus), 0)::bigint AS vcpus
                  FROM migration_slots
                 WHERE target_host_id = host.host_id) AS held
             CROSS JOIN LATERAL (
                SELECT count(*) AS moves
                  FROM migrations
                 WHERE source_host_id = host.host_id AND phase NOT IN ('Completed', 'Cancelled', 'Failed')
                   AND phase NOT IN ('Requested', 'Queued')) AS leaving
             CROSS JOIN LATERAL (
                SELECT count(*) AS moves
                  FROM migrations
                 WHERE target_host_id = host.host_id AND phase NOT IN ('Completed', 'Cancelled', 'Failed')
                   AND phase NOT IN ('Requested', 'Queued')) AS coming
            """;
        return database.RunAsync<IReadOnlyDictionary<string, HostUse>>(
            async (connection, token) => (await connection.QueryAsync<Row>(
                new CommandDefinition(Sql, new { hostIds = hostIds.ToArray() }, cancellationToken: token)))
                .ToDictionary(row => row.HostId, row => row.ToUse(), StringComparer.Ordinal),
            cancellation);
    }

    /// <summary>Positional on purpose: a column that does not fit throws instead of staying at its default.</summary>
    private sealed record Row(
        string HostId,
        long Guests,
        decimal Memory,
        long Vcpus,
        long MemoryReserved,
        long VcpusReserved,
        long MovesOut,
        long MovesIn)
    {
        public HostUse ToUse() => new()
        {
            Guests = (uint)Guests,
            MemoryGuestsBytes = (ulong)Memory,
            MemoryReservedBytes = (ulong)MemoryReserved,
            VcpusGuests = (uint)Vcpus,
            VcpusReserved = (uint)VcpusReserved,
            MigrationsOut = (uint)MovesOut,
            MigrationsIn = (uint)MovesIn,
        };
    }
}
