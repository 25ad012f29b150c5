using Dapper;
using Npgsql;
using Orchestrator.ControlPlane.Database;
using Orchestrator.ControlPlane.Database.Notifications;
using Orchestrator.ControlPlane.Migrations;

namespace Orchestrator.ControlPlane.Queue;

/// <summary>
/// Owns the table migration_slots, and what of a migration's row changes before anybody commands it. A slot is deleted by the statement that
/// ends its migration, which is the ledger's.
/// </summary>
internal sealed class SlotStore(DatabaseGate database)
{
    /// <summary>What admission has given the migrations named; those without a slot are left out.</summary>
    public Task<IReadOnlyList<(Guid MigrationId, MigrationSlot Slot)>> ListAsync(
        IReadOnlyCollection<Guid> migrationIds, CancellationToken cancellation)
    {
        const string Sql = """
            SELECT migration_id, pool = 'Transferring', bandwidth_share
              FROM migration_slots
             WHERE migration_id = ANY (@migrationIds)
            """;
        return database.RunAsync<IReadOnlyList<(Guid, MigrationSlot)>>(
            async (connection, token) => [.. (await connection.QueryAsync<(Guid Id, bool MayTransfer, long Share)>(new CommandDefinition(
                Sql, new { migrationIds = migrationIds.ToArray() }, cancellationToken: token)))
                .Select(row => (row.Id, new MigrationSlot(row.MayTransfer, row.Share)))],
            cancellation);
    }

    /// <summary>
    /// Ends a migration that waits in the queue, at once, whoever may be about to take it up: with its epoch raised nobody who has taken it up
    /// writes it any more.
    /// </summary>
    /// <returns>False when it does not wait in the queue.</returns>
    public Task<bool> CancelQueuedAsync(Guid migrationId, string reason, DateTimeOffset at, CancellationToken cancellation)
    {
        // First the lock: a statement that had to wait for a round would still not see the slot that the round gave.
        const string Lock = "SELECT migration_id FROM migrations WHERE migration_id = @migrationId AND phase = 'Queued' FOR UPDATE";
        const string Sql = $"""
            WITH ended AS (
                UPDATE migrations
                   SET phase = 'Cancelled', phase_since = @at, ended_at = @at, revision = revision + 1, epoch = epoch + 1, replica_id = NULL,
                       last_transition = last_transition + 1, undoing = true, failure_message = @reason
                 WHERE migration_id = @migrationId AND phase = 'Queued'
             RETURNING migration_id, guest_id, last_transition),
            freed AS (
                DELETE FROM migration_slots s USING ended WHERE s.migration_id = ended.migration_id),
            guest AS (
                UPDATE guests g
                   SET active_migration_id = NULL, migration_target_host_id = NULL, migration_keeps_stopped = false, revision = g.revision + 1
                  FROM ended
                 WHERE g.guest_id = ended.guest_id AND g.active_migration_id = ended.migration_id),
            transition AS (
                INSERT INTO migration_transitions (migration_id, sequence, from_phase, to_phase, at, reason)
                SELECT migration_id, last_transition, 'Queued', 'Cancelled', @at, @reason FROM ended)
            SELECT count(*), count(pg_notify('{NotificationChannel.Migration}', migration_id::text)),
                   count(pg_notify('{NotificationChannel.Queue}', migration_id::text))
              FROM ended
            """;
        return database.RunAsync(
            async (connection, token) =>
            {
                await using var transaction = await connection.BeginTransactionAsync(token);
                var parameters = new { migrationId, reason, at = at.UtcDateTime };
                if (await connection.ExecuteScalarAsync<Guid?>(new CommandDefinition(Lock, parameters, transaction, cancellationToken: token)) is null)
                {
                    return false;
                }

                var ended = await connection.ExecuteScalarAsync<long>(new CommandDefinition(Sql, parameters, transaction, cancellationToken: token));
                await transaction.CommitAsync(token);
                return ended == 1;
            },
            cancellation);
    }

