using System.Collections.Concurrent;
using Dapper;
using Npgsql;
using Orchestrator.ControlPlane.Guests;
using Orchestrator.ControlPlane.Migrations.Ledger;
using Orchestrator.ControlPlane.Placement;
using Orchestrator.Policy;
using Orchestrator.Policy.Admission;
using Orchestrator.Policy.Placement;

namespace Orchestrator.ControlPlane.Queue;

/// <summary>Reads everything that one pass decides on. What waits stays as it is mostly, so that only new rows are read whole.</summary>
internal sealed class QueueReader(FleetStore fleet, TimeProvider clock)
{
    // So many rows of what waits no more may lie about before they are looked for.
    private const int Slack = 1000;

    private readonly ConcurrentDictionary<Guid, QueuedRow> _known = new();

    private static readonly TimeSpan s_rateHoldsFor = TimeSpan.FromSeconds(30);

    private DataRate _typicalRate;
    private long _rateReadAt = long.MinValue;

    /// <param name="limits">As they are read under the lock, or without it for who only wants to know.</param>
    /// <param name="forecasting">Also how far those are that run: of no use to who only lets through.</param>
    public async Task<QueueFacts> ReadAsync(NpgsqlConnection connection, StoredLimits limits, bool forecasting, CancellationToken cancellation)
    {
        // The queue before its guests: one that was started and asked for meanwhile is not taken for one that is shut off. And the time
        // before both: what came after it may be missing.
        var at = clock.GetUtcNow();
        var waiting = await QueuedAsync(connection, cancellation);
        var reading = await fleet.ReadAsync(connection, limits.Limits.FailureMemory, [], cancellation);
        var dead = reading.Snapshot.Hosts.Where(host => host.Condition is HostCondition.Dead).Select(host => host.HostId).ToHashSet(StringComparer.Ordinal);
        List<QueuedMigration> queue = [];
        List<StrandedMigration> stranded = [];
        Dictionary<Guid, QueuedRow> rows = [];
        foreach (var row in waiting)
        {
            if (Stranded(row, reading.WhereaboutsOf(row.GuestId), dead) is { } why)
            {
                stranded.Add(new StrandedMigration(row.MigrationId, why));
            }
            else if (reading.RequestFor(row.GuestId) is { } request)
            {
                queue.Add(ToQueued(row, request));
                rows[row.MigrationId] = row;
            }
        }

        var running = await RunningAsync(connection, forecasting, cancellation);
        return new QueueFacts(
            new AdmissionSnapshot
            {
                Limits = limits.Limits,
                Fleet = reading.Snapshot with { At = at },
                Queue = queue,
                Running = [.. running.Select(row => row.ToRunning())],
                TypicalRate = await TypicalRateAsync(connection, cancellation),
            },
            stranded,
            rows,
            running.Where(row => row.Share is not null).ToDictionary(row => row.MigrationId, row => row.Share ?? 0));
    }

    private async Task<IReadOnlyList<QueuedRow>> QueuedAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        // Whoever changes another column of one that waits raises its revision.
        const string Sql = """
            SELECT m.migration_id AS MigrationId, m.revision, m.not_before AS NotBefore, m.notice_until AS NoticeUntil, m.paused
              FROM migrations m
             WHERE m.phase = 'Queued' AND NOT EXISTS (SELECT FROM migration_slots s WHERE s.migration_id = m.migration_id)
            """;
        const string Whole = """
            SELECT m.migration_id AS MigrationId, m.revision, m.guest_id AS GuestId, m.source_host_id AS SourceHostId,
                   m.target_host_id AS TargetHostId, m.requested_by AS RequestedBy, m.priority_class AS PriorityClass, m.created_at AS CreatedAt,
                   m.not_before AS NotBefore, m.notice_until AS NoticeUntil, m.paused, m.max_bytes_per_second AS MaxBytesPerSecond,
                   m.evacuation_id AS EvacuationId
              FROM migrations m
             WHERE m.migration_id = ANY (@ids) AND m.phase = 'Queued'
            """;
        var waiting = (await connection.QueryAsync<WaitingRow>(new CommandDefinition(Sql, cancellationToken: cancellation))).AsList();
        var ids = waiting.Where(row => !IsKnown(row)).Select(row => row.MigrationId).ToArray();
        foreach (var row in ids.Length == 0 ? []
            : await connection.QueryAsync<QueuedRow>(new CommandDefinition(Whole, new { ids }, cancellationToken: cancellation)))
        {
            _known[row.MigrationId] = row;
        }

