-- What the policy saw, at several readings a second and migration: in partitions by day (UTC), so that old days can be dropped whole.
CREATE TABLE migration_readings (
    migration_id                uuid        NOT NULL,
    -- Of the report it was made from.
    sequence                    bigint      NOT NULL,
    -- The control plane's clock when the report arrived.
    at                          timestamptz NOT NULL,
    elapsed                     interval    NOT NULL,
    pass                        integer     NOT NULL,
    passes_honest               boolean     NOT NULL,
    round                       integer     NOT NULL,
    ram_total_bytes             bigint      NOT NULL,
    ram_remaining_bytes         bigint      NOT NULL,
    remaining_bytes             bigint      NOT NULL,
    stop_copy_bytes             bigint      NOT NULL,
    transferred_bytes           bigint      NOT NULL,
    bandwidth_bytes_per_second  bigint      NOT NULL,
    switchover_bytes_per_second bigint      NOT NULL,
    dirty_bytes_per_second      bigint,
    expected_downtime           interval,
    downtime_limit              interval    NOT NULL,
    throttle_percent            smallint    NOT NULL,
    guest_running               boolean     NOT NULL,
    engine_status               text        NOT NULL,
    -- Array of field, raw value and reason, three strings each; null = none.
    suspects                    jsonb,
    CONSTRAINT migration_readings_pkey PRIMARY KEY (migration_id, at, sequence)
) PARTITION BY RANGE (at);

-- So that a reading is never lost for want of a partition.
CREATE TABLE migration_readings_default PARTITION OF migration_readings DEFAULT;

-- Makes the partition of one day (UTC) ahead of time. False when it is there already, or when readings of that day are in the default
-- partition, which then keeps the day.
CREATE FUNCTION create_reading_partition(day date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    begins    timestamptz := day::timestamp AT TIME ZONE 'UTC';
    ends      timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
    partition text := format('migration_readings_%s', to_char(day, 'YYYYMMDD'));
BEGIN
    -- Two control planes may come at midnight: the second waits here and finds it done. Any number that nobody else uses.
    PERFORM pg_advisory_xact_lock(7381624950123);
    IF to_regclass(partition) IS NOT NULL
        OR EXISTS (SELECT FROM migration_readings_default AS waiting WHERE waiting.at >= begins AND waiting.at < ends) THEN
        RETURN false;
    END IF;

    EXECUTE format('CREATE TABLE %I PARTITION OF migration_readings FOR VALUES FROM (%L) TO (%L)', partition, begins, ends);
    RETURN true;
END
$$;
