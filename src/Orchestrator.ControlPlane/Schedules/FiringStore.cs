using Dapper;
using Orchestrator.ControlPlane.Database;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Schedules;

/// <summary>Owns the table schedule_firings.</summary>
internal sealed class FiringStore(DatabaseGate database)
{
    /// <summary>
    /// Takes a schedule's step: moves it on to its next due time and writes down what fires and what does not. Of two who would take the
    /// same step one does.
    /// </summary>
    /// <param name="read">The schedule as it was read.</param>
    /// <param name="claim">Of the firings that are being begun.</param>
    /// <returns>The firings that are this claim's to begin.</returns>
    public Task<IReadOnlyList<StoredFiring>> TakeAsync(
        StoredSchedule read, DateTimeOffset? next, IReadOnlyList<StoredFiring> firings, FiringClaim claim, CancellationToken cancellation)
    {
        const string Advance = """
            UPDATE schedules
               SET next_due_at = @next, revision = @Revision + 1
             WHERE name = @Name AND revision = @Revision AND NOT paused
            """;
        const string Insert = """
            INSERT INTO schedule_firings (
                schedule_name, due_at, fired_at, outcome, message, claim_id, claimed_until, window_ends_at, window_closed)
            VALUES (@ScheduleName, @dueAt, @firedAt, @outcome, @Message, @ClaimId, @until, @windowEndsAt, @windowClosed)
            ON CONFLICT (schedule_name, due_at) DO NOTHING
            """;

        // Asked for and not remembered: whether an attempt before this one was committed is not known when its connection broke.
        const string Mine = $"""
            SELECT {FiringRow.Columns}
              FROM schedule_firings f
             WHERE f.schedule_name = @Name AND f.claim_id = @ClaimId AND f.outcome IS NULL
            """;
        var rows = firings.Select(firing => new
        {
            firing.ScheduleName,
            dueAt = firing.DueAt.UtcDateTime,
            firedAt = firing.FiredAt.UtcDateTime,
            outcome = OutcomeName(firing.Outcome),
            firing.Message,
            claim.ClaimId,
            until = claim.Until.UtcDateTime,
            windowEndsAt = firing.WindowEndsAt?.UtcDateTime,
            windowClosed = firing.WindowEndsAt is null || firing.Outcome is not FiringOutcome.Unspecified,
        }).ToList();
        return database.RunAsync<IReadOnlyList<StoredFiring>>(
            async (connection, token) =>
            {
                await using var transaction = await connection.BeginTransactionAsync(token);
                var advance = new { read.Name, read.Revision, next = next?.UtcDateTime };
                if (await connection.ExecuteAsync(new CommandDefinition(Advance, advance, transaction, cancellationToken: token)) == 1)
                {
                    foreach (var row in rows)
                    {
                        await connection.ExecuteAsync(new CommandDefinition(Insert, row, transaction, cancellationToken: token));
                    }
                }

                var mine = await connection.QueryAsync<FiringRow>(
                    new CommandDefinition(Mine, new { read.Name, claim.ClaimId }, transaction, cancellationToken: token));
                await transaction.CommitAsync(token);
                return [.. mine.Select(row => row.ToFiring())];
            },
            cancellation);
    }

    /// <summary>Writes what became of a firing, unless somebody else has taken it over.</summary>
    public Task FinishAsync(StoredFiring finished, FiringClaim claim, CancellationToken cancellation)
    {
        const string Sql = """
            UPDATE schedule_firings
               SET outcome = @outcome, message = @Message, evacuation_id = @EvacuationId, migration_id = @MigrationId,
                   window_closed = window_closed OR NOT @begun
             WHERE schedule_name = @ScheduleName AND due_at = @dueAt AND claim_id = @ClaimId AND outcome IS NULL
            """;
        var parameters = new
        {
            outcome = OutcomeName(finished.Outcome),
            finished.Message,
            finished.EvacuationId,
            finished.MigrationId,
            begun = finished.Outcome is FiringOutcome.Started or FiringOutcome.StillRunning,
            finished.ScheduleName,
            dueAt = finished.DueAt.UtcDateTime,
            claim.ClaimId,
        };
        return ExecuteAsync(Sql, parameters, cancellation);
    }

    /// <summary>Takes over the firings that somebody began and did not finish in time.</summary>
    public Task<IReadOnlyList<StoredFiring>> AdoptAsync(DateTimeOffset now, FiringClaim claim, CancellationToken cancellation)
    {
        const string Sql = $"""
            UPDATE schedule_firings f
               SET claim_id = @ClaimId, claimed_until = @until
             WHERE f.outcome IS NULL AND (f.claimed_until <= @now OR f.claim_id = @ClaimId)
            RETURNING {FiringRow.Columns}
            """;
        return QueryAsync(Sql, new { now = now.UtcDateTime, claim.ClaimId, until = claim.Until.UtcDateTime }, cancellation);
    }