        if (_known.Count > waiting.Count + Slack)
        {
            foreach (var gone in _known.Keys.Except(waiting.Select(row => row.MigrationId)).ToList())
            {
                _known.TryRemove(gone, out _);
            }
        }

        return [.. waiting.Select(row => _known.TryGetValue(row.MigrationId, out var known) ? row.In(known) : null).OfType<QueuedRow>()];

        bool IsKnown(WaitingRow row) => _known.TryGetValue(row.MigrationId, out var known) && known.Revision == row.Revision;
    }

    private static async Task<List<RunningRow>> RunningAsync(NpgsqlConnection connection, bool forecasting, CancellationToken cancellation)
    {
        const string Columns = """
            m.migration_id AS MigrationId, m.source_host_id AS SourceHostId, m.target_host_id AS TargetHostId,
            m.requested_by AS RequestedBy, m.priority_class AS PriorityClass, m.created_at AS CreatedAt,
            coalesce(s.pool, 'Transferring') AS Pool, CASE WHEN m.phase = 'Preparing' THEN s.prepared_at END AS PreparedAt,
            coalesce(s.memory_bytes, (m.spec ->> 'memoryBytes')::bigint, 0) AS Memory, m.max_bytes_per_second AS MaxBytesPerSecond,
            CASE WHEN @forecasting THEN coalesce((m.latest_reading ->> 'remainingBytes')::bigint, 0) ELSE 0 END AS Remaining,
            CASE WHEN @forecasting THEN coalesce((m.latest_reading ->> 'bandwidthBytesPerSecond')::bigint, 0) ELSE 0 END AS Bandwidth,
            s.bandwidth_share AS Share
            """;

        // Without a slot: begun under the release before, and taken up by one of this. While it is undone or nobody knows what it is, it
        // transfers nothing more.
        const string Sql = $"""
            SELECT {Columns}
              FROM migration_slots s
              JOIN migrations m ON m.migration_id = s.migration_id
             UNION ALL
            SELECT {Columns}
              FROM migrations m
              LEFT JOIN migration_slots s ON s.migration_id = m.migration_id
             WHERE s.migration_id IS NULL AND m.replica_id IS NOT NULL AND {MigrationStore.NotEnded} AND m.phase NOT IN ('Requested', 'Queued')
            """;
        return (await connection.QueryAsync<RunningRow>(new CommandDefinition(Sql, new { forecasting }, cancellationToken: cancellation))).AsList();
    }

    private async Task<DataRate> TypicalRateAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        const string Sql = """
            WITH lately AS (
                SELECT m.migration_id, (m.spec ->> 'memoryBytes')::bigint AS memory, m.ended_at
                  FROM migrations m
                 WHERE m.phase = 'Completed'
                 ORDER BY m.created_at DESC
                 LIMIT 64)
            SELECT coalesce(sum(l.memory) / nullif(sum(extract(epoch FROM l.ended_at - t.at)), 0), 0)::bigint
              FROM lately l
              JOIN migration_transitions t ON t.migration_id = l.migration_id AND t.to_phase = 'Copying'
            """;
        var now = clock.GetTimestamp();
        if (_rateReadAt == long.MinValue || clock.GetElapsedTime(_rateReadAt, now) >= s_rateHoldsFor)
        {
            _typicalRate = new DataRate(await connection.ExecuteScalarAsync<long>(new CommandDefinition(Sql, cancellationToken: cancellation)));
            _rateReadAt = now;
        }

        return _typicalRate;
    }

    /// <summary>
    /// A caller who names a target knows what he does as far as that can be known only by trying: where it failed lately, and an engine that
    /// is older by its number.
    /// </summary>
    private static QueuedMigration ToQueued(QueuedRow row, PlacementRequest request) => new()
    {
        MigrationId = row.MigrationId,
        Caller = row.RequestedBy,
        PriorityClass = row.PriorityClass,
        QueuedAt = new DateTimeOffset(row.CreatedAt, TimeSpan.Zero),
        TargetHostId = row.TargetHostId.Length > 0 ? row.TargetHostId : null,
        MaxRate = new DataRate(row.MaxBytesPerSecond),
        NotBefore = Utc(row.NotBefore),
        NoticeUntil = Utc(row.NoticeUntil),
        Paused = row.Paused,
        Placement = row.TargetHostId.Length == 0 ? request
            : request with { Machine = request.Machine with { EngineVersion = "" }, RecentFailures = [] },
    };

    /// <returns>Why it can never go; null = it may.</returns>
    private static string? Stranded(QueuedRow row, WhereaboutsRow? guest, HashSet<string> dead) => guest switch
    {
        null or { HostId: null } => "its guest was shut off while it waited",
        _ when dead.Contains(guest.HostId) => $"its guest's host {guest.HostId} is dead",
        { State: not (nameof(StoredGuestState.Running) or nameof(StoredGuestState.Paused)) } =>
            $"its guest was neither running nor paused while it waited ({guest.State})",
        { Stopping: true } => "its guest's owner asked for a stop while it waited",
        _ when guest.HostId != row.SourceHostId => $"its guest is on {guest.HostId} by now and not on {row.SourceHostId}",
        _ => null,
    };

    private static DateTimeOffset? Utc(DateTime? time) => time is { } known ? new DateTimeOffset(known, TimeSpan.Zero) : null;

    /// <summary>Positional on purpose: a column that does not fit throws instead of staying at its default.</summary>
    private sealed record RunningRow(
        Guid MigrationId,
        string SourceHostId,
        string TargetHostId,
        string RequestedBy,
        string PriorityClass,
        DateTime CreatedAt,
        string Pool,
        DateTime? PreparedAt,
        long Memory,
        long MaxBytesPerSecond,
        long Remaining,
        long Bandwidth,
        long? Share)
    {
        public RunningMigration ToRunning() => new()
        {
            MigrationId = MigrationId,
            Caller = RequestedBy,
            PriorityClass = PriorityClass,
            QueuedAt = new DateTimeOffset(CreatedAt, TimeSpan.Zero),
            SourceHostId = SourceHostId,
            TargetHostId = TargetHostId,
            Pool = Pool == nameof(AdmissionPool.Transferring) ? AdmissionPool.Transferring : AdmissionPool.Preparing,
            PreparedAt = Utc(PreparedAt),
            Memory = new DataSize(Memory),
            MaxRate = new DataRate(MaxBytesPerSecond),
            Remaining = Remaining > 0 && Bandwidth > 0 ? new DataSize(Remaining) / new DataRate(Bandwidth) : null,
        };
    }
}

