using Dapper;
using Npgsql;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Migrations.Supervision;
using Orchestrator.Policy.Placement;

namespace Orchestrator.ControlPlane.Placement;

/// <summary>Reads what placement decides on: four statements, whatever the size of the fleet. Writes nothing.</summary>
internal sealed class FleetStore(DatabaseGate database, IAgentCalls agents, TimeProvider clock)
{
    // Of every guest only which row it is and where it is; the rest of the row only when it is another one than was read before.
    private const string Whereabouts = """
        SELECT guest_id AS GuestId, revision, defined_at AS DefinedAt, host_id AS HostId, migration_target_host_id AS TargetHostId, state, stopping
          FROM guests
         WHERE host_id IS NOT NULL OR migration_target_host_id IS NOT NULL OR guest_id = ANY (@guestIds)
         ORDER BY guest_id
        """;

    // Numbers of proto JSON are texts when they have 64 bits; fields at their defaults are not written.
    private const string Guests = """
        SELECT guest_id AS GuestId, revision, defined_at AS DefinedAt, coalesce((spec->>'memoryBytes')::bigint, 0) AS MemoryBytes,
               coalesce((spec->>'vcpus')::int, 1) AS Vcpus, coalesce(spec->>'machineType', '') AS MachineType,
               coalesce(spec->>'cpuModel', '') AS CpuModel, coalesce(spec->>'accelerator', '') AS Accelerator,
               (spec->'vfioDevices')::text AS VfioDevices, labels::text AS Labels, placement::text AS Placement
          FROM guests
         WHERE guest_id = ANY (@guestIds)
        """;

    private const string Hosts = """
        SELECT host_id AS HostId, labels::text AS Labels, cordoned, cordon_reason AS CordonReason, description::text AS Description,
               dead_at IS NOT NULL AS Dead, lost_noted_at IS NOT NULL AS Lost
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
    private readonly KnownGuests _guests = new();

    /// <summary>All statements see the same moment.</summary>
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
        var hosts = (await connection.QueryAsync<HostRow>(new CommandDefinition(Hosts, cancellationToken: cancellation))).Select(ToHost)
            .ToDictionary(host => host.HostId, StringComparer.Ordinal);
        _facts.Keep(hosts.Keys.ToHashSet(StringComparer.Ordinal));

        var rows = (await connection.QueryAsync<WhereaboutsRow>(
            new CommandDefinition(Whereabouts, new { guestIds = guestIds.ToArray() }, cancellationToken: cancellation))).AsList();
        await LearnAsync(connection, _guests.New(rows), cancellation);
        _guests.Keep(rows);
        var failures = await connection.QueryAsync<FailureRow>(
            new CommandDefinition(Failures, new { since = now - failureMemory }, cancellationToken: cancellation));

        var placed = new List<FleetGuest>(rows.Count);
        var guests = new Dictionary<string, GuestReading>(rows.Count, StringComparer.Ordinal);
        foreach (var row in rows)
        {
            // Changed again between two statements: what it is like seldom changes, and where it is comes from the first. Null: removed.
            if ((_guests.Find(row) ?? _guests.Find(row.GuestId)) is not { } known)
            {
                continue;
            }

            // Whereabouts on a host that is not among those read: it was removed, or came, between two statements.
            var source = Host(row.HostId);
            var guest = new GuestReading(known.On(source, Host(row.TargetHostId)), known.Machine(source), row);
            guests[row.GuestId] = guest;
            if (guest.Guest is not { HostId: null, TargetHostId: null })
            {
                placed.Add(guest.Guest);
            }
        }

        return new FleetReading(
            new FleetSnapshot(now, [.. hosts.Values], placed),
            guests,
            failures.ToLookup(failure => failure.GuestId, failure => failure.ToFailure(failureMemory), StringComparer.Ordinal));

        FleetHost? Host(string? hostId) => hostId is null ? null : hosts.GetValueOrDefault(hostId);
    }

    private async Task LearnAsync(NpgsqlConnection connection, string[] guestIds, CancellationToken cancellation)
    {
        if (guestIds.Length == 0)
        {
            return;
        }

        foreach (var row in await connection.QueryAsync<GuestRow>(new CommandDefinition(Guests, new { guestIds }, cancellationToken: cancellation)))
        {
            _guests.Put(row);
        }
    }

    private FleetHost ToHost(HostRow row) => _facts.Of(row.HostId, row.Labels, row.Description) with
    {
        // Not the ledger's word that it is heard, which is seconds old: a migration that begins here needs its agent now.
        Condition = row.Dead ? HostCondition.Dead
            : agents.IsConnected(row.HostId) ? HostCondition.Connected
            : row.Lost ? HostCondition.Lost : HostCondition.Suspect,
        Cordoned = row.Cordoned,
        CordonReason = row.CordonReason,
    };

    private sealed record HostRow(string HostId, string Labels, bool Cordoned, string CordonReason, string Description, bool Dead, bool Lost);

    private sealed record FailureRow(string GuestId, string HostId, DateTime At)
    {
        public FailedMove ToFailure(TimeSpan memory)
        {
            var at = new DateTimeOffset(At, TimeSpan.Zero);
            return new FailedMove(HostId, at, at + memory);
        }
    }
}
