using Dapper;
using Orchestrator.ControlPlane.Database;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Schedules;

/// <summary>Owns the table schedules.</summary>
internal sealed class ScheduleStore(DatabaseGate database)
{
    private const string Select = $"""
        SELECT s.name, s.spec::text AS Spec, s.paused, s.created_at AS CreatedAt, s.created_by AS CreatedBy, s.next_due_at AS NextDueAt,
               s.revision, {FiringRow.Columns}
          FROM schedules s
          LEFT JOIN LATERAL (
                 SELECT * FROM schedule_firings WHERE schedule_name = s.name ORDER BY due_at DESC LIMIT 1) f ON true
        """;

    /// <returns>False when the name is taken.</returns>
    public Task<bool> CreateAsync(StoredSchedule schedule, CancellationToken cancellation)
    {
        const string Sql = """
            INSERT INTO schedules (name, spec, paused, created_at, created_by, next_due_at, revision)
            VALUES (@Name, @spec::jsonb, @Paused, @createdAt, @CreatedBy, @nextDueAt, @Revision)
            ON CONFLICT (name) DO NOTHING
            """;
        return ExecuteAsync(
            Sql,
            new
            {
                schedule.Name,
                spec = ProtoJson.Write(schedule.Spec),
                schedule.Paused,
                createdAt = schedule.CreatedAt.UtcDateTime,
                schedule.CreatedBy,
                nextDueAt = schedule.NextDueAt?.UtcDateTime,
                schedule.Revision,
            },
            cancellation);
    }

    public async Task<StoredSchedule?> FindAsync(string name, CancellationToken cancellation) =>
        (await QueryAsync($"{Select} WHERE s.name = @name", new { name }, cancellation)).SingleOrDefault();

    /// <summary>In the order of names, beginning after the one named; empty = from the first.</summary>
    public Task<IReadOnlyList<StoredSchedule>> ListAsync(string after, int limit, CancellationToken cancellation) =>
        QueryAsync($"{Select} WHERE s.name > @after ORDER BY s.name LIMIT @limit", new { after, limit }, cancellation);

    /// <summary>Those that are due, the longest first.</summary>
    public Task<IReadOnlyList<StoredSchedule>> ListDueAsync(DateTimeOffset now, int limit, CancellationToken cancellation) => QueryAsync(
        $"{Select} WHERE NOT s.paused AND s.next_due_at <= @now ORDER BY s.next_due_at LIMIT @limit",
        new { now = now.UtcDateTime, limit },
        cancellation);

    /// <param name="read">As it was read.</param>
    /// <returns>False when somebody has written it since.</returns>
    public Task<bool> SetPausedAsync(StoredSchedule read, bool paused, DateTimeOffset? nextDueAt, CancellationToken cancellation)
    {
        const string Sql = """
            UPDATE schedules
               SET paused = @paused, next_due_at = @nextDueAt, revision = @Revision + 1
             WHERE name = @Name AND revision = @Revision
            """;
        return ExecuteAsync(Sql, new { read.Name, read.Revision, paused, nextDueAt = nextDueAt?.UtcDateTime }, cancellation);
    }

    /// <returns>False when there was none.</returns>
    public Task<bool> DeleteAsync(string name, CancellationToken cancellation) =>
        ExecuteAsync("DELETE FROM schedules WHERE name = @name", new { name }, cancellation);

    private Task<bool> ExecuteAsync(string sql, object parameters, CancellationToken cancellation) => database.RunAsync(
        async (connection, token) => await connection.ExecuteAsync(new CommandDefinition(sql, parameters, cancellationToken: token)) == 1,
        cancellation);

    private Task<IReadOnlyList<StoredSchedule>> QueryAsync(string sql, object parameters, CancellationToken cancellation) =>
        database.RunAsync<IReadOnlyList<StoredSchedule>>(
            async (connection, token) => [.. await connection.QueryAsync<Row, FiringRow, StoredSchedule>(
                new CommandDefinition(sql, parameters, cancellationToken: token),
                (schedule, firing) => schedule.ToSchedule(firing),
                splitOn: "ScheduleName")],
            cancellation);

    /// <summary>Positional on purpose: a column that does not fit throws instead of staying at its default.</summary>
    private sealed record Row(
        string Name, string Spec, bool Paused, DateTime CreatedAt, string CreatedBy, DateTime? NextDueAt, long Revision)
    {
        public StoredSchedule ToSchedule(FiringRow? last) => new(
            Name,
            ProtoJson.Read<ScheduleSpec>(Spec),
            Paused,
            new DateTimeOffset(CreatedAt, TimeSpan.Zero),
            CreatedBy,
            NextDueAt is { } due ? new DateTimeOffset(due, TimeSpan.Zero) : null,
            Revision)
        {
            LastFiring = last?.ToFiring(),
        };
    }
}