/// <param name="Stranded">What can never go; to be ended.</param>
/// <param name="Rows">Of the queue.</param>
/// <param name="Shares">Bytes per second, 0 = not limited, as they are written in the slots.</param>
internal sealed record QueueFacts(
    AdmissionSnapshot Snapshot,
    IReadOnlyList<StrandedMigration> Stranded,
    IReadOnlyDictionary<Guid, QueuedRow> Rows,
    IReadOnlyDictionary<Guid, long> Shares);

internal sealed record StrandedMigration(Guid MigrationId, string Why);

/// <summary>What of a row of the queue may change without a new revision.</summary>
internal sealed record WaitingRow(Guid MigrationId, long Revision, DateTime? NotBefore, DateTime? NoticeUntil, bool Paused)
{
    public QueuedRow In(QueuedRow row) => row.NotBefore == NotBefore && row.NoticeUntil == NoticeUntil && row.Paused == Paused ? row
        : row with { NotBefore = NotBefore, NoticeUntil = NoticeUntil, Paused = Paused };
}

/// <summary>A row of the queue with the driver's types.</summary>
internal sealed record QueuedRow(
    Guid MigrationId,
    long Revision,
    string GuestId,
    string SourceHostId,
    string TargetHostId,
    string RequestedBy,
    string PriorityClass,
    DateTime CreatedAt,
    DateTime? NotBefore,
    DateTime? NoticeUntil,
    bool Paused,
    long MaxBytesPerSecond,
    Guid? EvacuationId);
