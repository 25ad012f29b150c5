using System.Text.Json;
using Dapper;
using Google.Protobuf.Collections;
using Npgsql;
using Orchestrator.ControlPlane.Database;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Guests;

/// <summary>Owns the table guests, but for what an active migration writes.</summary>
internal sealed class GuestStore(DatabaseGate database)
{
    private const string Select = """
        SELECT guest_id AS GuestId, defined_spec::text AS DefinedSpec, spec::text AS Spec, state, state_since AS StateSince,
               host_id AS HostId, starts_paused AS StartsPaused, stopping, active_migration_id AS ActiveMigrationId,
               migration_target_host_id AS MigrationTargetHostId, migration_keeps_stopped AS MigrationKeepsStopped,
               defined_at AS DefinedAt, serial_socket AS SerialSocket, labels::text AS Labels, placement::text AS Placement,
               notice::text AS Notice, revision
          FROM guests
        """;

    public Task<StoredGuest?> FindAsync(string guestId, CancellationToken cancellation)
    {
        const string Sql = $"""
            {Select}
             WHERE guest_id = @guestId
            """;
        return database.RunAsync(
            async (connection, token) => (await connection.QuerySingleOrDefaultAsync<Row>(
                new CommandDefinition(Sql, new { guestId }, cancellationToken: token)))?.ToGuest(),
            cancellation);
    }

    /// <summary>In the order of ids, beginning after the one named; empty = from the first.</summary>
    /// <param name="hostId">Only guests on this host; empty = all.</param>
    public Task<IReadOnlyList<StoredGuest>> ListAsync(string hostId, string after, int limit, CancellationToken cancellation)
    {
        const string Sql = $"""
            {Select}
             WHERE guest_id > @after AND (@hostId = '' OR host_id = @hostId)
             ORDER BY guest_id
             LIMIT @limit
            """;
        return ListAsync(Sql, new { hostId, after, limit }, cancellation);
    }

    /// <summary>Every guest that the ledger has on the host, and those of the named ones that it has elsewhere or nowhere.</summary>
    public Task<IReadOnlyList<StoredGuest>> ListOnHostAsync(
        string hostId, IReadOnlyCollection<string> guestIds, CancellationToken cancellation)
    {
        // Two halves, each by its index: with one OR the planner may read all guests, for every host that says something.
        const string Sql = $"""
            {Select}
             WHERE host_id = @hostId
             UNION ALL
            {Select}
             WHERE guest_id = ANY (@guestIds) AND host_id IS DISTINCT FROM @hostId
            """;
        return ListAsync(Sql, new { hostId, guestIds = guestIds.ToArray() }, cancellation);
    }

    /// <summary>Guests whose start was last told before the moment named, without a known outcome, and that nobody wants to stop.</summary>
    public Task<IReadOnlyList<StoredGuest>> ListStartingSinceAsync(DateTimeOffset before, CancellationToken cancellation)
    {
        const string Sql = $"""
            {Select}
             WHERE state = 'Starting' AND state_since < @before AND NOT stopping AND active_migration_id IS NULL
             ORDER BY guest_id
            """;
        return ListAsync(Sql, new { before }, cancellation);
    }

    public async Task<DefineGuestOutcome> DefineAsync(GuestDefinition definition, DateTimeOffset at, CancellationToken cancellation)
    {
        const string Sql = """
            INSERT INTO guests (guest_id, defined_spec, spec, state, state_since, starts_paused, stopping, defined_at, serial_socket,
                                labels, placement, notice, revision)
            VALUES (@GuestId, @spec::jsonb, @spec::jsonb, 'ShutOff', @at, false, false, @at, '',
                    @labels::jsonb, @placement::jsonb, @notice::jsonb, 1)
            ON CONFLICT (guest_id) DO NOTHING
            """;
        var parameters = new
        {
            definition.GuestId,
            spec = ProtoJson.Write(definition.Spec),
            at,
            labels = JsonSerializer.Serialize(definition.Labels),
            placement = ProtoJson.Write(definition.Placement),
            notice = definition.Notice is { } notice ? ProtoJson.Write(notice) : null,
        };
        var written = await database.RunAsync(
            async (connection, token) => await connection.ExecuteAsync(
                new CommandDefinition(Sql, parameters, cancellationToken: token)) == 1,
            cancellation);
        if (written)
        {
            return DefineGuestOutcome.Defined;
        }

        // A caller may repeat what it asked for or what it was answered, with the machine type pinned.
        var present = await FindAsync(definition.GuestId, cancellation);
        return present is not null
            && (definition.Spec.Equals(present.DefinedSpec) || definition.Spec.Equals(present.Spec))
            && definition.Labels.Equals(present.Labels)
            && definition.Placement.Equals(present.Placement)
            && Equals(definition.Notice, present.Notice)
            ? DefineGuestOutcome.DefinedBefore
            : DefineGuestOutcome.Exists;
    }

