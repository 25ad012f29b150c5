using System.Diagnostics;
using Dapper;
using Google.Protobuf;
using Npgsql;
using Orchestrator.Agent.V1;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Database.Notifications;
using Orchestrator.Policy.Lifecycle;
using Orchestrator.V1;
using MigrationPhase = Orchestrator.Policy.Lifecycle.MigrationPhase;

namespace Orchestrator.ControlPlane.Migrations.Ledger;

/// <summary>
/// What a running migration writes. One statement carries everything that one step causes, the commands to agents included, and writes
/// nothing unless the row is as the writer read it, revision and epoch.
/// </summary>
internal sealed class ProgressStore(DatabaseGate database)
{
    public Task<WriteOutcome> WriteAsync(LedgerWrite write, CancellationToken cancellation)
    {
        const string Sql = """
            WITH written AS (
                UPDATE migrations
                   SET max_bytes_per_second = @MaxBytesPerSecond, policy = @Policy, policy_revision = @PolicyRevision,
                       max_downtime = @MaxDowntime, phase = @Phase, phase_since = @PhaseSince, ended_at = @EndedAt,
                       revision = @Revision, last_transition = @LastTransition, last_decision = @LastDecision,
                       last_command = @LastCommand, undoing = @Undoing, failure_reason = @FailureReason,
                       failure_message = @FailureMessage, attention_reason = @AttentionReason,
                       attention_message = @AttentionMessage, listen_uri = @ListenUri,
                       convergence_state = @ConvergenceState::jsonb, plausibility_memory = @PlausibilityMemory::jsonb,
                       latest_reading = @LatestReading::jsonb, source_engine_version = @SourceEngineVersion,
                       target_engine_version = @TargetEngineVersion, predicted_downtime = @PredictedDowntime,
                       predicted_overhead = @PredictedOverhead,
                       reported_downtime = @ReportedDowntime, observed_downtime = @ObservedDowntime,
                       bytes_transferred = @BytesTransferred, ram_bytes = @RamBytes, passes = @Passes,
                       throttle_percent = @ThrottlePercent, final_limit = @FinalLimit, post_copy_used = @PostCopyUsed,
                       paused_to_converge = @PausedToConverge, replica_id = CASE WHEN @ends THEN NULL ELSE replica_id END
                 WHERE migration_id = @MigrationId AND revision = @readRevision AND epoch = @Epoch
             RETURNING migration_id),
            transition AS (
                INSERT INTO migration_transitions (migration_id, sequence, from_phase, to_phase, at, reason)
                SELECT migration_id, @LastTransition, @fromPhase, @Phase, @at, @reason
                  FROM written
                 WHERE @moves),
            decision AS (
                INSERT INTO migration_decisions (
                    migration_id, sequence, at, elapsed, action, origin, rule, reason, downtime_limit, throttle_max_percent,
                    bytes_per_second, max_pause, reading_sequence, inputs, policy, policy_revision, command_id, request_id,
                    report_to_decision, outcome, outcome_message, switchover_bytes_per_second, forecast, alternatives)
                SELECT migration_id, @LastDecision, @d_at, @d_elapsed, @d_action, @d_origin, @d_rule, @d_reason, @d_downtime_limit,
                       @d_throttle, @d_bandwidth, @d_max_pause, @d_reading, @d_inputs::jsonb, @Policy, @PolicyRevision, @d_command,
                       @d_request, @d_report_to_decision, @d_outcome, @d_outcome_message, @d_switchover, @d_forecast::jsonb,
                       @d_alternatives::jsonb
                  FROM written
                 WHERE @decides),
            commands AS (
                INSERT INTO migration_commands (migration_id, command_id, host_id, kind, payload, intended_at, message, listen_uri)
                SELECT migration_id, c.command_id, c.host_id, c.kind, c.payload, @at, '', ''
                  FROM written, unnest(@c_ids, @c_hosts, @c_kinds, @c_payloads) AS c (command_id, host_id, kind, payload)),
            guest AS (
                UPDATE guests
                   SET active_migration_id = NULL, migration_target_host_id = NULL, migration_keeps_stopped = false,
                       host_id = CASE WHEN @moved THEN @TargetHostId ELSE host_id END,
                       serial_socket = CASE WHEN @moved THEN '' ELSE serial_socket END,
                       state = coalesce(@guestState, state),
                       state_since = CASE WHEN @guestState IS NULL OR @guestState = state THEN state_since ELSE @at END,
                       revision = revision + 1
                 WHERE @ends AND guest_id = @GuestId AND active_migration_id = @MigrationId AND EXISTS (SELECT FROM written)),
            taught AS (
                INSERT INTO downtime_observations (
                    migration_id, at, engine, source_engine_version, target_engine_version, device_kind, predicted, predicted_overhead,
                    reported, observed, budget)
                SELECT migration_id, @at, @t_engine, @t_source, @t_target, @t_device, @t_predicted, @t_overhead, @t_reported, @t_observed,
                       @MaxDowntime
                  FROM written
                 WHERE @teaches
                ON CONFLICT (migration_id) DO NOTHING),
            slot AS (
                DELETE FROM migration_slots
                 WHERE @ends AND migration_id = @MigrationId AND EXISTS (SELECT FROM written))
            SELECT count(*) FROM written
            """;
        var parameters = Parameters(write);
        return database.RunAsync(
            async (connection, token) =>
            {
                try
                {
                    var command = new CommandDefinition(Sql, parameters, cancellationToken: token);
                    var outcome = await connection.ExecuteScalarAsync<long>(command) == 1
                        ? WriteOutcome.Written
                        : await WhyNotAsync(connection, write, token);
                    Tell(write, outcome);
                    return outcome;
                }
                catch (PostgresException clash) when (clash is
                { SqlState: PostgresErrorCodes.UniqueViolation, ConstraintName: "migration_decisions_one_per_request" })
                {
                    return WriteOutcome.RequestedBefore;
                }
            },
            cancellation);
    }

