using Dapper;
using Npgsql;
using NpgsqlTypes;
using Orchestrator.ControlPlane.Database;
using Orchestrator.V1;

namespace Orchestrator.ControlPlane.Migrations.Ledger;

internal readonly record struct StoredReading(Guid MigrationId, Reading Reading);

/// <summary>Owns the table migration_readings and its partitions; <see cref="MigrationHistory"/> reads it.</summary>
internal sealed class ReadingStore(DatabaseGate database)
{
    private const string Columns = """
        migration_id, sequence, at, elapsed, pass, passes_honest, round, ram_total_bytes, ram_remaining_bytes, remaining_bytes,
        stop_copy_bytes, transferred_bytes, bandwidth_bytes_per_second, switchover_bytes_per_second, dirty_bytes_per_second,
        expected_downtime, downtime_limit, throttle_percent, guest_running, engine_status, suspects,
        activity, use, first_pass, paused_to_converge, fresh, epoch, max_bytes_per_second, probe_elapsed,
        probe_interval, probe_bytes
        """;

    /// <summary>All or none. Rows that are in already are left alone.</summary>
    public Task WriteAsync(IReadOnlyList<StoredReading> readings, CancellationToken cancellation)
    {
        var attempts = 0;
        return database.RunAsync(
            async (connection, token) =>
            {
                // Whether the attempt before was committed is not known when its connection broke.
                if (attempts++ == 0)
                {
                    try
                    {
                        await CopyAsync(connection, "migration_readings", readings, token);
                        return;
                    }
                    catch (PostgresException clash) when (clash.SqlState == PostgresErrorCodes.UniqueViolation)
                    {
                        // Some of them are in: a report that was read twice under two supervisors.
                    }
                }

                await CopyByWayOfStagingAsync(connection, readings, token);
            },
            cancellation);
    }

    /// <returns>False when it is there already or cannot be any more.</returns>
    public Task<bool> CreatePartitionAsync(DateOnly day, CancellationToken cancellation)
    {
        const string Sql = "SELECT create_reading_partition(@day::date)";
        return database.RunAsync(
            (connection, token) => connection.ExecuteScalarAsync<bool>(
                new CommandDefinition(Sql, new { day = day.ToString("O") }, cancellationToken: token)),
            cancellation);
    }

    /// <summary>Drops the partitions of days that are over before the one named, and what of them is in the default partition.</summary>
    /// <returns>How many partitions.</returns>
    public async Task<int> DropPartitionsAsync(DateOnly before, CancellationToken cancellation)
    {
        const string Old = """
            SELECT partition.relname
              FROM pg_inherits i
              JOIN pg_class partition ON partition.oid = i.inhrelid
             WHERE i.inhparent = 'migration_readings'::regclass
               AND partition.relname ~ '^migration_readings_[0-9]{8}$' AND partition.relname < @first
             ORDER BY partition.relname
            """;
        const string Rest = "DELETE FROM migration_readings_default WHERE at < @before::date::timestamp AT TIME ZONE 'UTC'";
        var first = FormattableString.Invariant($"migration_readings_{before:yyyyMMdd}");
        var partitions = await database.RunAsync(
            async (connection, token) =>
            {
                await connection.ExecuteAsync(new CommandDefinition(Rest, new { before = before.ToString("O") }, cancellationToken: token));
                return (await connection.QueryAsync<string>(new CommandDefinition(Old, new { first }, cancellationToken: token))).ToList();
            },
            cancellation);
        foreach (var partition in partitions)
        {
            // Dropping one locks the whole table for a moment. Whoever is in the way longer than this would make the writers wait behind us.
            await database.RunAsync(
                (connection, token) => connection.ExecuteAsync(new CommandDefinition(
                    $"SET LOCAL lock_timeout = '2s'; DROP TABLE IF EXISTS {partition}", cancellationToken: token)),
                cancellation);
        }

        return partitions.Count;
    }

