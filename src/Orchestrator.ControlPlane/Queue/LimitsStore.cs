using Dapper;
using Npgsql;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Database.Notifications;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.Policy.Admission;
using Orchestrator.Rpc.Errors;
using AdmissionLimits = Orchestrator.V1.AdmissionLimits;

namespace Orchestrator.ControlPlane.Queue;

/// <summary>Owns the table admission_limits. Its one row is also the lock under which migrations are let through.</summary>
internal sealed class LimitsStore(DatabaseGate database)
{
    private const string Select =
        "SELECT limits::text AS Limits, revision, changed_at AS ChangedAt, changed_by AS ChangedBy FROM admission_limits";

    public Task<StoredLimits> ReadAsync(CancellationToken cancellation) => database.RunAsync(
        async (connection, token) =>
            (await connection.QuerySingleAsync<Row>(new CommandDefinition(Select, cancellationToken: token))).ToLimits(),
        cancellation);

    /// <summary>Reads them and keeps everybody else from changing them, and from letting migrations through, until the transaction ends.</summary>
    public static async Task<StoredLimits> LockAsync(NpgsqlTransaction transaction, CancellationToken cancellation) =>
        (await Connection(transaction).QuerySingleAsync<Row>(
            new CommandDefinition($"{Select} FOR UPDATE", null, transaction, cancellationToken: cancellation))).ToLimits();

    /// <param name="limits">The whole.</param>
    /// <param name="expectedRevision">The newest one the caller has seen; 0 = whatever is there.</param>
    public Task<UpdateLimitsResult> UpdateAsync(
        AdmissionLimits limits, long expectedRevision, string changedBy, DateTimeOffset at, CancellationToken cancellation)
    {
        const string InUse = $"SELECT DISTINCT m.priority_class FROM migrations m WHERE {MigrationStore.NotEnded}";
        const string Write = $"""
            WITH written AS (
                UPDATE admission_limits
                   SET limits = @limits::jsonb, revision = revision + 1, changed_at = @at, changed_by = @changedBy
             RETURNING revision)
            SELECT pg_notify('{NotificationChannel.Queue}', '') FROM written
            """;
        return database.RunAsync(
            async (connection, token) =>
            {
                await using var transaction = await connection.BeginTransactionAsync(token);
                var now = await LockAsync(transaction, token);
                if (limits.Equals(now.Message) && (expectedRevision == 0 || expectedRevision >= now.Revision - 1))
                {
                    return new UpdateLimitsResult(UpdateLimitsOutcome.WrittenBefore, now);
                }

                if (expectedRevision != 0 && expectedRevision != now.Revision)
                {
                    return new UpdateLimitsResult(UpdateLimitsOutcome.Stale, now);
                }

                var classes = await connection.QueryAsync<string>(new CommandDefinition(InUse, null, transaction, cancellationToken: token));
                if (LimitRules.Violations(LimitsMessage.Read(limits, new Violations()), classes) is { Count: > 0 } violations)
                {
                    return new UpdateLimitsResult(UpdateLimitsOutcome.Unsound, null) { Violations = violations };
                }

                await connection.ExecuteAsync(new CommandDefinition(
                    Write, new { limits = ProtoJson.Write(limits), changedBy, at = at.UtcDateTime }, transaction, cancellationToken: token));
                var written = await LockAsync(transaction, token);
                await transaction.CommitAsync(token);
                return new UpdateLimitsResult(UpdateLimitsOutcome.Written, written);
            },
            cancellation);
    }

    private static NpgsqlConnection Connection(NpgsqlTransaction transaction) =>
        transaction.Connection ?? throw new InvalidOperationException("The transaction is over.");

    /// <summary>Positional on purpose: a column that does not fit throws instead of staying at its default.</summary>
    private sealed record Row(string Limits, long Revision, DateTime ChangedAt, string ChangedBy)
    {
        public StoredLimits ToLimits()
        {
            var message = ProtoJson.Read<AdmissionLimits>(Limits);
            return new StoredLimits(
                LimitsMessage.Read(message, new Violations()), message, Revision, new DateTimeOffset(ChangedAt, TimeSpan.Zero), ChangedBy);
        }
    }
}
