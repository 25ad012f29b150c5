using Dapper;
using Npgsql;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Database.Notifications;
using Orchestrator.ControlPlane.Migrations.Watching;
using Orchestrator.ControlPlane.Notices;

namespace Orchestrator.ControlPlane.Migrations.Ledger;

/// <summary>
/// Owns the table migrations: admits and finds. What a running migration writes is in <see cref="ProgressStore"/>, who commands it in
/// <see cref="MigrationClaims"/>.
/// </summary>
internal sealed class MigrationStore(DatabaseGate database)
{
    public const string NotEnded = "m.phase NOT IN ('Completed', 'Cancelled', 'Failed')";

    /// <summary>
    /// Writes the migration down in the queue, where nobody commands it. Its guest stays its owner's: it is taken hold of when the migration is
    /// let through.
    /// </summary>
    public async Task<AdmitOutcome> AdmitAsync(Migration migration, CancellationToken cancellation)
    {
        const string Insert = """
            INSERT INTO migrations (
                migration_id, guest_id, source_host_id, target_host_id, request, spec, policy, policy_revision, mode, max_downtime, deadline,
                max_bytes_per_second, requested_by, guest_was_running, phase, phase_since, created_at, ended_at, revision, epoch,
                last_transition, last_decision, last_command, undoing, failure_reason, failure_message, attention_reason,
                attention_message, listen_uri, convergence_state, plausibility_memory, latest_reading, source_engine_version,
                target_engine_version, predicted_downtime, reported_downtime, observed_downtime, bytes_transferred, ram_bytes, passes,
                throttle_percent, final_limit, post_copy_used, paused_to_converge, replica_id, priority_class, evacuation_id, not_before,
                predicted_overhead)
            VALUES (
                @MigrationId, @GuestId, @SourceHostId, @TargetHostId, @Request::jsonb, @Spec::jsonb, @Policy, @PolicyRevision, @Mode,
                @MaxDowntime, @Deadline, @MaxBytesPerSecond, @RequestedBy, @GuestWasRunning, @Phase, @PhaseSince, @CreatedAt, @EndedAt,
                @Revision, @Epoch, @LastTransition, @LastDecision, @LastCommand, @Undoing, @FailureReason, @FailureMessage,
                @AttentionReason, @AttentionMessage, @ListenUri, @ConvergenceState::jsonb, @PlausibilityMemory::jsonb,
                @LatestReading::jsonb, @SourceEngineVersion, @TargetEngineVersion, @PredictedDowntime, @ReportedDowntime,
                @ObservedDowntime, @BytesTransferred, @RamBytes, @Passes, @ThrottlePercent, @FinalLimit, @PostCopyUsed,
                @PausedToConverge, @ReplicaId, @PriorityClass, @EvacuationId, @NotBefore, @PredictedOverhead)
            ON CONFLICT (migration_id) DO NOTHING
            """;
        const string Begin = """
            INSERT INTO migration_transitions (migration_id, sequence, from_phase, to_phase, at, reason)
            VALUES (@MigrationId, 1, NULL, 'Requested', @CreatedAt, 'asked for'),
                   (@MigrationId, 2, 'Requested', 'Queued', @CreatedAt, 'in the queue')
            """;
        var row = MigrationRow.From(migration);
        return await database.RunAsync(
            async (connection, token) =>
            {
                await using var transaction = await connection.BeginTransactionAsync(token);
                try
                {
                    if (await connection.ExecuteAsync(new CommandDefinition(Insert, row, transaction, cancellationToken: token)) == 0)
                    {
                        // By this call itself perhaps, and the connection broke before that was known: then nobody has been told yet.
                        Tell(migration.MigrationId);
                        return AdmitOutcome.AdmittedBefore;
                    }

                    await connection.ExecuteAsync(new CommandDefinition(Begin, row, transaction, cancellationToken: token));
                    if (migration.Notice is { } notice)
                    {
                        await NoticeStore.OpenAsync(connection, transaction, notice, token);
                    }

                    await transaction.CommitAsync(token);
                    Tell(migration.MigrationId);
                    return AdmitOutcome.Admitted;
                }
                catch (PostgresException clash) when (clash is
                { SqlState: PostgresErrorCodes.UniqueViolation, ConstraintName: "migrations_one_running_per_guest" })
                {
                    return AdmitOutcome.GuestAlreadyMigrating;
                }
            },
            cancellation);
    }

    private void Tell(Guid migrationId)
    {
        database.Notifications.Send(NotificationChannel.Migration, migrationId.ToString());
        database.Notifications.Send(NotificationChannel.Queue, migrationId.ToString());
    }

