using System.Text.Json;
using Dapper;
using Npgsql;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Database.Notifications;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>Owns the table hosts, but for what <see cref="HostLivenessStore"/> writes.</summary>
internal sealed class HostStore(DatabaseGate database)
{
    private static readonly TimeSpan s_describeEvery = TimeSpan.FromSeconds(15);

    private const string Select = """
        SELECT host_id AS HostId, agent_endpoint AS AgentEndpoint, labels::text AS Labels, cordoned, cordon_reason AS CordonReason,
               registered_at AS RegisteredAt, last_seen_at AS LastSeenAt, description::text AS Description, silence,
               connected_since AS ConnectedSince, dead_at AS DeadAt, dead_reason AS DeadReason
          FROM hosts
          JOIN host_silences USING (host_id)
        """;

    public Task<RegisteredHost?> FindAsync(string hostId, CancellationToken cancellation)
    {
        const string Sql = $"""
            {Select}
             WHERE host_id = @hostId
            """;
        return database.RunAsync(
            async (connection, token) => (await connection.QuerySingleOrDefaultAsync<Row>(
                new CommandDefinition(Sql, new { hostId }, cancellationToken: token)))?.ToHost(),
            cancellation);
    }

    /// <summary>In the order of ids, beginning after the one named; empty = from the first.</summary>
    public Task<IReadOnlyList<RegisteredHost>> ListAsync(string after, int limit, CancellationToken cancellation)
    {
        const string Sql = $"""
            {Select}
             WHERE host_id > @after
             ORDER BY host_id
             LIMIT @limit
            """;
        return database.RunAsync<IReadOnlyList<RegisteredHost>>(
            async (connection, token) => [.. (await connection.QueryAsync<Row>(
                new CommandDefinition(Sql, new { after, limit }, cancellationToken: token))).Select(row => row.ToHost())],
            cancellation);
    }

    public Task<IReadOnlyList<(AgentAddress Address, bool Dead)>> ListAddressesAsync(CancellationToken cancellation)
    {
        const string Sql = "SELECT host_id, agent_endpoint, dead_at IS NOT NULL FROM hosts ORDER BY host_id";
        return database.RunAsync<IReadOnlyList<(AgentAddress, bool)>>(
            async (connection, token) => [.. (await connection.QueryAsync<(string HostId, string Endpoint, bool Dead)>(
                new CommandDefinition(Sql, cancellationToken: token))).Select(row => (new AgentAddress(row.HostId, row.Endpoint), row.Dead))],
            cancellation);
    }

    /// <summary>Whether the hosts named are alive; those that are not known are missing.</summary>
    public Task<IReadOnlyDictionary<string, HostLiveness>> ListLivenessAsync(
        IReadOnlyCollection<string> hostIds, CancellationToken cancellation)
    {
        const string Sql = """
            SELECT host_id, silence, connected_since, dead_at, dead_reason
              FROM hosts
              JOIN host_silences USING (host_id)
             WHERE host_id = ANY (@hostIds)
            """;
        return database.RunAsync<IReadOnlyDictionary<string, HostLiveness>>(
            async (connection, token) => (await connection.QueryAsync<(string HostId, TimeSpan Silence, DateTime? Since, DateTime? DeadAt, string Reason)>(
                new CommandDefinition(Sql, new { hostIds = hostIds.ToArray() }, cancellationToken: token)))
                .ToDictionary(
                    row => row.HostId, row => HostLiveness.Of(row.Silence, row.Since, row.DeadAt, row.Reason), StringComparer.Ordinal),
            cancellation);
    }

    public Task<RegisterHostOutcome> RegisterAsync(RegisteredHost host, CancellationToken cancellation)
    {
        // The row's own endpoint decides between a repeat and a clash, in the same statement that would insert.
        const string Sql = """
            INSERT INTO hosts (host_id, agent_endpoint, labels, cordoned, cordon_reason, registered_at, last_seen_at, description)
            VALUES (@HostId, @AgentEndpoint, @labels::jsonb, @Cordoned, @CordonReason, @registeredAt, @lastSeenAt, @description::jsonb)
            ON CONFLICT (host_id) DO UPDATE
               SET labels = excluded.labels
             WHERE hosts.agent_endpoint = excluded.agent_endpoint
            RETURNING xmax = 0
            """;
        var parameters = new
        {
            host.HostId,
            AgentEndpoint = host.Address.Endpoint,
            labels = JsonSerializer.Serialize(host.Labels),
            host.Cordoned,
            host.CordonReason,
            registeredAt = host.RegisteredAt.UtcDateTime,
            lastSeenAt = host.LastSeenAt.UtcDateTime,
            description = ProtoJson.Write(host.Description),
        };
        return database.RunAsync(
            async (connection, token) => await connection.QuerySingleOrDefaultAsync<bool?>(
                new CommandDefinition(Sql, parameters, cancellationToken: token)) switch
            {
                true => RegisterHostOutcome.Registered,
                false => RegisterHostOutcome.RegisteredBefore,
                null => RegisterHostOutcome.Exists,
            },
            cancellation);
    }

