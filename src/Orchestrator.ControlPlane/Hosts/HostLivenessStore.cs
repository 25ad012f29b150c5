using Dapper;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Database.Notifications;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Hosts;

/// <summary>Owns what the table hosts says about life and death, and the table host_events. All times are the database's.</summary>
internal sealed class HostLivenessStore(DatabaseGate database)
{
    /// <summary>Writes down that hosts were heard, but for those of which that was written within <see cref="HostLivenessOptions.NoteEvery"/>.</summary>
    /// <param name="heard">How long ago, by this process's clock.</param>
    /// <returns>The hosts that had been lost before.</returns>
    public Task<IReadOnlyList<string>> NoteHeardAsync(
        IReadOnlyCollection<HeardHost> heard, HostLivenessOptions options, CancellationToken cancellation)
    {
        // Rows that another replica is writing at this moment are left to it: taken in whatever order, two would wait for each other.
        const string Sql = """
            WITH due AS (
                SELECT hosts.host_id, clock.time - heard.age AS at, hosts.lost_noted_at IS NOT NULL AS was_lost,
                       hosts.connected_since IS NULL OR clock.time - heard.age - hosts.last_seen_at >= @SuspectSilence AS anew
                  FROM hosts
                  JOIN unnest(@hostIds, @ages) AS heard (host_id, age) ON heard.host_id = hosts.host_id
                 CROSS JOIN database_clock AS clock
                 WHERE hosts.dead_at IS NULL
                   AND (clock.time - heard.age - hosts.last_seen_at >= @NoteEvery OR hosts.last_seen_at > clock.time
                        OR hosts.connected_since IS NULL)
                   FOR NO KEY UPDATE OF hosts SKIP LOCKED),
            noted AS (
                UPDATE hosts
                   SET last_seen_at = due.at, connected_since = CASE WHEN due.anew THEN due.at ELSE connected_since END,
                       lost_noted_at = NULL
                  FROM due
                 WHERE hosts.host_id = due.host_id
             RETURNING hosts.host_id, due.at, due.was_lost),
            told AS (
                INSERT INTO host_events (host_id, at, kind, caller, message)
                SELECT host_id, at, 'Found', '', 'its agent is heard again'
                  FROM noted
                 WHERE was_lost)
            SELECT host_id FROM noted WHERE was_lost
            """;
        var parameters = new
        {
            hostIds = heard.Select(host => host.HostId).ToArray(),
            ages = heard.Select(host => host.Age).ToArray(),
            options.NoteEvery,
            options.SuspectSilence,
        };
        return ListAsync(Sql, parameters, cancellation);
    }

    /// <summary>Writes down which hosts are lost. Each is the answer to one replica once.</summary>
    /// <param name="heardHere">Not those: somebody hears them, whatever the ledger says.</param>
    public Task<IReadOnlyList<string>> NoteLostAsync(
        IReadOnlyCollection<string> heardHere, HostLivenessOptions options, CancellationToken cancellation)
    {
        const string Sql = """
            WITH lost AS (
                UPDATE hosts
                   SET lost_noted_at = clock.time
                  FROM database_clock AS clock
                 WHERE dead_at IS NULL AND lost_noted_at IS NULL AND clock.time - last_seen_at >= @LostAfter
                   AND NOT host_id = ANY (@heardHere)
             RETURNING host_id, clock.time AS at, last_seen_at),
            told AS (
                INSERT INTO host_events (host_id, at, kind, caller, message)
                SELECT host_id, at, 'Lost', '', format('last heard at %s', last_seen_at)
                  FROM lost)
            SELECT host_id FROM lost
            """;
        return ListAsync(Sql, new { heardHere = heardHere.ToArray(), options.LostAfter }, cancellation);
    }

    /// <summary>Declares a host dead. Of two who do it at once, one is first; the other finds it done.</summary>
    /// <param name="leastSilence">Not one that was heard within this time.</param>
    public async Task<DeclareDeadOutcome> DeclareDeadAsync(
        string hostId, HostDeed done, TimeSpan leastSilence, CancellationToken cancellation)
    {
        const string Sql = $"""
            WITH declared AS (
                UPDATE hosts
                   SET dead_at = clock.time, dead_reason = @reason, lost_noted_at = NULL
                  FROM database_clock AS clock
                 WHERE host_id = @hostId AND dead_at IS NULL AND clock.time - last_seen_at >= @leastSilence
             RETURNING host_id, clock.time AS at),
            told AS (
                INSERT INTO host_events (host_id, at, kind, caller, message)
                SELECT host_id, at, @kind, @Caller, @Message
                  FROM declared)
            SELECT count(pg_notify('{NotificationChannel.Host}', host_id)) FROM declared
            """;
        var parameters = new { hostId, reason = done.Reason, kind = done.Kind.ToString(), done.Caller, done.Message, leastSilence };
        return await database.RunAsync(
            async (connection, token) => await connection.ExecuteScalarAsync<long>(
                new CommandDefinition(Sql, parameters, cancellationToken: token)) == 1
                ? DeclareDeadOutcome.Declared
                : await connection.ExecuteScalarAsync<bool?>(new CommandDefinition(
                    "SELECT dead_at IS NOT NULL FROM hosts WHERE host_id = @hostId", new { hostId }, cancellationToken: token)) switch
                {
                    true => DeclareDeadOutcome.DeclaredBefore,
                    false => DeclareDeadOutcome.Alive,
                    null => DeclareDeadOutcome.Unknown,
                },
            cancellation);
    }

