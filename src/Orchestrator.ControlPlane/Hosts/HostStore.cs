using System.Text.Json;
using Dapper;
using Npgsql;
using Orchestrator.ControlPlane.Database;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>Owns the table hosts.</summary>
internal sealed class HostStore(DatabaseGate database)
{
    private const string Select = """
        SELECT host_id AS HostId, agent_endpoint AS AgentEndpoint, labels::text AS Labels, cordoned, cordon_reason AS CordonReason,
               registered_at AS RegisteredAt, last_seen_at AS LastSeenAt, description::text AS Description
          FROM hosts
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

    public Task<IReadOnlyList<AgentAddress>> ListAddressesAsync(CancellationToken cancellation)
    {
        const string Sql = "SELECT host_id AS HostId, agent_endpoint AS Endpoint FROM hosts ORDER BY host_id";
        return database.RunAsync<IReadOnlyList<AgentAddress>>(
            async (connection, token) => [.. await connection.QueryAsync<AgentAddress>(
                new CommandDefinition(Sql, cancellationToken: token))],
            cancellation);
    }

    public Task<RegisterHostOutcome> RegisterAsync(RegisteredHost host, CancellationToken cancellation)
    {
        // The row's own endpoint decides between a repeat and a clash, in the same statement that would insert.
        const string Sql = """
            INSERT INTO hosts (host_id, agent_endpoint, labels, cordoned, cordon_reason, registered_at, last_seen_at, description)
            VALUES (@HostId, @AgentEndpoint, @Labels::jsonb, @Cordoned, @CordonReason, @RegisteredAt, @LastSeenAt, @Description::jsonb)
            ON CONFLICT (host_id) DO UPDATE
               SET labels = excluded.labels
             WHERE hosts.agent_endpoint = excluded.agent_endpoint
            RETURNING xmax = 0
            """;
        return database.RunAsync(
            async (connection, token) => await connection.QuerySingleOrDefaultAsync<bool?>(
                new CommandDefinition(Sql, Row.From(host), cancellationToken: token)) switch
            {
                true => RegisterHostOutcome.Registered,
                false => RegisterHostOutcome.RegisteredBefore,
                null => RegisterHostOutcome.Exists,
            },
            cancellation);
    }

    /// <returns>False when there is no such host.</returns>
    public Task<bool> SetCordonAsync(string hostId, bool cordoned, string reason, CancellationToken cancellation)
    {
        const string Sql = "UPDATE hosts SET cordoned = @cordoned, cordon_reason = @reason WHERE host_id = @hostId";
        return database.RunAsync(
            async (connection, token) => await connection.ExecuteAsync(
                new CommandDefinition(Sql, new { hostId, cordoned, reason }, cancellationToken: token)) == 1,
            cancellation);
    }

    /// <summary>Notes what the agent said of its machine and when.</summary>
    public Task DescribeAsync(string hostId, HostDescription description, DateTimeOffset at, CancellationToken cancellation)
    {
        const string Sql = """
            UPDATE hosts
               SET description = @description::jsonb, last_seen_at = greatest(last_seen_at, @at)
             WHERE host_id = @hostId
            """;
        return database.RunAsync(
            (connection, token) => connection.ExecuteAsync(new CommandDefinition(
                Sql, new { hostId, description = ProtoJson.Write(description), at }, cancellationToken: token)),
            cancellation);
    }

    /// <summary>Notes for many hosts at once when they last said anything.</summary>
    public Task NoteSeenAsync(IReadOnlyCollection<(string HostId, DateTimeOffset At)> seen, CancellationToken cancellation)
    {
        const string Sql = """
            UPDATE hosts
               SET last_seen_at = greatest(last_seen_at, heard.at)
              FROM unnest(@hostIds, @ats) AS heard (host_id, at)
             WHERE hosts.host_id = heard.host_id
            """;
        var parameters = new
        {
            hostIds = seen.Select(host => host.HostId).ToArray(),
            ats = seen.Select(host => host.At.UtcDateTime).ToArray(),
        };
        return database.RunAsync(
            (connection, token) => connection.ExecuteAsync(new CommandDefinition(Sql, parameters, cancellationToken: token)), cancellation);
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
                    ConstraintName: "guests_host_known" or "guests_migration_target_known",
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
        string Description)
    {
        public static Row From(RegisteredHost host) => new(
            host.HostId,
            host.Address.Endpoint,
            JsonSerializer.Serialize(host.Labels),
            host.Cordoned,
            host.CordonReason,
            host.RegisteredAt.UtcDateTime,
            host.LastSeenAt.UtcDateTime,
            ProtoJson.Write(host.Description));

        public RegisteredHost ToHost() => new(
            new AgentAddress(HostId, AgentEndpoint),
            JsonSerializer.Deserialize<Dictionary<string, string>>(Labels) ?? [],
            Cordoned,
            CordonReason,
            new DateTimeOffset(RegisteredAt, TimeSpan.Zero),
            new DateTimeOffset(LastSeenAt, TimeSpan.Zero),
            ProtoJson.Read<HostDescription>(Description));
    }
}