    /// <summary>A change is an event of the host; to say again what is so already only changes the reason.</summary>
    /// <param name="caller">Who does it, for the record.</param>
    /// <returns>False when there is no such host.</returns>
    public Task<bool> SetCordonAsync(string hostId, bool cordoned, string reason, string caller, CancellationToken cancellation)
    {
        const string Sql = $"""
            WITH before AS (
                SELECT host_id, hosts.cordoned FROM hosts WHERE host_id = @hostId FOR NO KEY UPDATE),
            done AS (
                UPDATE hosts SET cordoned = @cordoned, cordon_reason = @reason
                  FROM before
                 WHERE hosts.host_id = before.host_id
             RETURNING hosts.host_id),
            told AS (
                INSERT INTO host_events (host_id, at, kind, caller, message)
                SELECT host_id, time, CASE WHEN @cordoned THEN 'Cordoned' ELSE 'Uncordoned' END, @caller, @reason
                  FROM before
                 CROSS JOIN database_clock
                 WHERE before.cordoned <> @cordoned)
            SELECT count(*), count(pg_notify('{NotificationChannel.Host}', host_id)), count(pg_notify('{NotificationChannel.Queue}', ''))
              FROM done
            """;
        return database.RunAsync(
            async (connection, token) => await connection.ExecuteScalarAsync<long>(
                new CommandDefinition(Sql, new { hostId, cordoned, reason, caller }, cancellationToken: token)) == 1,
            cancellation);
    }

    /// <summary>Writes down what the agent said of its machine.</summary>
    /// <param name="news">False: only when nobody has done so for a while, since several replicas are told the same.</param>
    public Task DescribeAsync(string hostId, HostDescription description, bool news, CancellationToken cancellation)
    {
        const string Sql = """
            UPDATE hosts
               SET description = @description::jsonb, described_at = clock.time
              FROM database_clock AS clock
             WHERE host_id = @hostId AND (@news OR described_at IS NULL OR clock.time - described_at >= @usual)
            """;
        return database.RunAsync(
            (connection, token) => connection.ExecuteAsync(new CommandDefinition(
                Sql, new { hostId, description = ProtoJson.Write(description), news, usual = s_describeEvery }, cancellationToken: token)),
            cancellation);
    }

    public Task<RemoveHostOutcome> RemoveAsync(string hostId, CancellationToken cancellation)
    {
        const string Sql = "DELETE FROM hosts WHERE host_id = @hostId";
        return database.RunAsync(
            async (connection, token) =>
            {
                try
                {
                    return await connection.ExecuteAsync(new CommandDefinition(Sql, new { hostId }, cancellationToken: token)) == 1
                        ? RemoveHostOutcome.Removed
                        : RemoveHostOutcome.Unknown;
                }
                catch (PostgresException clash) when (clash is
                {
                    SqlState: PostgresErrorCodes.ForeignKeyViolation,
                    ConstraintName: "guests_host_known" or "guests_migration_target_known" or "migration_slots_target_known",
                })
                {
                    return RemoveHostOutcome.InUse;
                }
            },
            cancellation);
    }

    /// <summary>Positional on purpose: a column that does not fit throws instead of staying at its default.</summary>
    private sealed record Row(
        string HostId,
        string AgentEndpoint,
        string Labels,
        bool Cordoned,
        string CordonReason,
        DateTime RegisteredAt,
        DateTime LastSeenAt,
        string Description,
        TimeSpan Silence,
        DateTime? ConnectedSince,
        DateTime? DeadAt,
        string DeadReason)
    {
        public RegisteredHost ToHost() => new(
            new AgentAddress(HostId, AgentEndpoint),
            JsonSerializer.Deserialize<Dictionary<string, string>>(Labels) ?? [],
            Cordoned,
            CordonReason,
            new DateTimeOffset(RegisteredAt, TimeSpan.Zero),
            new DateTimeOffset(LastSeenAt, TimeSpan.Zero),
            ProtoJson.Read<HostDescription>(Description))
        {
            Liveness = HostLiveness.Of(Silence, ConnectedSince, DeadAt, DeadReason),
        };
    }
}
