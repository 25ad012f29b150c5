using Dapper;
using Npgsql;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Migrations.Supervision;
using Orchestrator.Policy.Placement;

namespace Orchestrator.ControlPlane.Placement;

/// <summary>Reads what placement decides on: three statements, whatever the size of the fleet. Writes nothing.</summary>
internal sealed class FleetStore(DatabaseGate database, IAgentCalls agents, TimeProvider clock)
{
    // What a guest has where it is, and what is held for it where it goes. Numbers of proto JSON are texts when they have 64 bits; fields
    // at their defaults are not written.
    private const string Guests = """
        SELECT guest_id AS GuestId, coalesce((spec->>'memoryBytes')::bigint, 0) AS MemoryBytes, coalesce((spec->>'vcpus')::int, 1) AS Vcpus,
               coalesce(spec->>'machineType', '') AS MachineType, coalesce(spec->>'cpuModel', '') AS CpuModel,
               coalesce(spec->>'accelerator', '') AS Accelerator, (spec->'vfioDevices')::text AS VfioDevices,
               labels::text AS Labels, placement::text AS Placement, host_id AS HostId, migration_target_host_id AS TargetHostId
          FROM guests
         WHERE host_id IS NOT NULL OR migration_target_host_id IS NOT NULL OR guest_id = ANY (@guestIds)
        """;

    private const string Hosts = """
        SELECT host_id AS HostId, labels::text AS Labels, cordoned, cordon_reason AS CordonReason, description::text AS Description,
               dead_at IS NOT NULL AS Dead
          FROM hosts
        """;

    // The newest of each guest and host is what counts.
    private const string Failures = """
        SELECT guest_id AS GuestId, target_host_id AS HostId, max(ended_at) AS At
          FROM migrations
         WHERE phase = 'Failed' AND ended_at > @since
         GROUP BY guest_id, target_host_id
        """;

    private readonly HostFacts _facts = new();

    /// <summary>All three statements see the same moment.</summary>
    /// <param name="failureMemory">A guest is not sent again to a host where it failed, for this long.</param>
    /// <param name="guestId">A guest that is wanted even when it is on no host; empty = none.</param>
    public Task<FleetReading> ReadAsync(TimeSpan failureMemory, string guestId, CancellationToken cancellation) => database.RunAsync(
        async (connection, token) =>
        {
            await using var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, token);
            return await ReadAsync(connection, failureMemory, guestId.Length > 0 ? [guestId] : [], token);
        },
        cancellation);

    /// <summary>
    /// The same within whatever transaction the connection is in. Whoever means to hold room on what is read here holds a lock before that
    /// keeps all others from doing so.
    /// </summary>
    /// <param name="guestIds">Guests that are wanted even when they are on no host.</param>
    public async Task<FleetReading> ReadAsync(
        NpgsqlConnection connection, TimeSpan failureMemory, IReadOnlyCollection<string> guestIds, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        var rows = await connection.QueryAsync<HostRow>(new CommandDefinition(Hosts, cancellationToken: cancellation));
        var hosts = rows.Select(ToHost).ToDictionary(host => host.HostId, StringComparer.Ordinal);
        _facts.Keep(hosts.Keys.ToHashSet(StringComparer.Ordinal));

        var guests = (await connection.QueryAsync<GuestRow>(new CommandDefinition(Guests, new { guestIds = guestIds.ToArray() }, cancellationToken: cancellation)))
            .AsList();
        var failures = await connection.QueryAsync<FailureRow>(
            new CommandDefinition(Failures, new { since = now - failureMemory }, cancellationToken: cancellation));

        var facts = new GuestFacts(hosts);
        var placed = new List<FleetGuest>(guests.Count);
        var unplaced = new Dictionary<string, FleetGuest>(StringComparer.Ordinal);
        foreach (var guest in guests.Select(facts.Of))
        {
            if (guest is { HostId: null, TargetHostId: null })
            {
                unplaced[guest.GuestId] = guest;
            }
            else
            {
                placed.Add(guest);
            }
        }

        return new FleetReading(
            new FleetSnapshot(now, [.. hosts.Values], placed),
            guests.ToDictionary(guest => guest.GuestId, facts.Machine, StringComparer.Ordinal),
            unplaced,
            failures.ToLookup(failure => failure.GuestId, failure => failure.ToFailure(failureMemory), StringComparer.Ordinal));
    }

    private FleetHost ToHost(HostRow row) => _facts.Of(row.HostId, row.Labels, row.Description) with
    {
        Condition = row.Dead ? HostCondition.Dead : agents.IsConnected(row.HostId) ? HostCondition.Connected : HostCondition.Suspect,
        Cordoned = row.Cordoned,
        CordonReason = row.CordonReason,
    };

    private sealed record HostRow(string HostId, string Labels, bool Cordoned, string CordonReason, string Description, bool Dead);

    private sealed record FailureRow(string GuestId, string HostId, DateTime At)
    {
        public FailedMove ToFailure(TimeSpan memory)
        {
            var at = new DateTimeOffset(At, TimeSpan.Zero);
            return new FailedMove(HostId, at, at + memory);
        }
    }
}
