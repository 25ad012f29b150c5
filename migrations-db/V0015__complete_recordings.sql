-- What a replay needs of a migration beyond what people look at. Null = written by an earlier release.
ALTER TABLE migration_readings
    -- Of orchestrator.v1.EngineActivity and ReadingUse, their numbers.
    ADD COLUMN activity             smallint,
    ADD COLUMN use                  smallint,
    ADD COLUMN first_pass           boolean,
    ADD COLUMN paused_to_converge   boolean,
    -- orchestrator.v1.ReadingNumber n is bit n - 1.
    ADD COLUMN fresh                integer,
    -- Cap of the copy; 0 = none.
    ADD COLUMN max_bytes_per_second bigint,
    -- The last sampling of what the guest dirties; null = none.
    ADD COLUMN probe_elapsed        interval,
    ADD COLUMN probe_interval       interval,
    ADD COLUMN probe_bytes          bigint,
    -- Of whoever read it. What was learnt under one epoch and not saved is lost to the next.
    ADD COLUMN epoch                bigint;

ALTER TABLE migration_decisions
    -- Told to the engine with a downtime limit. 0 = not told.
    ADD COLUMN switchover_bytes_per_second bigint NOT NULL DEFAULT 0,
    -- orchestrator.v1.Forecast as proto JSON; null = without.
    ADD COLUMN forecast                    jsonb,
    -- Array of orchestrator.v1.Alternative as proto JSON; null = none.
    ADD COLUMN alternatives                jsonb;
