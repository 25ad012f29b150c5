using Dapper;
using Npgsql;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Database.Notifications;
using Orchestrator.Policy.Evacuation;

namespace Orchestrator.ControlPlane.Evacuations.Ledger;

/// <summary>
/// Owns the tables evacuations, evacuation_hosts and evacuation_guests. Two kinds of writers meet here: the one conductor, who names revision
/// and epoch, and callers with a wish, who name the revision. Whoever comes second reads again and decides again.
/// </summary>
internal sealed class EvacuationStore(DatabaseGate database)
{
    /// <summary>Writes down an evacuation that nobody conducts yet.</summary>
    public Task<EvacuationStart> StartAsync(Evacuation evacuation, CancellationToken cancellation)
    {
        // Hosts in the order of ids: two starts that have some in common wait for each other and not in a circle.
        const string Sql = $"""
            WITH started AS (
                INSERT INTO evacuations (
                    evacuation_id, request, phase, message, plan, planned_at, created_at, revision, epoch)
                VALUES (@EvacuationId, @request::jsonb, 'Running', '', @plan::jsonb, @at, @at, 1, 0)
                ON CONFLICT (evacuation_id) DO NOTHING
             RETURNING evacuation_id),
            hosts AS (
                INSERT INTO evacuation_hosts (evacuation_id, host_id, turn, phase, was_cordoned, cordoned, running)
                SELECT started.evacuation_id, h.host_id, h.turn, 'Waiting', false, false, true
                  FROM started, unnest(@hostIds) WITH ORDINALITY AS h (host_id, turn)
                 ORDER BY h.host_id)
            SELECT count(*), count(pg_notify('{NotificationChannel.Evacuation}', evacuation_id::text)) FROM started
            """;
        var parameters = new
        {
            evacuation.EvacuationId,
            request = ProtoJson.Write(evacuation.Request),
            plan = ProtoJson.Write(evacuation.Plan),
            at = evacuation.CreatedAt.UtcDateTime,
            hostIds = evacuation.HostIds.ToArray(),
        };
        return database.RunAsync(
            async (connection, token) =>
            {
                try
                {
                    return await connection.ExecuteScalarAsync<long>(new CommandDefinition(Sql, parameters, cancellationToken: token)) == 1
                        ? EvacuationStart.Started
                        : EvacuationStart.StartedBefore;
                }
                catch (PostgresException clash) when (clash is
                { SqlState: PostgresErrorCodes.UniqueViolation, ConstraintName: "evacuation_hosts_one_running" })
                {
                    return EvacuationStart.AlreadyEvacuating;
                }
            },
            cancellation);
    }

    /// <summary>With guests and plan.</summary>
    public Task<Evacuation?> FindAsync(Guid evacuationId, CancellationToken cancellation) =>
        database.RunAsync((connection, token) => FindAsync(connection, evacuationId, token), cancellation);

    /// <summary>The same within whatever transaction the connection is in.</summary>
    public static async Task<Evacuation?> FindAsync(NpgsqlConnection connection, Guid evacuationId, CancellationToken cancellation)
    {
        const string Sql = $"""
            {EvacuationRow.Select}
             WHERE e.evacuation_id = @evacuationId
            """;
        return (await connection.QuerySingleOrDefaultAsync<EvacuationRow>(
            new CommandDefinition(Sql, new { evacuationId, whole = true }, cancellationToken: cancellation)))?.ToEvacuation();
    }

    /// <summary>Null when there is none. For watchers, who ask often.</summary>
    public Task<long?> FindRevisionAsync(Guid evacuationId, CancellationToken cancellation)
    {
        const string Sql = "SELECT revision FROM evacuations WHERE evacuation_id = @evacuationId";
        return database.RunAsync(
            (connection, token) => connection.QuerySingleOrDefaultAsync<long?>(
                new CommandDefinition(Sql, new { evacuationId }, cancellationToken: token)),
            cancellation);
    }

    /// <summary>Newest first, without guests and plans.</summary>
    /// <param name="before">Key of the last one of the page before; null = from the newest.</param>
    public Task<IReadOnlyList<Evacuation>> ListAsync(bool runningOnly, EvacuationKey? before, int limit, CancellationToken cancellation)
    {
        const string Sql = $"""
            {EvacuationRow.Select}
             WHERE (NOT @runningOnly OR e.ended_at IS NULL)
               AND (@beforeId::uuid IS NULL OR (e.created_at, e.evacuation_id) < (@beforeAt, @beforeId))
             ORDER BY e.created_at DESC, e.evacuation_id DESC
             LIMIT @limit
            """;
        var parameters = new
        {
            runningOnly,
            beforeAt = before?.CreatedAt.UtcDateTime ?? DateTime.UnixEpoch,
            beforeId = before?.EvacuationId,
            limit,
            whole = false,
        };
        return database.RunAsync<IReadOnlyList<Evacuation>>(
            async (connection, token) => [.. (await connection.QueryAsync<EvacuationRow>(
                new CommandDefinition(Sql, parameters, cancellationToken: token))).Select(row => row.ToEvacuation())],
            cancellation);
    }

