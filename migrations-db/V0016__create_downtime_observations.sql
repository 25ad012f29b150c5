-- What live migrations have taught about downtimes: one row for each that completed by pre-copy alone, written by the statement that ends it.
CREATE TABLE downtime_observations (
    migration_id          uuid             NOT NULL,
    at                    timestamptz      NOT NULL,
    engine                text             NOT NULL,
    -- Without the packager's part.
    source_engine_version text COLLATE "C" NOT NULL,
    target_engine_version text COLLATE "C" NOT NULL,
    -- Kinds of the guest's VFIO devices, sorted, joined by '+'; empty for none.
    device_kind           text COLLATE "C" NOT NULL,
    -- Expected in the last good reading before the switch-over, and what of it was put in for the switch-over itself.
    predicted             interval         NOT NULL,
    predicted_overhead    interval         NOT NULL,
    -- By the engine.
    reported              interval         NOT NULL,
    -- By the agents' clocks; null = not known.
    observed              interval,
    budget                interval         NOT NULL,
    CONSTRAINT downtime_observations_pkey PRIMARY KEY (migration_id),
    CONSTRAINT downtime_observations_migration_known FOREIGN KEY (migration_id) REFERENCES migrations (migration_id)
);

-- The latest of a kind are what counts.
CREATE INDEX downtime_observations_by_kind
    ON downtime_observations (device_kind, engine, source_engine_version, target_engine_version, at DESC);

ALTER TABLE migrations
    -- Part of predicted_downtime. Null = not known.
    ADD COLUMN predicted_overhead interval;
