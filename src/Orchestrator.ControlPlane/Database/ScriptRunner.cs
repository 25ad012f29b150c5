using Dapper;
using Npgsql;

namespace Orchestrator.ControlPlane.Database;

/// <summary>
/// Brings a database to the state this build expects. Any number of control planes may start at once: one applies, the others wait for it
/// and find everything done.
/// </summary>
internal sealed partial class ScriptRunner(NpgsqlDataSource database, TimeProvider clock, ILogger<ScriptRunner> logger)
{
    // Any fixed number: it only must not meet another program's lock in the same database.
    private const long LockKey = 0x6f72_6368_6573_7472;

    private const int ScriptSeconds = 600;

    /// <returns>How many scripts were applied; 0 when all had been.</returns>
    /// <exception cref="StartRefusedException">The database's journal and the scripts disagree.</exception>
    public async Task<int> ApplyAsync(IReadOnlyList<MigrationScript> scripts, CancellationToken cancellation)
    {
        await using var connection = await database.OpenConnectionAsync(cancellation);

        // Of the session, not of a transaction: it spans all scripts and goes with the connection whatever happens.
        await connection.ExecuteAsync(new CommandDefinition(
            "SELECT pg_advisory_lock(@key)", new { key = LockKey }, commandTimeout: ScriptSeconds, cancellationToken: cancellation));
        try
        {
            await connection.ExecuteAsync(new CommandDefinition(
                """
                CREATE TABLE IF NOT EXISTS schema_journal (
                    version    integer     NOT NULL,
                    file_name  text        NOT NULL,
                    checksum   text        NOT NULL,
                    applied_at timestamptz NOT NULL,
                    CONSTRAINT schema_journal_pkey PRIMARY KEY (version)
                )
                """,
                cancellationToken: cancellation));
            var journal = (await connection.QueryAsync<JournalRow>(new CommandDefinition(
                "SELECT version, file_name AS FileName, checksum FROM schema_journal ORDER BY version", cancellationToken: cancellation)))
                .ToList();
            var missing = MissingFrom(journal, scripts);
            foreach (var script in missing)
            {
                await ApplyAsync(connection, script, cancellation);
            }

            return missing.Count;
        }
        finally
        {
            await connection.ExecuteAsync(new CommandDefinition(
                "SELECT pg_advisory_unlock(@key)", new { key = LockKey }, cancellationToken: CancellationToken.None));
        }
    }

    private static List<MigrationScript> MissingFrom(List<JournalRow> journal, IReadOnlyList<MigrationScript> scripts)
    {
        for (var i = 0; i < journal.Count; i++)
        {
            var applied = journal[i];
            if (i >= scripts.Count)
            {
                throw new StartRefusedException(
                    $"The database has {applied.FileName}, which this build does not know: it was brought forward by a newer release. "
                    + "Run that release or a newer one.");
            }

            var script = scripts[i];
            if (script.Version != applied.Version)
            {
                throw new StartRefusedException(
                    $"The database's journal has {applied.FileName} where this build has {script.FileName}: a script is missing or came in "
                    + "out of order. Scripts are only ever appended.");
            }

            if (script.Checksum != applied.Checksum)
            {
                throw new StartRefusedException(
                    $"Database script {script.FileName} was changed after it had been applied here as {applied.FileName} (checksum "
                    + $"{applied.Checksum[..12]} there, {script.Checksum[..12]} now). Restore it and write the change as the next script.");
            }
        }

        return [.. scripts.Skip(journal.Count)];
    }

    private async Task ApplyAsync(NpgsqlConnection connection, MigrationScript script, CancellationToken cancellation)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        try
        {
            await connection.ExecuteAsync(new CommandDefinition(
                script.Sql, transaction: transaction, commandTimeout: ScriptSeconds, cancellationToken: cancellation));
        }
        catch (PostgresException refused)
        {
            throw new StartRefusedException(
                $"Database script {script.FileName} failed ({refused.SqlState}: {refused.MessageText}). Nothing of it was kept.", refused);
        }

        await connection.ExecuteAsync(new CommandDefinition(
            "INSERT INTO schema_journal (version, file_name, checksum, applied_at) VALUES (@Version, @FileName, @Checksum, @at)",
            new { script.Version, script.FileName, script.Checksum, at = clock.GetUtcNow() },
            transaction,
            cancellationToken: cancellation));
        await transaction.CommitAsync(cancellation);
        LogApplied(script.FileName);
    }

    [LoggerMessage(1, LogLevel.Information, "Database script {FileName} applied.")]
    private partial void LogApplied(string fileName);

    private sealed record JournalRow(int Version, string FileName, string Checksum);
}