    /// <summary>
    /// Makes a dead host an ordinary one again. Whoever claims a guest of it at the same moment for another host waits for this, or this for
    /// him: a guest is either found to have gone elsewhere, or cannot go there any more.
    /// </summary>
    /// <param name="running">Guests that the host's agent says it runs.</param>
    public Task<ReadmitOutcome> ReadmitAsync(
        string hostId, IReadOnlyCollection<string> running, string caller, CancellationToken cancellation)
    {
        const string Lock = "SELECT dead_at IS NOT NULL FROM hosts WHERE host_id = @hostId FOR UPDATE";
        const string Stale = """
            SELECT guest_id
              FROM guests
             WHERE guest_id = ANY (@running) AND host_id IS DISTINCT FROM @hostId
             ORDER BY guest_id
            """;
        const string Sql = $"""
            WITH readmitted AS (
                UPDATE hosts
                   SET dead_at = NULL, dead_reason = '', last_seen_at = clock.time, connected_since = clock.time
                  FROM database_clock AS clock
                 WHERE host_id = @hostId
             RETURNING host_id, clock.time AS at),
            told AS (
                INSERT INTO host_events (host_id, at, kind, caller, message)
                SELECT host_id, at, 'Readmitted', @caller, format('it runs %s guests', @count)
                  FROM readmitted)
            SELECT count(pg_notify('{NotificationChannel.Host}', host_id)) FROM readmitted
            """;
        var parameters = new { hostId, running = running.ToArray(), caller, count = running.Count };
        return database.RunAsync(
            async (connection, token) =>
            {
                await using var transaction = await connection.BeginTransactionAsync(token);
                CommandDefinition Command(string sql) => new(sql, parameters, transaction, cancellationToken: token);
                var dead = await connection.ExecuteScalarAsync<bool?>(Command(Lock));
                var stale = dead is true ? [.. await connection.QueryAsync<string>(Command(Stale))] : Array.Empty<string>();
                if (dead is true && stale.Length == 0)
                {
                    await connection.ExecuteAsync(Command(Sql));
                    await transaction.CommitAsync(token);
                }

                return new ReadmitOutcome(dead, stale);
            },
            cancellation);
    }

    /// <summary>Newest first.</summary>
    /// <param name="hostId">Empty = of all.</param>
    /// <param name="before">The last one of the page before; null = from the newest.</param>
    public Task<IReadOnlyList<(long EventId, HostEvent Event)>> ListEventsAsync(
        string hostId, long? before, int limit, CancellationToken cancellation)
    {
        const string Sql = """
            SELECT event_id, host_id, at, kind, caller, message
              FROM host_events
             WHERE (@hostId = '' OR host_id = @hostId) AND (@before::bigint IS NULL OR event_id < @before)
             ORDER BY event_id DESC
             LIMIT @limit
            """;
        return database.RunAsync<IReadOnlyList<(long, HostEvent)>>(
            async (connection, token) => [.. (await connection.QueryAsync<(long Id, string HostId, DateTime At, string Kind, string Caller, string Message)>(
                new CommandDefinition(Sql, new { hostId, before, limit }, cancellationToken: token)))
                .Select(row => (row.Id, new HostEvent
                {
                    HostId = row.HostId,
                    At = Timestamp.FromDateTime(row.At),
                    Kind = System.Enum.Parse<HostEventKind>(row.Kind),
                    Caller = row.Caller,
                    Message = row.Message,
                }))],
            cancellation);
    }

    /// <summary>Writes down what changed nothing in the host itself.</summary>
    public Task TellAsync(string hostId, HostDeed happened, CancellationToken cancellation)
    {
        const string Sql = """
            INSERT INTO host_events (host_id, at, kind, caller, message)
            SELECT @hostId, time, @kind, @Caller, @Message FROM database_clock
            """;
        return database.RunAsync(
            (connection, token) => connection.ExecuteAsync(new CommandDefinition(
                Sql, new { hostId, kind = happened.Kind.ToString(), happened.Caller, happened.Message }, cancellationToken: token)),
            cancellation);
    }

    private Task<IReadOnlyList<string>> ListAsync(string sql, object parameters, CancellationToken cancellation) =>
        database.RunAsync<IReadOnlyList<string>>(
            async (connection, token) => [.. await connection.QueryAsync<string>(
                new CommandDefinition(sql, parameters, cancellationToken: token))],
            cancellation);
}

/// <param name="Age">Since its agent last said anything.</param>
internal sealed record HeardHost(string HostId, TimeSpan Age);

/// <summary>Something that was done to a host.</summary>
/// <param name="Kind">Stored by name; the script lists the same names.</param>
/// <param name="Caller">His address as the server saw it.</param>
internal sealed record HostDeed(HostEventKind Kind, string Caller, string Message)
{
    /// <summary>As a dead host's reason.</summary>
    public string Reason => $"{Message} ({(Kind == HostEventKind.Fenced ? "fenced" : "declared")} by {Caller})";
}

internal enum DeclareDeadOutcome
{
    Declared,
    DeclaredBefore,

    /// <summary>It was heard a moment ago.</summary>
    Alive,
    Unknown,
}

/// <param name="WasDead">Null when there is no such host.</param>
/// <param name="StaleGuests">Guests that run there and belong elsewhere; nothing was changed when there are any.</param>
internal sealed record ReadmitOutcome(bool? WasDead, IReadOnlyList<string> StaleGuests);
