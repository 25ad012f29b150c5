using Dapper;
using Orchestrator.ControlPlane.Database;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Policies;

/// <summary>Owns the tables policies and policy_revisions.</summary>
internal sealed class PolicyStore(DatabaseGate database)
{
    private const string Select = """
        SELECT p.name, r.revision, r.document::text AS Document, r.created_at AS CreatedAt, p.preset, p.deleted
          FROM policies p
          JOIN policy_revisions r ON r.policy_name = p.name
        """;

    /// <summary>One revision, deleted or not; 0 = the newest.</summary>
    public Task<StoredPolicy?> FindAsync(string name, int revision, CancellationToken cancellation)
    {
        const string Sql = $"""
            {Select}
             WHERE p.name = @name AND r.revision = CASE @revision WHEN 0 THEN p.newest_revision ELSE @revision END
            """;
        return database.RunAsync(
            async (connection, token) => (await connection.QuerySingleOrDefaultAsync<Row>(
                new CommandDefinition(Sql, new { name, revision }, cancellationToken: token)))?.ToPolicy(),
            cancellation);
    }

    /// <summary>The newest revision of each, in the order of names, beginning after the one named; empty = from the first.</summary>
    public Task<IReadOnlyList<StoredPolicy>> ListAsync(string after, int limit, bool withDeleted, CancellationToken cancellation)
    {
        const string Sql = $"""
            {Select}
             WHERE r.revision = p.newest_revision AND p.name > @after AND (@withDeleted OR NOT p.deleted)
             ORDER BY p.name
             LIMIT @limit
            """;
        return ListAsync(Sql, new { after, limit, withDeleted }, cancellation);
    }

    /// <summary>Newest first, beginning below the revision named; <see cref="int.MaxValue"/> = from the newest.</summary>
    public Task<IReadOnlyList<StoredPolicy>> ListRevisionsAsync(string name, int below, int limit, CancellationToken cancellation)
    {
        const string Sql = $"""
            {Select}
             WHERE p.name = @name AND r.revision < @below
             ORDER BY r.revision DESC
             LIMIT @limit
            """;
        return ListAsync(Sql, new { name, below, limit }, cancellation);
    }

    public async Task<WritePolicyResult> CreateAsync(string name, PolicyDocument document, DateTimeOffset at, CancellationToken cancellation)
    {
        const string Sql = """
            WITH created AS (
                INSERT INTO policies (name, newest_revision, preset, deleted)
                VALUES (@name, 1, false, false)
                ON CONFLICT (name) DO NOTHING
             RETURNING name, newest_revision)
            INSERT INTO policy_revisions (policy_name, revision, document, created_at)
            SELECT name, newest_revision, @document::jsonb, @at FROM created
            """;
        if (await WriteAsync(Sql, new { name, document = ProtoJson.Write(document), at }, cancellation))
        {
            return new WritePolicyResult(WritePolicyOutcome.Written, await FindAsync(name, 1, cancellation));
        }

        var newest = await FindAsync(name, 0, cancellation);
        if (newest is { Deleted: true })
        {
            return await AppendAsync(newest, document, at, cancellation) is { } revived
                ? new WritePolicyResult(WritePolicyOutcome.Written, revived)
                : new WritePolicyResult(WritePolicyOutcome.Exists, null);
        }

        // The repeat of a create is told from a clash by the document, even when the policy has been updated since.
        var first = newest is null or { Revision: 1 } ? newest : await FindAsync(name, 1, cancellation);
        return document.Equals(newest?.Document) ? new WritePolicyResult(WritePolicyOutcome.WrittenBefore, newest)
            : document.Equals(first?.Document) ? new WritePolicyResult(WritePolicyOutcome.WrittenBefore, first)
            : new WritePolicyResult(WritePolicyOutcome.Exists, null);
    }

