using Dapper;
using Npgsql;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Database.Notifications;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Notices;

/// <summary>Owns the table notices and the wait for them, migrations.notice_until. Deliveries are in <see cref="DeliveryStore"/>.</summary>
internal sealed class NoticeStore(DatabaseGate database)
{
    /// <summary>In the transaction that queues the migration.</summary>
    public static Task OpenAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, StoredNotice notice, CancellationToken cancellation)
    {
        const string Sql = $"""
            WITH opened AS (
                INSERT INTO notices (
                    notice_id, migration_id, guest_id, source_host_id, reason, terms, state, opened_at, ends_at, acknowledged_by,
                    delivery_attempts, delivery_error, next_delivery_at, revision)
                VALUES (@NoticeId, @MigrationId, @GuestId, @SourceHostId, @Reason, @terms::jsonb, 'Open', @openedAt, @endsAt, '', 0, '',
                        CASE WHEN @hasWebhook THEN @openedAt END, @Revision)
                ON CONFLICT (notice_id) DO NOTHING),
            held AS (
                UPDATE migrations SET notice_until = @endsAt WHERE migration_id = @MigrationId AND @endsAt > @openedAt)
            SELECT pg_notify('{NotificationChannel.Notice}', @NoticeId::text)
            """;
        var parameters = new
        {
            notice.NoticeId,
            notice.MigrationId,
            notice.GuestId,
            notice.SourceHostId,
            notice.Reason,
            terms = ProtoJson.Write(notice.Terms),
            openedAt = notice.OpenedAt.UtcDateTime,
            endsAt = notice.EndsAt.UtcDateTime,
            hasWebhook = notice.Terms.WebhookUrl.Length > 0,
            notice.Revision,
        };
        return connection.ExecuteAsync(new CommandDefinition(Sql, parameters, transaction, cancellationToken: cancellation));
    }

    /// <summary>The owner agrees. The migration goes on at once when its terms say so.</summary>
    public async Task<AcknowledgeResult> AcknowledgeAsync(Guid noticeId, string by, DateTimeOffset now, CancellationToken cancellation)
    {
        const string Sql = $"""
            WITH acknowledged AS (
                UPDATE notices n
                   SET state = 'Acknowledged', closed_at = @now, acknowledged_by = @by, revision = n.revision + 1,
                       changed_in = pg_current_xact_id()
                  FROM migrations m
                 WHERE n.notice_id = @noticeId AND n.state = 'Open' AND n.ends_at > @now AND m.migration_id = n.migration_id
                   AND {MigrationStore.NotEnded}
             RETURNING n.notice_id, n.migration_id, coalesce((n.terms ->> 'acknowledgementEndsWait')::boolean, false) AS ends_wait),
            freed AS (
                UPDATE migrations m SET notice_until = NULL
                  FROM acknowledged
                 WHERE m.migration_id = acknowledged.migration_id AND acknowledged.ends_wait)
            SELECT pg_notify('{NotificationChannel.Notice}', notice_id::text), pg_notify('{NotificationChannel.Queue}', migration_id::text)
              FROM acknowledged
            """;
        await ExecuteAsync(Sql, new { noticeId, by, now = now.UtcDateTime }, cancellation);
        return await FindAsync(noticeId, cancellation) switch
        {
            null => new AcknowledgeResult(AcknowledgeOutcome.Unknown, null),
            { State: NoticeState.Acknowledged } notice => new AcknowledgeResult(AcknowledgeOutcome.Acknowledged, notice),
            { } notice => new AcknowledgeResult(AcknowledgeOutcome.Closed, notice),
        };
    }

    /// <summary>Closes what has come to its end: the lead time passed, or the migration ended before.</summary>
    public Task CloseAsync(DateTimeOffset now, CancellationToken cancellation)
    {
        const string Sql = $"""
            WITH over AS (
                SELECT n.notice_id, CASE WHEN {MigrationStore.NotEnded} THEN 'TimedOut' ELSE 'Withdrawn' END AS state
                  FROM notices n
                  JOIN migrations m ON m.migration_id = n.migration_id
                 WHERE n.state = 'Open' AND (n.ends_at <= @now OR NOT {MigrationStore.NotEnded})
                   FOR UPDATE OF n SKIP LOCKED),
            closed AS (
                UPDATE notices n
                   SET state = over.state, closed_at = @now, revision = n.revision + 1, changed_in = pg_current_xact_id()
                  FROM over
                 WHERE n.notice_id = over.notice_id
             RETURNING n.notice_id)
            SELECT pg_notify('{NotificationChannel.Notice}', notice_id::text) FROM closed
            """;
        return ExecuteAsync(Sql, new { now = now.UtcDateTime }, cancellation);
    }

    public async Task<StoredNotice?> FindAsync(Guid noticeId, CancellationToken cancellation) =>
        (await QueryAsync($"SELECT {NoticeRow.Columns} FROM notices n WHERE n.notice_id = @noticeId", new { noticeId }, cancellation))
            .SingleOrDefault();

    /// <summary>Newest first.</summary>
    /// <param name="guestId">Empty = of all.</param>
    /// <param name="before">Key of the last one of the page before; null = from the newest.</param>
    public Task<IReadOnlyList<StoredNotice>> ListAsync(
        string guestId, bool openOnly, NoticeKey? before, int limit, CancellationToken cancellation)
    {
        const string Sql = $"""
            SELECT {NoticeRow.Columns}
              FROM notices n
             WHERE (@guestId = '' OR n.guest_id = @guestId) AND (NOT @openOnly OR n.state = 'Open')
               AND (@beforeId::uuid IS NULL OR (n.opened_at, n.notice_id) < (@beforeAt, @beforeId))
             ORDER BY n.opened_at DESC, n.notice_id DESC
             LIMIT @limit
            """;
        var parameters = new
        {
            guestId,
            openOnly,
            beforeAt = before?.OpenedAt.UtcDateTime ?? DateTime.UnixEpoch,
            beforeId = before?.NoticeId,
            limit,
        };
        return QueryAsync(Sql, parameters, cancellation);
    }

    /// <summary>From where on a watcher reads who is about to read everything: all that was written before it is there.</summary>
    public Task<string> ReadHorizonAsync(CancellationToken cancellation)
    {
        const string Sql = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text";
        return database.RunAsync(
            async (connection, token) => await connection.ExecuteScalarAsync<string>(new CommandDefinition(Sql, cancellationToken: token)) ?? "0",
            cancellation);
    }

    /// <summary>What was written from one horizon on and before another, in the order of writing.</summary>
    public Task<IReadOnlyList<StoredNotice>> ListChangedAsync(string guestId, string from, string until, CancellationToken cancellation)
    {
        const string Sql = $"""
            SELECT {NoticeRow.Columns}
              FROM notices n
             WHERE n.changed_in >= @from::text::xid8 AND n.changed_in < @until::text::xid8 AND (@guestId = '' OR n.guest_id = @guestId)
             ORDER BY n.changed_in, n.opened_at, n.notice_id
            """;
        return QueryAsync(Sql, new { guestId, from, until }, cancellation);
    }

    public Task RemoveOlderAsync(DateTimeOffset than, CancellationToken cancellation) =>
        ExecuteAsync("DELETE FROM notices WHERE closed_at < @than AND next_delivery_at IS NULL", new { than = than.UtcDateTime }, cancellation);

    private Task<int> ExecuteAsync(string sql, object parameters, CancellationToken cancellation) => database.RunAsync(
        (connection, token) => connection.ExecuteAsync(new CommandDefinition(sql, parameters, cancellationToken: token)), cancellation);

    private Task<IReadOnlyList<StoredNotice>> QueryAsync(string sql, object parameters, CancellationToken cancellation) =>
        database.RunAsync<IReadOnlyList<StoredNotice>>(
            async (connection, token) => [.. (await connection.QueryAsync<NoticeRow>(
                new CommandDefinition(sql, parameters, cancellationToken: token))).Select(row => row.ToNotice())],
            cancellation);
}

internal enum AcknowledgeOutcome
{
    /// <summary>Now or before.</summary>
    Acknowledged,
    Unknown,
    Closed,
}

/// <param name="Notice">Null when it is not known.</param>
internal sealed record AcknowledgeResult(AcknowledgeOutcome Outcome, StoredNotice? Notice);

/// <summary>Where a list of notices goes on.</summary>
internal sealed record NoticeKey(DateTimeOffset OpenedAt, Guid NoticeId);