    /// <summary>Writes an agent's answer to a command, and to the decision that the command carries out.</summary>
    /// <param name="decisionToCommand">From the decision to the command's leaving; null when no decision is behind it.</param>
    /// <returns>False when somebody with a higher epoch has taken over.</returns>
    public Task<bool> AnswerAsync(
        Migration migration, StoredCommand command, TimeSpan? decisionToCommand, CancellationToken cancellation)
    {
        // Not waited for until it is on disk: an answer that a crash of the database loses is had again by sending the command again, which
        // is carried out once however often it comes.
        const string Sql = """
            WITH mine AS (
                SELECT migration_id FROM migrations WHERE migration_id = @MigrationId AND epoch = @Epoch FOR SHARE),
            answered AS (
                UPDATE migration_commands c
                   SET outcome = @outcome, outcome_at = @at, message = @message, listen_uri = @listenUri
                  FROM mine
                 WHERE c.migration_id = mine.migration_id AND c.command_id = @CommandId),
            prepared AS (
                UPDATE migration_slots s
                   SET prepared_at = @at
                  FROM mine
                 WHERE @prepared AND s.migration_id = mine.migration_id AND s.prepared_at IS NULL
             RETURNING s.migration_id),
            decided AS (
                UPDATE migration_decisions d
                   SET outcome = @decisionOutcome, outcome_message = @message, decision_to_command = @decisionToCommand
                  FROM mine
                 WHERE d.migration_id = mine.migration_id AND d.command_id = @CommandId
             RETURNING d.migration_id)
            SELECT (SELECT count(*) FROM mine) AS Mine, (SELECT count(*) FROM prepared) AS Prepared, (SELECT count(*) FROM decided) AS Decided,
                   set_config('synchronous_commit', 'off', true)
            """;
        var answer = command.Answer ?? throw new ArgumentException("The command has no answer.", nameof(command));
        var parameters = new
        {
            migration.MigrationId,
            migration.Epoch,
            command.CommandId,
            outcome = answer.Outcome.ToString(),
            decisionOutcome = DecisionOutcomeOf(answer.Outcome).ToString(),
            at = answer.At.UtcDateTime,
            message = answer.Message,
            listenUri = answer.ListenUri,
            decisionToCommand,
            prepared = command.Kind is AgentCommandKind.PrepareTarget && answer.Outcome is CommandOutcome.Done,
        };
        return database.RunAsync(
            async (connection, token) =>
            {
                var (mine, isPrepared, decided, _) = await connection.QuerySingleAsync<(long Mine, long Prepared, long Decided, string)>(
                    new CommandDefinition(Sql, parameters, cancellationToken: token));
                if (isPrepared > 0)
                {
                    database.Notifications.Send(NotificationChannel.Queue, migration.MigrationId.ToString());
                }

                if (decided > 0)
                {
                    database.Notifications.Send(NotificationChannel.Migration, migration.MigrationId.ToString());
                }

                return mine == 1;
            },
            cancellation);
    }

