using Dapper;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.ControlPlane.Database;
using Orchestrator.V1;
using Enum = System.Enum;

namespace Orchestrator.ControlPlane.Migrations.Ledger;

/// <summary>Reads what was recorded of migrations: transitions, decisions, readings; oldest first.</summary>
internal sealed class MigrationHistory(DatabaseGate database)
{
    private const string SelectDecisions = """
        SELECT sequence, at, elapsed, action, origin, rule, reason, downtime_limit AS DowntimeLimit,
               throttle_max_percent AS ThrottleMaxPercent, bytes_per_second AS BytesPerSecond, max_pause AS MaxPause,
               reading_sequence AS ReadingSequence, inputs::text AS Inputs, policy, policy_revision AS PolicyRevision,
               report_to_decision AS ReportToDecision, decision_to_command AS DecisionToCommand, outcome,
               outcome_message AS OutcomeMessage, switchover_bytes_per_second AS SwitchoverBytesPerSecond, forecast::text AS Forecast,
               alternatives::text AS Alternatives
          FROM migration_decisions
        """;

    private const string ReadingColumns = """
        sequence, at, elapsed, pass, passes_honest AS PassesHonest, round, ram_total_bytes AS RamTotalBytes,
        ram_remaining_bytes AS RamRemainingBytes, remaining_bytes AS RemainingBytes, stop_copy_bytes AS StopCopyBytes,
        transferred_bytes AS TransferredBytes, bandwidth_bytes_per_second AS BandwidthBytesPerSecond,
        switchover_bytes_per_second AS SwitchoverBytesPerSecond, dirty_bytes_per_second AS DirtyBytesPerSecond,
        expected_downtime AS ExpectedDowntime, downtime_limit AS DowntimeLimit, throttle_percent AS ThrottlePercent,
        guest_running AS GuestRunning, engine_status AS EngineStatus, suspects::text AS Suspects, activity, use,
        first_pass AS FirstPass, paused_to_converge AS PausedToConverge, fresh, epoch, max_bytes_per_second AS MaxBytesPerSecond,
        probe_elapsed AS ProbeElapsed, probe_interval AS ProbeInterval, probe_bytes AS ProbeBytes
        """;

    public Task<IReadOnlyList<Transition>> ListTransitionsAsync(Guid migrationId, CancellationToken cancellation)
    {
        const string Sql = """
            SELECT sequence, from_phase AS FromPhase, to_phase AS ToPhase, at, reason
              FROM migration_transitions
             WHERE migration_id = @migrationId
             ORDER BY sequence
            """;
        return ListAsync<TransitionRow, Transition>(Sql, new { migrationId }, row => row.ToTransition(), cancellation);
    }

    /// <param name="after">Sequence of the last one of the page before; 0 = from the first.</param>
    public Task<IReadOnlyList<Decision>> ListDecisionsAsync(Guid migrationId, int after, int limit, CancellationToken cancellation)
    {
        const string Sql = $"""
            {SelectDecisions}
             WHERE migration_id = @migrationId AND sequence > @after
             ORDER BY sequence
             LIMIT @limit
            """;
        return ListAsync<DecisionRow, Decision>(Sql, new { migrationId, after, limit }, row => row.ToDecision(), cancellation);
    }

    /// <returns>Null when no decision is behind the command.</returns>
    public async Task<Decision?> FindDecisionBehindAsync(Guid migrationId, long commandId, CancellationToken cancellation)
    {
        const string Sql = $"""
            {SelectDecisions}
             WHERE migration_id = @migrationId AND command_id = @commandId
            """;
        return await ListAsync<DecisionRow, Decision>(Sql, new { migrationId, commandId }, row => row.ToDecision(), cancellation)
            is [var decision, ..] ? decision : null;
    }

    public Task<int> CountDecisionsAsync(Guid migrationId, DecisionOrigin origin, CancellationToken cancellation)
    {
        const string Sql = "SELECT count(*)::integer FROM migration_decisions WHERE migration_id = @migrationId AND origin = @origin";
        return database.RunAsync(
            (connection, token) => connection.ExecuteScalarAsync<int>(
                new CommandDefinition(Sql, new { migrationId, origin = origin.ToString() }, cancellationToken: token)),
            cancellation);
    }