    /// <summary>Has what an evacuation queued and what was not let through yet wait, or wait no more.</summary>
    public Task HoldAsync(Guid evacuationId, bool held, CancellationToken cancellation)
    {
        // Locked in the order of a round, which takes many as well. The revision stays: whoever commands one that was let through in this
        // moment must find the row as it was read.
        const string Sql = $"""
            WITH queued AS MATERIALIZED (
                SELECT migration_id FROM migrations
                 WHERE evacuation_id = @evacuationId AND phase = 'Queued' AND paused <> @held
                 ORDER BY migration_id
                   FOR UPDATE),
            written AS (
                UPDATE migrations m
                   SET paused = @held
                  FROM queued
                 WHERE m.migration_id = queued.migration_id AND m.phase = 'Queued'
             RETURNING m.migration_id)
            SELECT count(pg_notify('{NotificationChannel.Queue}', migration_id::text)) FROM written
            """;
        return database.RunAsync(
            (connection, token) => connection.ExecuteScalarAsync<long>(
                new CommandDefinition(Sql, new { evacuationId, held }, cancellationToken: token)),
            cancellation);
    }

    /// <summary>Ends what waits for a guest that it can never move.</summary>
    /// <returns>Those that were ended.</returns>
    public static async Task<IReadOnlyList<Guid>> EndStrandedAsync(
        NpgsqlConnection connection, IReadOnlyList<StrandedMigration> stranded, DateTimeOffset at, CancellationToken cancellation)
    {
        const string Sql = """
            WITH ended AS (
                UPDATE migrations m
                   SET phase = 'Failed', phase_since = @at, ended_at = @at, revision = m.revision + 1, epoch = m.epoch + 1, replica_id = NULL,
                       last_transition = m.last_transition + 1, undoing = true, failure_reason = 'SourceRefused', failure_message = w.why
                  FROM unnest(@ids, @whys) AS w (migration_id, why)
                 WHERE m.migration_id = w.migration_id AND m.phase = 'Queued'
                   AND NOT EXISTS (SELECT FROM migration_slots s WHERE s.migration_id = m.migration_id)
             RETURNING m.migration_id, m.last_transition, w.why),
            transition AS (
                INSERT INTO migration_transitions (migration_id, sequence, from_phase, to_phase, at, reason)
                SELECT migration_id, last_transition, 'Queued', 'Failed', @at, why FROM ended)
            SELECT migration_id FROM ended
            """;
        var parameters = new
        {
            ids = stranded.Select(migration => migration.MigrationId).ToArray(),
            whys = stranded.Select(migration => migration.Why).ToArray(),
            at = at.UtcDateTime,
        };
        return stranded.Count == 0 ? [] : (await connection.QueryAsync<Guid>(new CommandDefinition(Sql, parameters, cancellationToken: cancellation))).AsList();
    }

    /// <summary>
    /// Keeps everybody else from giving room on these hosts away until the transaction ends, and tells what is taken there: guests that are on
    /// it, and those on their way to it.
    /// </summary>
    public static async Task<IReadOnlyDictionary<string, HostRoom>> LockHostsAsync(
        NpgsqlConnection connection, IReadOnlyCollection<string> hostIds, CancellationToken cancellation)
    {
        // Not FOR UPDATE: that would wait for every statement elsewhere that refers to the host, and they for us.
        const string Lock = "SELECT host_id FROM hosts WHERE host_id = ANY (@hostIds) ORDER BY host_id FOR NO KEY UPDATE";
        const string Sql = """
            SELECT h.host_id, coalesce(sum((g.spec ->> 'memoryBytes')::bigint), 0)::bigint,
                   coalesce(sum(coalesce((g.spec ->> 'vcpus')::integer, 1)), 0)::bigint
              FROM unnest(@hostIds) AS h (host_id)
              LEFT JOIN guests g ON g.host_id = h.host_id OR g.migration_target_host_id = h.host_id
             GROUP BY h.host_id
            """;
        var hosts = new { hostIds = hostIds.ToArray() };
        var there = (await connection.QueryAsync<string>(new CommandDefinition(Lock, hosts, cancellationToken: cancellation))).ToHashSet(StringComparer.Ordinal);
        var taken = await connection.QueryAsync<(string HostId, long Memory, long Vcpus)>(new CommandDefinition(Sql, hosts, cancellationToken: cancellation));
        return taken.Where(host => there.Contains(host.HostId))
            .ToDictionary(host => host.HostId, host => new HostRoom(host.Memory, host.Vcpus), StringComparer.Ordinal);
    }