    public Task<Migration?> FindAsync(Guid migrationId, CancellationToken cancellation)
    {
        const string Sql = $"""
            SELECT {MigrationRow.Columns}
              FROM migrations m
             WHERE m.migration_id = @migrationId
            """;
        return database.RunAsync(
            async (connection, token) => (await connection.QuerySingleOrDefaultAsync<MigrationRow>(
                new CommandDefinition(Sql, new { migrationId }, cancellationToken: token)))?.ToMigration(),
            cancellation);
    }

    /// <summary>Those named, in no order.</summary>
    public Task<IReadOnlyList<Migration>> ListAsync(IReadOnlyCollection<Guid> migrationIds, CancellationToken cancellation)
    {
        const string Sql = $"""
            SELECT {MigrationRow.Columns}
              FROM migrations m
             WHERE m.migration_id = ANY (@migrationIds)
            """;
        return database.RunAsync<IReadOnlyList<Migration>>(
            async (connection, token) => [.. (await connection.QueryAsync<MigrationRow>(
                new CommandDefinition(Sql, new { migrationIds = migrationIds.ToArray() }, cancellationToken: token)))
                .Select(row => row.ToMigration())],
            cancellation);
    }

    /// <summary>How far the migrations are that are named and, unless only they are asked for, those that have not ended or not long ago.</summary>
    public Task<IReadOnlyList<LedgerPosition>> ListPositionsAsync(
        IReadOnlyCollection<Guid> named, bool onlyNamed, DateTimeOffset endedSince, CancellationToken cancellation)
    {
        const string Sql = $"""
            SELECT m.migration_id AS MigrationId, m.last_transition AS LastTransition, m.last_decision AS LastDecision,
                   m.ended_at IS NOT NULL AS Ended
              FROM migrations m
             WHERE m.migration_id = ANY (@named) OR (NOT @onlyNamed AND ({NotEnded} OR m.ended_at >= @endedSince))
            """;
        return database.RunAsync<IReadOnlyList<LedgerPosition>>(
            async (connection, token) => [.. await connection.QueryAsync<LedgerPosition>(
                new CommandDefinition(Sql, new { named = named.ToArray(), onlyNamed, endedSince = endedSince.UtcDateTime }, cancellationToken: token))],
            cancellation);
    }

    public Task<Guid?> FindRunningOfAsync(string guestId, CancellationToken cancellation)
    {
        const string Sql = $"SELECT m.migration_id FROM migrations m WHERE m.guest_id = @guestId AND {NotEnded}";
        return database.RunAsync(
            (connection, token) => connection.QuerySingleOrDefaultAsync<Guid?>(
                new CommandDefinition(Sql, new { guestId }, cancellationToken: token)),
            cancellation);
    }

    /// <summary>Newest first.</summary>
    /// <param name="before">Key of the last one of the page before; null = from the newest.</param>
    public Task<IReadOnlyList<Migration>> ListAsync(
        MigrationQuery query, MigrationKey? before, int limit, CancellationToken cancellation)
    {
        const string Sql = $"""
            SELECT {MigrationRow.Columns}
              FROM migrations m
             WHERE (@GuestId = '' OR m.guest_id = @GuestId)
               AND (@HostId = '' OR m.source_host_id = @HostId OR m.target_host_id = @HostId)
               AND (cardinality(@phases) = 0 OR m.phase = ANY (@phases))
               AND (NOT @RunningOnly OR {NotEnded})
               AND (@beforeId::uuid IS NULL OR (m.created_at, m.migration_id) < (@beforeAt, @beforeId))
             ORDER BY m.created_at DESC, m.migration_id DESC
             LIMIT @limit
            """;
        var parameters = new
        {
            query.GuestId,
            query.HostId,
            phases = query.Phases.Select(phase => phase.ToString()).ToArray(),
            query.RunningOnly,
            beforeAt = before?.CreatedAt.UtcDateTime ?? DateTime.UnixEpoch,
            beforeId = before?.MigrationId,
            limit,
        };
        return database.RunAsync<IReadOnlyList<Migration>>(
            async (connection, token) => [.. (await connection.QueryAsync<MigrationRow>(
                new CommandDefinition(Sql, parameters, cancellationToken: token))).Select(row => row.ToMigration())],
            cancellation);
    }
}

internal enum AdmitOutcome
{
    Admitted,

    /// <summary>The id is taken: by a repeat of the same request, or by another; the row says which.</summary>
    AdmittedBefore,
    GuestAlreadyMigrating,
}

/// <summary>Where a list of migrations goes on.</summary>
internal sealed record MigrationKey(DateTimeOffset CreatedAt, Guid MigrationId);