    private static async Task CopyByWayOfStagingAsync(
        NpgsqlConnection connection, IReadOnlyList<StoredReading> readings, CancellationToken cancellation)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        await connection.ExecuteAsync(new CommandDefinition(
            "CREATE TEMPORARY TABLE staged_readings (LIKE migration_readings) ON COMMIT DROP", transaction: transaction, cancellationToken: cancellation));
        await CopyAsync(connection, "staged_readings", readings, cancellation);
        await connection.ExecuteAsync(new CommandDefinition(
            $"INSERT INTO migration_readings ({Columns}) SELECT {Columns} FROM staged_readings ON CONFLICT DO NOTHING",
            transaction: transaction,
            cancellationToken: cancellation));
        await transaction.CommitAsync(cancellation);
    }

    private static async Task CopyAsync(
        NpgsqlConnection connection, string table, IReadOnlyList<StoredReading> readings, CancellationToken cancellation)
    {
        await using var copy = await connection.BeginBinaryImportAsync($"COPY {table} ({Columns}) FROM STDIN (FORMAT BINARY)", cancellation);
        foreach (var (migrationId, reading) in readings)
        {
            await copy.StartRowAsync(cancellation);
            await copy.WriteAsync(migrationId, NpgsqlDbType.Uuid, cancellation);
            await BigintAsync(reading.Sequence);
            await copy.WriteAsync(reading.At.ToDateTime(), NpgsqlDbType.TimestampTz, cancellation);
            await IntervalAsync(reading.Elapsed);
            await IntegerAsync(reading.Pass);
            await BooleanAsync(reading.PassesHonest);
            await IntegerAsync(reading.Round);
            await BigintAsync(reading.RamTotalBytes);
            await BigintAsync(reading.RamRemainingBytes);
            await BigintAsync(reading.RemainingBytes);
            await BigintAsync(reading.StopCopyBytes);
            await BigintAsync(reading.TransferredBytes);
            await BigintAsync(reading.BandwidthBytesPerSecond);
            await BigintAsync(reading.SwitchoverBytesPerSecond);
            if (reading.HasDirtyBytesPerSecond)
            {
                await BigintAsync(reading.DirtyBytesPerSecond);
            }
            else
            {
                await copy.WriteNullAsync(cancellation);
            }

            if (reading.ExpectedDowntime is { } expected)
            {
                await IntervalAsync(expected);
            }
            else
            {
                await copy.WriteNullAsync(cancellation);
            }

            await IntervalAsync(reading.DowntimeLimit);
            await copy.WriteAsync((short)reading.ThrottlePercent, NpgsqlDbType.Smallint, cancellation);
            await BooleanAsync(reading.GuestRunning);
            await copy.WriteAsync(reading.EngineStatus, NpgsqlDbType.Text, cancellation);
            if (HistoryJson.Write(reading.Suspects) is { } suspects)
            {
                await copy.WriteAsync(suspects, NpgsqlDbType.Jsonb, cancellation);
            }
            else
            {
                await copy.WriteNullAsync(cancellation);
            }

            await copy.WriteAsync((short)reading.Activity, NpgsqlDbType.Smallint, cancellation);
            await copy.WriteAsync((short)reading.Use, NpgsqlDbType.Smallint, cancellation);
            await BooleanAsync(reading.FirstPass);
            await BooleanAsync(reading.PausedToConverge);
            await copy.WriteAsync(FreshMask.Of(reading.Fresh), NpgsqlDbType.Integer, cancellation);
            await BigintAsync(reading.Epoch);
            await BigintAsync(reading.MaxBytesPerSecond);
            if (reading is { ProbeElapsed: { } probed, ProbeInterval: { } lasted })
            {
                await IntervalAsync(probed);
                await IntervalAsync(lasted);
                await BigintAsync(reading.ProbeBytes);
            }
            else
            {
                await copy.WriteNullAsync(cancellation);
                await copy.WriteNullAsync(cancellation);
                await copy.WriteNullAsync(cancellation);
            }
        }

        await copy.CompleteAsync(cancellation);

        Task BigintAsync(ulong value) => copy.WriteAsync((long)Math.Min(value, long.MaxValue), NpgsqlDbType.Bigint, cancellation);
        Task IntegerAsync(uint value) => copy.WriteAsync((int)Math.Min(value, int.MaxValue), NpgsqlDbType.Integer, cancellation);
        Task BooleanAsync(bool value) => copy.WriteAsync(value, NpgsqlDbType.Boolean, cancellation);
        Task IntervalAsync(Google.Protobuf.WellKnownTypes.Duration value) =>
            copy.WriteAsync(value.ToTimeSpan(), NpgsqlDbType.Interval, cancellation);
    }
}