    /// <summary>All commands of the migrations named, in their order.</summary>
    public Task<ILookup<Guid, StoredCommand>> ListCommandsAsync(IReadOnlyCollection<Guid> migrationIds, CancellationToken cancellation)
    {
        const string Sql = """
            SELECT migration_id AS MigrationId, command_id AS CommandId, host_id AS HostId, kind, payload, intended_at AS IntendedAt, outcome,
                   outcome_at AS OutcomeAt, message, listen_uri AS ListenUri
              FROM migration_commands
             WHERE migration_id = ANY (@migrationIds)
             ORDER BY migration_id, command_id
            """;
        return database.RunAsync(
            async (connection, token) => (await connection.QueryAsync<CommandRow>(new CommandDefinition(
                Sql, new { migrationIds = migrationIds.ToArray() }, cancellationToken: token)))
                .ToLookup(row => row.MigrationId, row => row.ToCommand()),
            cancellation);
    }

    public static DecisionOutcome DecisionOutcomeOf(CommandOutcome outcome) => outcome switch
    {
        CommandOutcome.Done => DecisionOutcome.Applied,
        CommandOutcome.Refused => DecisionOutcome.Refused,
        CommandOutcome.WrongState or CommandOutcome.SessionUnknown or CommandOutcome.Overtaken => DecisionOutcome.Overtaken,
    };

    private void Tell(LedgerWrite write, WriteOutcome outcome)
    {
        if (outcome is not WriteOutcome.Written)
        {
            return;
        }

        var migrationId = write.Now.MigrationId.ToString();
        if (write.Read.Phase != write.Now.Phase || write.Decision is not null)
        {
            database.Notifications.Send(NotificationChannel.Migration, migrationId);
        }

        if (write.Now.HasEnded)
        {
            database.Notifications.Send(NotificationChannel.Queue, migrationId);
        }
    }

    private static async Task<WriteOutcome> WhyNotAsync(NpgsqlConnection connection, LedgerWrite write, CancellationToken cancellation)
    {
        const string Sql = """
            SELECT epoch, revision = @Revision AND phase = @phase AND last_transition = @LastTransition AND last_decision = @LastDecision
                          AND last_command = @LastCommand AS written,
                   revision
              FROM migrations
             WHERE migration_id = @MigrationId
            """;
        var now = write.Now;
        var parameters = new
        {
            now.MigrationId,
            now.Revision,
            phase = now.Phase.ToString(),
            now.LastTransition,
            now.LastDecision,
            now.LastCommand,
        };
        var (epoch, written, revision) = await connection.QuerySingleAsync<(long, bool, long)>(
            new CommandDefinition(Sql, parameters, cancellationToken: cancellation));
        return epoch != write.Read.Epoch ? WriteOutcome.Fenced

            // Its own statement, committed before the connection broke.
            : written ? WriteOutcome.Written
            : throw new UnreachableException(
                $"Migration {now.MigrationId} is at revision {revision} under epoch {epoch}; its only writer read {write.Read.Revision}.");
    }