    /// <summary>Running evacuations by the hosts named that are in one.</summary>
    public Task<IReadOnlyList<(string HostId, Guid EvacuationId)>> ListRunningOfAsync(
        IReadOnlyCollection<string> hostIds, CancellationToken cancellation)
    {
        const string Sql = "SELECT host_id, evacuation_id FROM evacuation_hosts WHERE running AND host_id = ANY (@hostIds) ORDER BY host_id";
        return database.RunAsync<IReadOnlyList<(string, Guid)>>(
            async (connection, token) => [.. await connection.QueryAsync<(string, Guid)>(
                new CommandDefinition(Sql, new { hostIds = hostIds.ToArray() }, cancellationToken: token))],
            cancellation);
    }

    /// <summary>The conductor's step: everything that it changes in one statement, or nothing.</summary>
    /// <param name="now">Revision, epoch and who conducts it are not looked at.</param>
    /// <returns>False when somebody else has written since, or has taken over.</returns>
    public Task<bool> WriteAsync(Evacuation read, Evacuation now, CancellationToken cancellation)
    {
        const string Sql = $"""
            WITH written AS (
                UPDATE evacuations
                   SET phase = @phase, quiet_since = @quietSince, plan = @plan::jsonb, planned_at = @plannedAt, ended_at = @endedAt,
                       revision = @Revision + 1, replica_id = CASE WHEN @ends THEN NULL ELSE replica_id END
                 WHERE evacuation_id = @EvacuationId AND revision = @Revision AND epoch = @Epoch AND ended_at IS NULL
             RETURNING evacuation_id),
            hosts AS (
                UPDATE evacuation_hosts h
                   SET phase = n.phase, was_cordoned = n.was_cordoned, cordoned = n.cordoned, running = NOT @ends
                  FROM written, jsonb_to_recordset(@hosts::jsonb) AS n (host_id text, phase text, was_cordoned boolean, cordoned boolean)
                 WHERE h.evacuation_id = written.evacuation_id AND h.host_id = n.host_id),
            guests AS (
                INSERT INTO evacuation_guests AS g (
                    evacuation_id, guest_id, home_host_id, source_host_id, phase, target_host_id, attempts, failures, failed_target, policy,
                    recalled, next_attempt_at, message, since)
                SELECT written.evacuation_id, n.*
                  FROM written, jsonb_to_recordset(@guests::jsonb) AS n (
                    guest_id text, home_host_id text, source_host_id text, phase text, target_host_id text, attempts integer,
                    failures integer, failed_target text, policy text, recalled boolean, next_attempt_at timestamptz, message text,
                    since timestamptz)
                ON CONFLICT (evacuation_id, guest_id) DO UPDATE
                   SET home_host_id = excluded.home_host_id, source_host_id = excluded.source_host_id, phase = excluded.phase,
                       target_host_id = excluded.target_host_id, attempts = excluded.attempts, failures = excluded.failures,
                       failed_target = excluded.failed_target, policy = excluded.policy, recalled = excluded.recalled,
                       next_attempt_at = excluded.next_attempt_at, message = excluded.message, since = excluded.since)
            SELECT count(*), count(pg_notify('{NotificationChannel.Evacuation}', evacuation_id::text)) FROM written
            """;
        var known = read.State.Guests.ToDictionary(guest => guest.GuestId, StringComparer.Ordinal);
        var parameters = new
        {
            read.EvacuationId,
            read.Revision,
            read.Epoch,
            phase = now.State.Phase.ToString(),
            quietSince = now.State.QuietSince?.UtcDateTime,
            plan = ProtoJson.Write(now.Plan),
            plannedAt = now.PlannedAt.UtcDateTime,
            endedAt = now.EndedAt?.UtcDateTime,
            ends = now.EndedAt is not null,
            hosts = StateJson.Write(now.State.Hosts),
            guests = StateJson.Write(now.State.Guests.Where(guest => guest != known.GetValueOrDefault(guest.GuestId))),
        };
        return database.RunAsync(
            async (connection, token) => await connection.ExecuteScalarAsync<long>(
                new CommandDefinition(Sql, parameters, cancellationToken: token)) == 1,
            cancellation);
    }

    /// <summary>A caller's wish: another phase. Whoever conducts it hears of it and acts.</summary>
    /// <returns>False when somebody else has written since.</returns>
    public Task<bool> WishAsync(Evacuation read, Policy.Evacuation.EvacuationState wished, string message, CancellationToken cancellation)
    {
        const string Sql = $"""
            WITH written AS (
                UPDATE evacuations
                   SET phase = @phase, cancel_mode = @cancelMode, quiet_since = @quietSince, message = @message, revision = @Revision + 1
                 WHERE evacuation_id = @EvacuationId AND revision = @Revision AND ended_at IS NULL
             RETURNING evacuation_id)
            SELECT count(*), count(pg_notify('{NotificationChannel.Evacuation}', evacuation_id::text)) FROM written
            """;
        var parameters = new
        {
            read.EvacuationId,
            read.Revision,
            phase = wished.Phase.ToString(),
            cancelMode = wished.Phase is EvacuationPhase.Cancelling ? wished.CancelMode.ToString() : null,
            quietSince = wished.QuietSince?.UtcDateTime,
            message,
        };
        return database.RunAsync(
            async (connection, token) => await connection.ExecuteScalarAsync<long>(
                new CommandDefinition(Sql, parameters, cancellationToken: token)) == 1,
            cancellation);
    }
}

internal enum EvacuationStart
{
    Started,

    /// <summary>The id is taken: by a repeat of the same request, or by another; the row says which.</summary>
    StartedBefore,

    /// <summary>One of the hosts is in another evacuation that goes on.</summary>
    AlreadyEvacuating,
}