    /// <summary>
    /// Writes down that the guest is being started on the host, before anybody is told to. One statement decides: of two claims of the
    /// same guest one finds the revision it has read.
    /// </summary>
    /// <remarks>
    /// A guest of another host goes only when that one is dead. Both hosts' rows are held, so that neither is declared dead, readmitted or
    /// cordoned at the same moment.
    /// </remarks>
    /// <returns>
    /// As written; null when it was written meanwhile, the host is gone, cordoned or dead, or the one it is on is not dead: read again and
    /// decide again.
    /// </returns>
    public Task<StoredGuest?> ClaimAsync(
        StoredGuest read, string hostId, bool paused, DateTimeOffset at, CancellationToken cancellation)
    {
        const string Sql = """
            UPDATE guests
               SET state = 'Starting', state_since = @StateSince, host_id = @HostId, starts_paused = @StartsPaused, stopping = false,
                   serial_socket = '', revision = @Revision + 1
             WHERE guest_id = @GuestId AND revision = @Revision AND active_migration_id IS NULL
               AND EXISTS (
                   SELECT 1 FROM hosts WHERE hosts.host_id = @HostId AND NOT hosts.cordoned AND hosts.dead_at IS NULL FOR SHARE)
               AND (guests.host_id IS NULL OR guests.host_id = @HostId
                    OR EXISTS (SELECT 1 FROM hosts WHERE hosts.host_id = guests.host_id AND hosts.dead_at IS NOT NULL FOR SHARE))
            """;
        var claimed = read with
        {
            State = StoredGuestState.Starting,
            StateSince = at,
            HostId = hostId,
            StartsPaused = paused,
            Stopping = false,
            SerialSocket = "",
        };
        return database.RunAsync(
            async (connection, token) =>
            {
                try
                {
                    return await connection.ExecuteAsync(new CommandDefinition(
                        Sql,
                        new { read.GuestId, read.Revision, claimed.HostId, claimed.StartsPaused, claimed.StateSince },
                        cancellationToken: token)) == 1
                        ? claimed with { Revision = read.Revision + 1 }
                        : null;
                }
                catch (PostgresException gone) when (gone is
                { SqlState: PostgresErrorCodes.ForeignKeyViolation, ConstraintName: "guests_host_known" })
                {
                    return null;
                }
            },
            cancellation);
    }

    /// <summary>Writes down that a guest went off with its host.</summary>
    /// <returns>Null when it was written meanwhile, or its host is not dead any more.</returns>
    public Task<StoredGuest?> ReleaseFromDeadAsync(StoredGuest read, DateTimeOffset at, CancellationToken cancellation)
    {
        const string Sql = """
            UPDATE guests
               SET state = 'ShutOff', state_since = @StateSince, host_id = NULL, stopping = false, serial_socket = '',
                   revision = @Revision + 1
             WHERE guest_id = @GuestId AND revision = @Revision AND active_migration_id IS NULL
               AND EXISTS (SELECT 1 FROM hosts WHERE hosts.host_id = guests.host_id AND hosts.dead_at IS NOT NULL FOR SHARE)
            """;
        var off = GuestObservation.ShutOff(read, at);
        return database.RunAsync(
            async (connection, token) => await connection.ExecuteAsync(new CommandDefinition(
                Sql, new { off.StateSince, read.GuestId, read.Revision }, cancellationToken: token)) == 1
                ? off with { Revision = read.Revision + 1 }
                : null,
            cancellation);
    }

