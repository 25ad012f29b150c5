using Dapper;
using Npgsql;

namespace Orchestrator.Bench.Fleet;

/// <summary>What the control plane recorded, read from beside.</summary>
internal sealed class FleetLedger(NpgsqlDataSource database)
{
    public async Task<StandingCounts> CountAsync(CancellationToken cancellation)
    {
        const string Sql = """
            SELECT count(*) FILTER (WHERE phase = 'Queued' AND s.migration_id IS NULL) AS Queued, count(s.migration_id) AS Running,
                   count(*) FILTER (WHERE phase = 'Completed') AS Completed,
                   count(*) FILTER (WHERE phase IN ('Failed', 'NeedsAttention')) AS Failed
              FROM migrations m
              LEFT JOIN migration_slots s ON s.migration_id = m.migration_id
            """;
        await using var connection = await database.OpenConnectionAsync(cancellation);
        return await connection.QuerySingleAsync<StandingCounts>(new CommandDefinition(Sql, cancellationToken: cancellation));
    }

    /// <summary>When migrations that had a slot ended.</summary>
    public async Task<IReadOnlyList<DateTimeOffset>> EndsAsync(CancellationToken cancellation)
    {
        const string Sql = """
            SELECT m.ended_at
              FROM migrations m
             WHERE m.ended_at IS NOT NULL
               AND EXISTS (SELECT FROM migration_transitions t WHERE t.migration_id = m.migration_id AND t.to_phase = 'Copying')
            """;
        await using var connection = await database.OpenConnectionAsync(cancellation);
        return [.. (await connection.QueryAsync<DateTime>(new CommandDefinition(Sql, cancellationToken: cancellation)))
            .Select(at => new DateTimeOffset(at, TimeSpan.Zero))];
    }

    /// <summary>How many were let through to each host that got any, by now.</summary>
    public async Task<IReadOnlyList<long>> ArrivalsAsync(CancellationToken cancellation)
    {
        const string Sql = "SELECT count(*) FROM migration_slots GROUP BY target_host_id";
        await using var connection = await database.OpenConnectionAsync(cancellation);
        return [.. await connection.QueryAsync<long>(new CommandDefinition(Sql, cancellationToken: cancellation))];
    }

    /// <summary>Of migrations in all phases, as many as asked for at most.</summary>
    public async Task<IReadOnlyList<string>> SomeAsync(int count, CancellationToken cancellation)
    {
        const string Sql = "SELECT migration_id::text FROM migrations ORDER BY migration_id LIMIT @count";
        await using var connection = await database.OpenConnectionAsync(cancellation);
        return [.. await connection.QueryAsync<string>(new CommandDefinition(Sql, new { count }, cancellationToken: cancellation))];
    }
}