    public Task<bool> HasRequestAsync(Guid migrationId, Guid requestId, CancellationToken cancellation)
    {
        const string Sql =
            "SELECT EXISTS (SELECT FROM migration_decisions WHERE migration_id = @migrationId AND request_id = @requestId)";
        return database.RunAsync(
            (connection, token) => connection.ExecuteScalarAsync<bool>(
                new CommandDefinition(Sql, new { migrationId, requestId }, cancellationToken: token)),
            cancellation);
    }

    /// <param name="after">Key of the last one of the page before.</param>
    public Task<IReadOnlyList<Reading>> ListReadingsAsync(
        Guid migrationId, ReadingKey after, int limit, CancellationToken cancellation)
    {
        const string Sql = $"""
            SELECT {ReadingColumns}
              FROM migration_readings
             WHERE migration_id = @migrationId AND (at, sequence) > (@at, @sequence) AND at >= @at
             ORDER BY at, sequence
             LIMIT @limit
            """;
        var parameters = new { migrationId, at = after.At.UtcDateTime, sequence = after.Sequence, limit };
        return ListAsync<ReadingRow, Reading>(Sql, parameters, row => row.ToReading(), cancellation);
    }

    /// <summary>The newest reading of each migration named that has one.</summary>
    /// <param name="since">None before this: older partitions need not be looked into.</param>
    public Task<IReadOnlyDictionary<Guid, Reading>> ListLatestReadingsAsync(
        IReadOnlyCollection<Guid> migrationIds, DateTimeOffset since, CancellationToken cancellation)
    {
        const string Sql = $"""
            SELECT wanted.migration_id AS MigrationId, latest.*
              FROM unnest(@migrationIds) AS wanted (migration_id),
                   LATERAL (SELECT {ReadingColumns}
                              FROM migration_readings r
                             WHERE r.migration_id = wanted.migration_id AND r.at >= @since
                             ORDER BY r.at DESC, r.sequence DESC
                             LIMIT 1) AS latest
            """;
        var parameters = new { migrationIds = migrationIds.ToArray(), since = since.UtcDateTime };
        return database.RunAsync<IReadOnlyDictionary<Guid, Reading>>(
            async (connection, token) => (await connection.QueryAsync<Guid, ReadingRow, (Guid Id, Reading Reading)>(
                new CommandDefinition(Sql, parameters, cancellationToken: token),
                (migrationId, row) => (migrationId, row.ToReading()),
                splitOn: "sequence")).ToDictionary(latest => latest.Id, latest => latest.Reading),
            cancellation);
    }

    private Task<IReadOnlyList<TMessage>> ListAsync<TRow, TMessage>(
        string sql, object parameters, Func<TRow, TMessage> message, CancellationToken cancellation) =>
        database.RunAsync<IReadOnlyList<TMessage>>(
            async (connection, token) => [.. (await connection.QueryAsync<TRow>(
                new CommandDefinition(sql, parameters, cancellationToken: token))).Select(message)],
            cancellation);

    private sealed record TransitionRow(int Sequence, string? FromPhase, string ToPhase, DateTime At, string Reason)
    {
        public Transition ToTransition() => new()
        {
            Sequence = (uint)Sequence,
            From = FromPhase is null ? MigrationPhase.Unspecified : MigrationMessages.Phase(FromPhase),
            To = MigrationMessages.Phase(ToPhase),
            At = At.ToTimestamp(),
            Reason = Reason,
        };
    }