    /// <summary>Writes what was learnt of a guest that no migration holds.</summary>
    /// <param name="now">The guest as it is to stand; its id and what migrations write are not looked at.</param>
    /// <returns>The guest as written; null when it was written meanwhile.</returns>
    public Task<StoredGuest?> WriteAsync(StoredGuest read, StoredGuest now, CancellationToken cancellation)
    {
        const string Sql = """
            UPDATE guests
               SET state = @state, state_since = @StateSince, host_id = @HostId, stopping = @Stopping, spec = @spec::jsonb,
                   serial_socket = @SerialSocket, revision = @Revision + 1
             WHERE guest_id = @GuestId AND revision = @Revision AND active_migration_id IS NULL
            """;
        var parameters = new
        {
            state = now.State.ToString(),
            now.StateSince,
            now.HostId,
            now.Stopping,
            spec = ProtoJson.Write(now.Spec),
            now.SerialSocket,
            read.GuestId,
            read.Revision,
        };
        return database.RunAsync(
            async (connection, token) => await connection.ExecuteAsync(
                new CommandDefinition(Sql, parameters, cancellationToken: token)) == 1
                ? now with { Revision = read.Revision + 1 }
                : null,
            cancellation);
    }

    /// <returns>False when the guest was written meanwhile, is gone, or is not shut off.</returns>
    public Task<bool> RemoveAsync(StoredGuest read, CancellationToken cancellation)
    {
        const string Sql = """
            DELETE FROM guests
             WHERE guest_id = @GuestId AND revision = @Revision AND state = 'ShutOff' AND active_migration_id IS NULL
            """;
        return database.RunAsync(
            async (connection, token) => await connection.ExecuteAsync(
                new CommandDefinition(Sql, new { read.GuestId, read.Revision }, cancellationToken: token)) == 1,
            cancellation);
    }

    /// <summary>Which of these are no guests, in the order given.</summary>
    public Task<IReadOnlyList<string>> ListUnknownAsync(IReadOnlyCollection<string> guestIds, CancellationToken cancellation)
    {
        const string Sql = """
            SELECT asked.guest_id
              FROM unnest(@guestIds) WITH ORDINALITY AS asked (guest_id, place)
             WHERE NOT EXISTS (SELECT FROM guests g WHERE g.guest_id = asked.guest_id)
             ORDER BY asked.place
            """;
        return database.RunAsync<IReadOnlyList<string>>(
            async (connection, token) => [.. await connection.QueryAsync<string>(
                new CommandDefinition(Sql, new { guestIds = guestIds.ToArray() }, cancellationToken: token))],
            cancellation);
    }

    private Task<IReadOnlyList<StoredGuest>> ListAsync(string sql, object parameters, CancellationToken cancellation) =>
        database.RunAsync<IReadOnlyList<StoredGuest>>(
            async (connection, token) => [.. (await connection.QueryAsync<Row>(
                new CommandDefinition(sql, parameters, cancellationToken: token))).Select(row => row.ToGuest())],
            cancellation);

    /// <summary>Positional on purpose: a column that does not fit throws instead of staying at its default.</summary>
    private sealed record Row(
        string GuestId,
        string DefinedSpec,
        string Spec,
        string State,
        DateTime StateSince,
        string? HostId,
        bool StartsPaused,
        bool Stopping,
        Guid? ActiveMigrationId,
        string? MigrationTargetHostId,
        bool MigrationKeepsStopped,
        DateTime DefinedAt,
        string SerialSocket,
        string Labels,
        string Placement,
        string? Notice,
        long Revision)
    {
        public StoredGuest ToGuest() => new()
        {
            GuestId = GuestId,
            DefinedSpec = ProtoJson.Read<MachineSpec>(DefinedSpec),
            Spec = ProtoJson.Read<MachineSpec>(Spec),
            State = Enum.Parse<StoredGuestState>(State),
            StateSince = new DateTimeOffset(StateSince, TimeSpan.Zero),
            HostId = HostId,
            StartsPaused = StartsPaused,
            Stopping = Stopping,
            ActiveMigrationId = ActiveMigrationId,
            MigrationTargetHostId = MigrationTargetHostId,
            MigrationKeepsStopped = MigrationKeepsStopped,
            DefinedAt = new DateTimeOffset(DefinedAt, TimeSpan.Zero),
            SerialSocket = SerialSocket,
            Labels = new MapField<string, string> { JsonSerializer.Deserialize<Dictionary<string, string>>(Labels) ?? [] },
            Placement = ProtoJson.Read<PlacementTerms>(Placement),
            Notice = Notice is null ? null : ProtoJson.Read<NoticeTerms>(Notice),
            Revision = Revision,
        };
    }
}
