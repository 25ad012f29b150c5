using System.Globalization;
using Dapper;
using Npgsql;

namespace Orchestrator.Bench.Measuring;

/// <summary>Looks at the control plane's own Postgres from beside: what has been written, and by which processes.</summary>
internal sealed class LedgerProbe : IAsyncDisposable
{
    private readonly NpgsqlDataSource _database;

    private LedgerProbe(NpgsqlDataSource database, int postmaster)
    {
        _database = database;
        Postmaster = postmaster;
    }

    /// <summary>The first process of the server; all others are its children.</summary>
    public int Postmaster { get; }

    /// <param name="dataFolder">Database:DataFolder of the control plane.</param>
    public static LedgerProbe Open(string dataFolder)
    {
        // Documented lines of postmaster.pid: 1 the process, 5 the folder of its Unix socket.
        var lines = File.ReadAllLines(Path.Combine(dataFolder, "postgres", "cluster", "postmaster.pid"));
        var connection = new NpgsqlConnectionStringBuilder
        {
            Host = lines[4],
            Username = "orchestrator",
            Database = "orchestrator",
            ApplicationName = "bench",
            MaxPoolSize = 2,
            CommandTimeout = 120,
        };
        return new LedgerProbe(NpgsqlDataSource.Create(connection), int.Parse(lines[0], CultureInfo.InvariantCulture));
    }

    public async Task<string> VersionAsync(CancellationToken cancellation)
    {
        await using var connection = await _database.OpenConnectionAsync(cancellation);
        return await connection.ExecuteScalarAsync<string>(new CommandDefinition("SHOW server_version", cancellationToken: cancellation)) ?? "";
    }

    /// <summary>Server processes tell their counts about once a second, so this is that much behind.</summary>
    public async Task<LedgerCounts> CountAsync(CancellationToken cancellation)
    {
        const string Sql = """
            SELECT d.tup_inserted AS Inserted, d.tup_updated AS Updated, d.xact_commit AS Commits,
                   (SELECT coalesce(sum(t.n_tup_ins), 0)::bigint FROM pg_stat_user_tables t WHERE t.relname LIKE 'migration_readings%') AS Readings,
                   (SELECT wal_bytes::bigint FROM pg_stat_wal) AS WalBytes
              FROM pg_stat_database d
             WHERE d.datname = 'orchestrator'
            """;
        await using var connection = await _database.OpenConnectionAsync(cancellation);
        return await connection.QuerySingleAsync<LedgerCounts>(new CommandDefinition(Sql, cancellationToken: cancellation));
    }

    /// <summary>For every migration the highest sequence that has been written.</summary>
    public async Task<IReadOnlyDictionary<Guid, ulong>> LastSequencesAsync(CancellationToken cancellation)
    {
        const string Sql = "SELECT migration_id, max(sequence) FROM migration_readings GROUP BY migration_id";
        await using var connection = await _database.OpenConnectionAsync(cancellation);
        return (await connection.QueryAsync<(Guid Id, long Sequence)>(new CommandDefinition(Sql, cancellationToken: cancellation)))
            .ToDictionary(row => row.Id, row => (ulong)row.Sequence);
    }

    /// <summary>How many readings of each span are there.</summary>
    public async Task<IReadOnlyDictionary<Guid, long>> CountReadingsAsync(IReadOnlyCollection<ReadingSpan> spans, CancellationToken cancellation)
    {
        const string Sql = """
            SELECT r.migration_id, count(DISTINCT r.sequence)
              FROM unnest(@ids, @firsts, @lasts) AS s (migration_id, first, last)
              JOIN migration_readings r ON r.migration_id = s.migration_id AND r.sequence BETWEEN s.first AND s.last
             GROUP BY r.migration_id
            """;
        var spanned = new
        {
            ids = spans.Select(span => span.MigrationId).ToArray(),
            firsts = spans.Select(span => (long)span.First).ToArray(),
            lasts = spans.Select(span => (long)span.Last).ToArray(),
        };
        await using var connection = await _database.OpenConnectionAsync(cancellation);
        return (await connection.QueryAsync<(Guid Id, long Count)>(new CommandDefinition(Sql, spanned, cancellationToken: cancellation)))
            .ToDictionary(row => row.Id, row => row.Count);
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();
}

/// <summary>Since the server's start. Rows of indexes and of the server's own tables do not count.</summary>
internal sealed record LedgerCounts(long Inserted, long Updated, long Commits, long Readings, long WalBytes)
{
    public static LedgerCounts operator -(LedgerCounts later, LedgerCounts earlier) => new(
        later.Inserted - earlier.Inserted,
        later.Updated - earlier.Updated,
        later.Commits - earlier.Commits,
        later.Readings - earlier.Readings,
        later.WalBytes - earlier.WalBytes);
}

/// <param name="First">Sequence of the first report meant, and <paramref name="Last"/> of the last.</param>
internal sealed record ReadingSpan(Guid MigrationId, ulong First, ulong Last);
