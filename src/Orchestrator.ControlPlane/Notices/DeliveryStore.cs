using Dapper;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Database.Notifications;

namespace Orchestrator.ControlPlane.Notices;

/// <summary>Which notices are to be posted, and what became of it: columns of the table notices.</summary>
internal sealed class DeliveryStore(DatabaseGate database)
{
    /// <summary>Takes notices that are to be posted now. Nobody else gets them before the claim has run out.</summary>
    public Task<IReadOnlyList<StoredNotice>> ClaimAsync(
        Guid claim, DateTimeOffset now, TimeSpan holds, int limit, CancellationToken cancellation)
    {
        // Asked for again under the same claim when the connection broke: then it is ours already.
        const string Sql = $"""
            UPDATE notices n
               SET delivery_claim = @claim, next_delivery_at = @until, delivery_attempts = n.delivery_attempts + 1,
                   revision = n.revision + 1, changed_in = pg_current_xact_id()
             WHERE n.notice_id IN (
                     SELECT due.notice_id FROM notices due
                      WHERE due.next_delivery_at <= @now
                      ORDER BY due.next_delivery_at
                      LIMIT @limit
                        FOR UPDATE SKIP LOCKED)
            RETURNING {NoticeRow.Columns}
            """;
        var parameters = new { claim, now = now.UtcDateTime, until = (now + holds).UtcDateTime, limit };
        return database.RunAsync<IReadOnlyList<StoredNotice>>(
            async (connection, token) => [.. (await connection.QueryAsync<NoticeRow>(
                new CommandDefinition(Sql, parameters, cancellationToken: token))).Select(row => row.ToNotice())],
            cancellation);
    }

    public Task DeliveredAsync(Guid noticeId, Guid claim, DateTimeOffset now, CancellationToken cancellation)
    {
        const string Sql = """
            UPDATE notices
               SET delivered_at = @now, delivery_error = '', next_delivery_at = NULL, revision = revision + 1,
                   changed_in = pg_current_xact_id()
             WHERE notice_id = @noticeId AND delivered_at IS NULL
            """;
        return TellAsync(Sql, new { noticeId, claim, now = now.UtcDateTime }, cancellation);
    }

    /// <param name="next">When it is tried again; null = never.</param>
    public Task FailedAsync(Guid noticeId, Guid claim, string error, DateTimeOffset? next, CancellationToken cancellation)
    {
        const string Sql = """
            UPDATE notices
               SET delivery_error = @error, next_delivery_at = @next, revision = revision + 1, changed_in = pg_current_xact_id()
             WHERE notice_id = @noticeId AND delivery_claim = @claim AND delivered_at IS NULL
            """;
        return TellAsync(Sql, new { noticeId, claim, error, next = next?.UtcDateTime }, cancellation);
    }

    private Task<int> TellAsync(string update, object parameters, CancellationToken cancellation)
    {
        var sql = $"""
            WITH told AS ({update} RETURNING notice_id)
            SELECT pg_notify('{NotificationChannel.Notice}', notice_id::text) FROM told
            """;
        return database.RunAsync(
            (connection, token) => connection.ExecuteAsync(new CommandDefinition(sql, parameters, cancellationToken: token)), cancellation);
    }
}