    private static DynamicParameters Parameters(LedgerWrite write)
    {
        var (read, now, decision) = (write.Read, write.Now, write.Decision?.Decision);
        var parameters = new DynamicParameters(MigrationRow.From(now));
        parameters.AddDynamicParams(new
        {
            readRevision = read.Revision,
            moves = read.Phase != now.Phase,
            fromPhase = read.Phase.ToString(),
            at = write.At.UtcDateTime,
            reason = write.Reason,
            decides = decision is not null,
            d_at = decision?.At?.ToDateTime() ?? write.At.UtcDateTime,
            d_elapsed = decision?.Elapsed?.ToTimeSpan() ?? TimeSpan.Zero,
            d_action = decision?.Action.ToString() ?? "",
            d_origin = decision?.Origin.ToString() ?? "",
            d_rule = decision?.Rule ?? "",
            d_reason = decision?.Reason ?? "",
            d_downtime_limit = decision?.DowntimeLimit?.ToTimeSpan(),
            d_throttle = (int)(decision?.ThrottleMaxPercent ?? 0),
            d_bandwidth = (long)(decision?.BandwidthBytesPerSecond ?? 0),
            d_max_pause = decision?.MaxPause?.ToTimeSpan(),
            d_reading = (long)(decision?.ReadingSequence ?? 0),
            d_inputs = HistoryJson.Write(decision?.Inputs),
            d_command = write.Decision?.CommandId,
            d_request = write.Decision?.RequestId,
            d_report_to_decision = decision?.ReportToDecision?.ToTimeSpan() ?? TimeSpan.Zero,
            d_outcome = decision?.Outcome.ToString() ?? "",
            d_outcome_message = decision?.OutcomeMessage ?? "",
            d_switchover = (long)Math.Min(decision?.SwitchoverBytesPerSecond ?? 0, long.MaxValue),
            d_forecast = HistoryJson.Write(decision?.Forecast),
            d_alternatives = HistoryJson.Write(decision?.Alternatives),
            c_ids = write.Commands.Select(command => command.CommandId).ToArray(),
            c_hosts = write.Commands.Select(command => command.HostId).ToArray(),
            c_kinds = write.Commands.Select(command => command.Kind.ToString()).ToArray(),
            c_payloads = write.Commands.Select(command => command.Request.ToByteArray()).ToArray(),
            teaches = write.Taught is not null,
            t_engine = write.Taught?.Kind.Engine ?? "",
            t_source = write.Taught?.Kind.SourceEngineVersion ?? "",
            t_target = write.Taught?.Kind.TargetEngineVersion ?? "",
            t_device = write.Taught?.Kind.DeviceKind ?? "",
            t_predicted = write.Taught?.Observation.Predicted ?? TimeSpan.Zero,
            t_overhead = write.Taught?.Observation.PredictedOverhead ?? TimeSpan.Zero,
            t_reported = write.Taught?.Observation.Reported ?? TimeSpan.Zero,
            t_observed = write.Taught?.Observation.Observed,
            ends = now.HasEnded,
            moved = now.Phase is MigrationPhase.Completed,
            guestState = write.GuestState?.ToString(),
        });
        return parameters;
    }

    /// <summary>Positional on purpose: a column that does not fit throws instead of staying at its default.</summary>
    private sealed record CommandRow(
        Guid MigrationId,
        long CommandId,
        string HostId,
        string Kind,
        byte[] Payload,
        DateTime IntendedAt,
        string? Outcome,
        DateTime? OutcomeAt,
        string Message,
        string ListenUri)
    {
        public StoredCommand ToCommand() => new(
            CommandId,
            HostId,
            Enum.Parse<AgentCommandKind>(Kind),
            ExecuteRequest.Parser.ParseFrom(Payload),
            new DateTimeOffset(IntendedAt, TimeSpan.Zero))
        {
            Answer = Outcome is { } outcome && OutcomeAt is { } at
                ? new CommandAnswer(Enum.Parse<CommandOutcome>(outcome), new DateTimeOffset(at, TimeSpan.Zero), Message, ListenUri)
                : null,
        };
    }
}