    private sealed record DecisionRow(
        int Sequence,
        DateTime At,
        TimeSpan Elapsed,
        string Action,
        string Origin,
        string Rule,
        string Reason,
        TimeSpan? DowntimeLimit,
        int ThrottleMaxPercent,
        long BytesPerSecond,
        TimeSpan? MaxPause,
        long ReadingSequence,
        string Inputs,
        string Policy,
        int PolicyRevision,
        TimeSpan ReportToDecision,
        TimeSpan? DecisionToCommand,
        string Outcome,
        string OutcomeMessage,
        long SwitchoverBytesPerSecond,
        string? Forecast,
        string? Alternatives)
    {
        public Decision ToDecision() => new()
        {
            Sequence = (uint)Sequence,
            At = At.ToTimestamp(),
            Elapsed = Elapsed.ToDuration(),
            Action = Enum.Parse<DecisionAction>(Action),
            Origin = Enum.Parse<DecisionOrigin>(Origin),
            Rule = Rule,
            Reason = Reason,
            DowntimeLimit = DowntimeLimit?.ToDuration(),
            ThrottleMaxPercent = (uint)ThrottleMaxPercent,
            BandwidthBytesPerSecond = (ulong)BytesPerSecond,
            MaxPause = MaxPause?.ToDuration(),
            ReadingSequence = (ulong)ReadingSequence,
            Inputs = { HistoryJson.ReadInputs(Inputs) },
            Policy = Policy,
            PolicyRevision = (uint)PolicyRevision,
            ReportToDecision = ReportToDecision.ToDuration(),
            DecisionToCommand = DecisionToCommand?.ToDuration(),
            Outcome = Enum.Parse<DecisionOutcome>(Outcome),
            OutcomeMessage = OutcomeMessage,
            SwitchoverBytesPerSecond = (ulong)SwitchoverBytesPerSecond,
            Forecast = HistoryJson.ReadForecast(Forecast),
            Alternatives = { HistoryJson.ReadAlternatives(Alternatives) },
        };
    }

    private sealed record ReadingRow(
        long Sequence,
        DateTime At,
        TimeSpan Elapsed,
        int Pass,
        bool PassesHonest,
        int Round,
        long RamTotalBytes,
        long RamRemainingBytes,
        long RemainingBytes,
        long StopCopyBytes,
        long TransferredBytes,
        long BandwidthBytesPerSecond,
        long SwitchoverBytesPerSecond,
        long? DirtyBytesPerSecond,
        TimeSpan? ExpectedDowntime,
        TimeSpan DowntimeLimit,
        short ThrottlePercent,
        bool GuestRunning,
        string EngineStatus,
        string? Suspects,
        short? Activity,
        short? Use,
        bool? FirstPass,
        bool? PausedToConverge,
        int? Fresh,
        long? Epoch,
        long? MaxBytesPerSecond,
        TimeSpan? ProbeElapsed,
        TimeSpan? ProbeInterval,
        long? ProbeBytes)
    {
        public Reading ToReading()
        {
            var reading = new Reading
            {
                Sequence = (ulong)Sequence,
                At = At.ToTimestamp(),
                Elapsed = Elapsed.ToDuration(),
                Pass = (uint)Pass,
                PassesHonest = PassesHonest,
                Round = (uint)Round,
                RamTotalBytes = (ulong)RamTotalBytes,
                RamRemainingBytes = (ulong)RamRemainingBytes,
                RemainingBytes = (ulong)RemainingBytes,
                StopCopyBytes = (ulong)StopCopyBytes,
                TransferredBytes = (ulong)TransferredBytes,
                BandwidthBytesPerSecond = (ulong)BandwidthBytesPerSecond,
                SwitchoverBytesPerSecond = (ulong)SwitchoverBytesPerSecond,
                ExpectedDowntime = ExpectedDowntime?.ToDuration(),
                DowntimeLimit = DowntimeLimit.ToDuration(),
                ThrottlePercent = (uint)ThrottlePercent,
                GuestRunning = GuestRunning,
                EngineStatus = EngineStatus,
                Suspects = { HistoryJson.ReadSuspects(Suspects) },
                Activity = (EngineActivity)(Activity ?? 0),
                Use = (ReadingUse)(Use ?? 0),
                FirstPass = FirstPass ?? false,
                PausedToConverge = PausedToConverge ?? false,
                Fresh = { FreshMask.Read(Fresh ?? 0) },
                Epoch = (ulong)(Epoch ?? 0),
                MaxBytesPerSecond = (ulong)(MaxBytesPerSecond ?? 0),
                ProbeElapsed = ProbeElapsed?.ToDuration(),
                ProbeInterval = ProbeInterval?.ToDuration(),
                ProbeBytes = (ulong)(ProbeBytes ?? 0),
            };
            if (DirtyBytesPerSecond is { } dirty)
            {
                reading.DirtyBytesPerSecond = (ulong)dirty;
            }

            return reading;
        }
    }
}

/// <summary>Where a list of readings goes on. A sequence alone is none: an agent that lost its journal counts anew.</summary>
internal sealed record ReadingKey(DateTimeOffset At, long Sequence);
