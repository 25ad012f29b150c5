using Dapper;
using Google.Protobuf;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Database.Notifications;

namespace Orchestrator.ControlPlane.Migrations.Wishes;

/// <summary>Owns the table migration_wishes: from the replica that was asked to the one that commands, and back.</summary>
internal sealed class WishStore(DatabaseGate database)
{
    /// <summary>Writes the wish down and rings. The same one again asks again, unless it was granted.</summary>
    public Task PutAsync(StoredWish wish, DateTimeOffset at, CancellationToken cancellation)
    {
        const string Sql = $"""
            WITH put AS (
                INSERT INTO migration_wishes AS w (migration_id, wish_id, kind, request, asked_at)
                VALUES (@MigrationId, @WishId, @kind, @Request::jsonb, @at)
                ON CONFLICT (migration_id, wish_id) DO UPDATE
                   SET asked_at = @at, outcome = NULL, answered_at = NULL
                 WHERE w.outcome IS DISTINCT FROM 'Granted'
             RETURNING w.migration_id)
            SELECT count(pg_notify('{NotificationChannel.Wish}', migration_id::text)) FROM put
            """;
        return database.RunAsync(
            (connection, token) => connection.ExecuteScalarAsync<long>(new CommandDefinition(
                Sql,
                new { wish.MigrationId, wish.WishId, kind = wish.Kind.ToString(), wish.Request, at = at.UtcDateTime },
                cancellationToken: token)),
            cancellation);
    }

    /// <summary>Without an answer, oldest first.</summary>
    /// <param name="since">Those asked before it have been given up by whoever asked.</param>
    public Task<IReadOnlyList<StoredWish>> ListOpenAsync(DateTimeOffset since, CancellationToken cancellation)
    {
        const string Sql = """
            SELECT migration_id AS MigrationId, wish_id AS WishId, kind, request::text AS Request
              FROM migration_wishes
             WHERE outcome IS NULL AND asked_at >= @since
             ORDER BY asked_at, wish_id
            """;
        return database.RunAsync<IReadOnlyList<StoredWish>>(
            async (connection, token) => [.. (await connection.QueryAsync<Row>(
                new CommandDefinition(Sql, new { since = since.UtcDateTime }, cancellationToken: token)))
                .Select(row => new StoredWish(row.MigrationId, row.WishId, Enum.Parse<WishKind>(row.Kind), row.Request))],
            cancellation);
    }

    public Task AnswerAsync(StoredWish wish, WishOutcome outcome, DateTimeOffset at, CancellationToken cancellation)
    {
        const string Sql = $"""
            WITH answered AS (
                UPDATE migration_wishes
                   SET outcome = @outcome, answered_at = @at
                 WHERE migration_id = @MigrationId AND wish_id = @WishId AND outcome IS NULL
             RETURNING migration_id)
            SELECT count(pg_notify('{NotificationChannel.Wish}', migration_id::text)) FROM answered
            """;
        return database.RunAsync(
            (connection, token) => connection.ExecuteScalarAsync<long>(new CommandDefinition(
                Sql, new { wish.MigrationId, wish.WishId, outcome = outcome.ToString(), at = at.UtcDateTime }, cancellationToken: token)),
            cancellation);
    }

    /// <returns>Null while it has none.</returns>
    public async Task<WishOutcome?> FindAnswerAsync(StoredWish wish, CancellationToken cancellation)
    {
        const string Sql = "SELECT outcome FROM migration_wishes WHERE migration_id = @MigrationId AND wish_id = @WishId";
        return await database.RunAsync(
            (connection, token) => connection.ExecuteScalarAsync<string?>(
                new CommandDefinition(Sql, new { wish.MigrationId, wish.WishId }, cancellationToken: token)),
            cancellation) is { } outcome ? Enum.Parse<WishOutcome>(outcome) : null;
    }

    /// <summary>Of migrations that ended before then.</summary>
    public Task RemoveOlderAsync(DateTimeOffset than, CancellationToken cancellation)
    {
        const string Sql = """
            DELETE FROM migration_wishes w
             USING migrations m
             WHERE m.migration_id = w.migration_id AND m.ended_at < @than
            """;
        return database.RunAsync(
            (connection, token) => connection.ExecuteAsync(new CommandDefinition(Sql, new { than = than.UtcDateTime }, cancellationToken: token)),
            cancellation);
    }

    /// <summary>Positional on purpose: a column that does not fit throws instead of staying at its default.</summary>
    private sealed record Row(Guid MigrationId, Guid WishId, string Kind, string Request);
}

/// <param name="WishId">The caller's request_id, where the call has one.</param>
/// <param name="Request">The call's message as proto JSON.</param>
internal sealed record StoredWish(Guid MigrationId, Guid WishId, WishKind Kind, string Request)
{
    public static StoredWish Of(Guid migrationId, CallerWish wish) => wish switch
    {
        CallerWish.Cancel(var reason) => new StoredWish(
            migrationId, Guid.NewGuid(), WishKind.Cancel, JsonFormatter.Default.Format(new V1.CancelMigrationRequest { Reason = reason })),
        CallerWish.Adjust(var command) => new StoredWish(
            migrationId, command.RequestId, WishKind.Adjust, JsonFormatter.Default.Format(command.Request)),
        _ => throw new System.Diagnostics.UnreachableException($"No arm for {wish}."),
    };
}

/// <summary>Stored by name; the script lists the same names.</summary>
internal enum WishKind
{
    Cancel,
    Adjust,
}