    /// <summary>Lets migrations through: room on the target, hold of the guest, a slot, in one statement. The hosts are locked.</summary>
    /// <returns>Those that were: not those that left the queue meanwhile, or whose guest was changed.</returns>
    public static async Task<IReadOnlyList<Guid>> TakeAsync(
        NpgsqlConnection connection, IReadOnlyList<SlotWanted> wanted, DateTimeOffset at, CancellationToken cancellation)
    {
        // Whoever cancels one of them comes before or after this, and the same goes for their guests.
        const string Lock = "SELECT migration_id FROM migrations WHERE migration_id = ANY (@ids) AND phase = 'Queued' ORDER BY migration_id FOR UPDATE";
        const string Sql = """
            WITH wanted AS (
                SELECT * FROM unnest(@ids, @targets, @memory, @vcpus) AS w (migration_id, target_host_id, memory_bytes, vcpus)),
            held AS (
                UPDATE guests g
                   SET active_migration_id = m.migration_id, migration_target_host_id = w.target_host_id,
                       migration_keeps_stopped = (m.mode = 'NonLive'), revision = g.revision + 1
                  FROM migrations m
                  JOIN wanted w ON w.migration_id = m.migration_id
                 WHERE g.guest_id = m.guest_id AND g.active_migration_id IS NULL AND g.host_id = m.source_host_id
                   AND g.state IN ('Running', 'Paused') AND NOT g.stopping
                   AND NOT EXISTS (SELECT FROM migration_slots s WHERE s.migration_id = m.migration_id)
             RETURNING m.migration_id, g.state, w.target_host_id, w.memory_bytes, w.vcpus),
            taken AS (
                UPDATE migrations m
                   SET target_host_id = held.target_host_id, guest_was_running = (held.state = 'Running'), revision = m.revision + 1
                  FROM held
                 WHERE m.migration_id = held.migration_id)
            INSERT INTO migration_slots (migration_id, target_host_id, memory_bytes, vcpus, pool, granted_at, bandwidth_share)
            SELECT migration_id, target_host_id, memory_bytes, vcpus, 'Preparing', @at, 0 FROM held
            RETURNING migration_id
            """;
        var ids = new { ids = wanted.Select(slot => slot.MigrationId).ToArray() };
        var still = (await connection.QueryAsync<Guid>(new CommandDefinition(Lock, ids, cancellationToken: cancellation))).ToHashSet();
        var take = wanted.Where(slot => still.Contains(slot.MigrationId)).ToList();
        var parameters = new
        {
            ids = take.Select(slot => slot.MigrationId).ToArray(),
            targets = take.Select(slot => slot.TargetHostId).ToArray(),
            memory = take.Select(slot => slot.MemoryBytes).ToArray(),
            vcpus = take.Select(slot => slot.Vcpus).ToArray(),
            at = at.UtcDateTime,
        };
        return (await connection.QueryAsync<Guid>(new CommandDefinition(Sql, parameters, cancellationToken: cancellation))).AsList();
    }

    /// <returns>How many may transfer from here on.</returns>
    public static Task<int> GrantAsync(
        NpgsqlConnection connection, IReadOnlyList<Guid> migrationIds, DateTimeOffset at, CancellationToken cancellation)
    {
        const string Sql = """
            UPDATE migration_slots SET pool = 'Transferring', transfer_granted_at = @at
             WHERE migration_id = ANY (@ids) AND pool = 'Preparing'
            """;
        return connection.ExecuteAsync(new CommandDefinition(
            Sql, new { ids = migrationIds.ToArray(), at = at.UtcDateTime }, cancellationToken: cancellation));
    }

    public static Task ShareAsync(
        NpgsqlConnection connection, IReadOnlyCollection<(Guid MigrationId, long Share)> shares, CancellationToken cancellation)
    {
        const string Sql = """
            UPDATE migration_slots s SET bandwidth_share = w.share
              FROM unnest(@ids, @shares) AS w (migration_id, share)
             WHERE s.migration_id = w.migration_id
            """;
        return connection.ExecuteAsync(new CommandDefinition(
            Sql,
            new { ids = shares.Select(share => share.MigrationId).ToArray(), shares = shares.Select(share => share.Share).ToArray() },
            cancellationToken: cancellation));
    }
}

/// <summary>What is taken of a host.</summary>
internal sealed record HostRoom(long MemoryBytes, long Vcpus);

internal sealed record SlotWanted(Guid MigrationId, string TargetHostId, long MemoryBytes, int Vcpus);