    /// <summary>
    /// Firings whose window has ended and is not closed, but for those whose work a later firing goes on with in a window of its own.
    /// </summary>
    public Task<IReadOnlyList<StoredFiring>> ListEndedWindowsAsync(DateTimeOffset now, CancellationToken cancellation)
    {
        const string Sql = $"""
            SELECT {FiringRow.Columns}
              FROM schedule_firings f
             WHERE NOT f.window_closed AND f.window_ends_at <= @now AND f.outcome IS NOT NULL
               AND NOT EXISTS (
                     SELECT FROM schedule_firings later
                      WHERE later.schedule_name = f.schedule_name AND later.due_at > f.due_at AND later.window_ends_at > @now
                        AND (later.evacuation_id = f.evacuation_id OR later.migration_id = f.migration_id))
             ORDER BY f.window_ends_at
             LIMIT 1000
            """;
        return QueryAsync(Sql, new { now = now.UtcDateTime }, cancellation);
    }

    public Task CloseWindowAsync(StoredFiring firing, CancellationToken cancellation)
    {
        const string Sql = "UPDATE schedule_firings SET window_closed = true WHERE schedule_name = @ScheduleName AND due_at = @dueAt";
        return ExecuteAsync(Sql, new { firing.ScheduleName, dueAt = firing.DueAt.UtcDateTime }, cancellation);
    }

    /// <summary>The firing before another that began something; null = none.</summary>
    public async Task<StoredFiring?> FindBegunBeforeAsync(StoredFiring firing, CancellationToken cancellation)
    {
        const string Sql = $"""
            SELECT {FiringRow.Columns}
              FROM schedule_firings f
             WHERE f.schedule_name = @ScheduleName AND f.due_at < @dueAt AND f.outcome IN ('Started', 'StillRunning')
             ORDER BY f.due_at DESC
             LIMIT 1
            """;
        return (await QueryAsync(Sql, new { firing.ScheduleName, dueAt = firing.DueAt.UtcDateTime }, cancellation)).SingleOrDefault();
    }

    /// <summary>Newest first, beginning before the one that was due at a moment; null = from the newest.</summary>
    public Task<IReadOnlyList<StoredFiring>> ListAsync(string name, DateTimeOffset? before, int limit, CancellationToken cancellation)
    {
        const string Sql = $"""
            SELECT {FiringRow.Columns}
              FROM schedule_firings f
             WHERE f.schedule_name = @name AND (@before::timestamptz IS NULL OR f.due_at < @before)
             ORDER BY f.due_at DESC
             LIMIT @limit
            """;
        return QueryAsync(Sql, new { name, before = before?.UtcDateTime, limit }, cancellation);
    }

    /// <summary>The newest of each schedule stays, and what is not finished.</summary>
    public Task RemoveOlderAsync(DateTimeOffset than, CancellationToken cancellation)
    {
        const string Sql = """
            DELETE FROM schedule_firings f
             WHERE f.fired_at < @than AND f.outcome IS NOT NULL AND f.window_closed
               AND EXISTS (SELECT FROM schedule_firings later WHERE later.schedule_name = f.schedule_name AND later.due_at > f.due_at)
            """;
        return ExecuteAsync(Sql, new { than = than.UtcDateTime }, cancellation);
    }

    private static string? OutcomeName(FiringOutcome outcome) => outcome is FiringOutcome.Unspecified ? null : outcome.ToString();

    private Task<int> ExecuteAsync(string sql, object parameters, CancellationToken cancellation) => database.RunAsync(
        (connection, token) => connection.ExecuteAsync(new CommandDefinition(sql, parameters, cancellationToken: token)), cancellation);

    private Task<IReadOnlyList<StoredFiring>> QueryAsync(string sql, object parameters, CancellationToken cancellation) =>
        database.RunAsync<IReadOnlyList<StoredFiring>>(
            async (connection, token) => [.. (await connection.QueryAsync<FiringRow>(
                new CommandDefinition(sql, parameters, cancellationToken: token))).Select(row => row.ToFiring())],
            cancellation);
}

/// <summary>Whoever begins a firing, and until when the others leave it to him.</summary>
internal sealed record FiringClaim(Guid ClaimId, DateTimeOffset Until);