    /// <param name="expectedRevision">The newest one the caller has seen; 0 = whatever it is.</param>
    public async Task<WritePolicyResult> UpdateAsync(
        string name, PolicyDocument document, int expectedRevision, DateTimeOffset at, CancellationToken cancellation)
    {
        while (true)
        {
            var newest = await FindAsync(name, 0, cancellation);
            if (newest is null or { Deleted: true })
            {
                return new WritePolicyResult(WritePolicyOutcome.Unknown, null);
            }

            if (newest.Preset)
            {
                return new WritePolicyResult(WritePolicyOutcome.IsPreset, null);
            }

            // Nothing to write, or written by the call that this one repeats.
            var expected = expectedRevision == 0 || expectedRevision == newest.Revision;
            if (document.Equals(newest.Document) && (expected || expectedRevision == newest.Revision - 1))
            {
                return new WritePolicyResult(WritePolicyOutcome.WrittenBefore, newest);
            }

            if (!expected)
            {
                return new WritePolicyResult(WritePolicyOutcome.Stale, null);
            }

            if (await AppendAsync(newest, document, at, cancellation) is { } written)
            {
                return new WritePolicyResult(WritePolicyOutcome.Written, written);
            }

            // Somebody else was first. Look again: a caller who named a revision learns that it is stale, one who did not goes on top.
        }
    }

    public Task<DeletePolicyOutcome> DeleteAsync(string name, CancellationToken cancellation)
    {
        const string Sql = """
            WITH hidden AS (
                UPDATE policies SET deleted = true WHERE name = @name AND NOT preset RETURNING name)
            SELECT p.preset FROM policies p WHERE p.name = @name
            """;
        return database.RunAsync(
            async (connection, token) => await connection.QuerySingleOrDefaultAsync<bool?>(
                new CommandDefinition(Sql, new { name }, cancellationToken: token)) switch
            {
                null => DeletePolicyOutcome.Unknown,
                true => DeletePolicyOutcome.IsPreset,
                false => DeletePolicyOutcome.Deleted,
            },
            cancellation);
    }

    /// <returns>Null when the newest revision is not the one that was read.</returns>
    private async Task<StoredPolicy?> AppendAsync(
        StoredPolicy read, PolicyDocument document, DateTimeOffset at, CancellationToken cancellation)
    {
        const string Sql = """
            WITH advanced AS (
                UPDATE policies
                   SET newest_revision = newest_revision + 1, deleted = false
                 WHERE name = @Name AND newest_revision = @Revision AND deleted = @Deleted AND NOT preset
             RETURNING name, newest_revision)
            INSERT INTO policy_revisions (policy_name, revision, document, created_at)
            SELECT name, newest_revision, @document::jsonb, @at FROM advanced
            """;
        var parameters = new { read.Name, read.Revision, read.Deleted, document = ProtoJson.Write(document), at };
        return await WriteAsync(Sql, parameters, cancellation) ? await FindAsync(read.Name, read.Revision + 1, cancellation) : null;
    }

    private Task<bool> WriteAsync(string sql, object parameters, CancellationToken cancellation) => database.RunAsync(
        async (connection, token) => await connection.ExecuteAsync(new CommandDefinition(sql, parameters, cancellationToken: token)) == 1,
        cancellation);

    private Task<IReadOnlyList<StoredPolicy>> ListAsync(string sql, object parameters, CancellationToken cancellation) =>
        database.RunAsync<IReadOnlyList<StoredPolicy>>(
            async (connection, token) => [.. (await connection.QueryAsync<Row>(
                new CommandDefinition(sql, parameters, cancellationToken: token))).Select(row => row.ToPolicy())],
            cancellation);

    /// <summary>Positional on purpose: a column that does not fit throws instead of staying at its default.</summary>
    private sealed record Row(string Name, int Revision, string Document, DateTime CreatedAt, bool Preset, bool Deleted)
    {
        public StoredPolicy ToPolicy() => new(
            Name, Revision, ProtoJson.Read<PolicyDocument>(Document), new DateTimeOffset(CreatedAt, TimeSpan.Zero), Preset, Deleted);
    }
}
