-- Schedules: evacuations and migrations that begin by the clock. These rows are the truth; Quartz's only say when to look at them.
CREATE TABLE schedules (
    name        text COLLATE "C" NOT NULL,
    -- orchestrator.v1.ScheduleSpec as proto JSON.
    spec        jsonb            NOT NULL,
    paused      boolean          NOT NULL,
    created_at  timestamptz      NOT NULL,
    created_by  text             NOT NULL,
    -- Blackouts not considered: one that falls into a blackout is noted. Null = never again.
    next_due_at timestamptz,
    -- Whoever writes names the one that was read.
    revision    bigint           NOT NULL,
    CONSTRAINT schedules_pkey PRIMARY KEY (name)
);

CREATE INDEX schedules_by_due ON schedules (next_due_at) WHERE NOT paused;

-- Each time a schedule fired, or was to fire and did not. The key is what makes a firing that is rung for twice one firing.
CREATE TABLE schedule_firings (
    schedule_name  text COLLATE "C" NOT NULL,
    due_at         timestamptz      NOT NULL,
    fired_at       timestamptz      NOT NULL,
    -- Null while what it begins is being begun.
    outcome        text,
    message        text             NOT NULL,
    evacuation_id  uuid,
    migration_id   uuid,
    -- Whoever begins it, and until when the others leave it to him.
    claim_id       uuid             NOT NULL,
    claimed_until  timestamptz      NOT NULL,
    -- What has not begun by then is not begun. Null = no end.
    window_ends_at timestamptz,
    -- True as well when there is no window to close.
    window_closed  boolean          NOT NULL,
    CONSTRAINT schedule_firings_pkey PRIMARY KEY (schedule_name, due_at),
    CONSTRAINT schedule_firings_schedule_known FOREIGN KEY (schedule_name) REFERENCES schedules (name) ON DELETE CASCADE,
    CONSTRAINT schedule_firings_outcome_known CHECK (outcome IN ('Started', 'BlackedOut', 'Missed', 'Refused', 'StillRunning'))
);

CREATE INDEX schedule_firings_unfinished ON schedule_firings (claimed_until) WHERE outcome IS NULL;
CREATE INDEX schedule_firings_open_windows ON schedule_firings (window_ends_at) WHERE NOT window_closed;
CREATE INDEX schedule_firings_by_age ON schedule_firings (fired_at);
