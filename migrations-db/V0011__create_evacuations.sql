-- Evacuations: emptying hosts. Rows of the previous release know nothing of these tables and lose nothing by them.
CREATE TABLE evacuations (
    evacuation_id uuid        NOT NULL,
    -- orchestrator.v1.StartEvacuationRequest as proto JSON, as the caller sent it: what tells a repeat from a clash of ids.
    request       jsonb       NOT NULL,
    phase         text        NOT NULL,
    -- Null = nobody has cancelled it.
    cancel_mode   text,
    -- Since when nothing is left but guests that no host takes; null = something else is.
    quiet_since   timestamptz,
    -- Why it was paused or cancelled; empty = nobody said, or it was neither.
    message       text        NOT NULL,
    -- orchestrator.v1.EvacuationPlan as proto JSON: what was left to do at planned_at.
    plan          jsonb       NOT NULL,
    planned_at    timestamptz NOT NULL,
    created_at    timestamptz NOT NULL,
    ended_at      timestamptz,
    -- Whoever writes names the one that was read: the conductor, and callers who pause, resume or cancel.
    revision      bigint      NOT NULL,
    -- Raised by every replica that takes it up. A conductor with a lower one writes nothing.
    epoch         bigint      NOT NULL,
    -- Who conducts it; null = nobody: it is new, was given away, or has ended. No reference: a replica's row goes an hour after the replica.
    replica_id    uuid,
    CONSTRAINT evacuations_pkey PRIMARY KEY (evacuation_id),
    CONSTRAINT evacuations_phase_known CHECK (phase IN ('Running', 'Paused', 'Cancelling', 'Cancelled', 'Completed', 'Incomplete')),
    CONSTRAINT evacuations_cancel_mode_known CHECK (cancel_mode IN ('StopHere', 'BringBack')),
    CONSTRAINT evacuations_cancelled_in_a_mode CHECK ((cancel_mode IS NOT NULL) = (phase IN ('Cancelling', 'Cancelled'))),
    CONSTRAINT evacuations_ended_when_over CHECK ((ended_at IS NOT NULL) = (phase IN ('Completed', 'Incomplete', 'Cancelled')))
);

CREATE INDEX evacuations_by_age ON evacuations (created_at, evacuation_id);
CREATE INDEX evacuations_running ON evacuations (replica_id) WHERE ended_at IS NULL;

-- No reference to hosts: one that has been emptied may be removed, and its row here is history.
CREATE TABLE evacuation_hosts (
    evacuation_id uuid             NOT NULL,
    host_id       text COLLATE "C" NOT NULL,
    -- 1, 2, 3, ...
    turn          integer          NOT NULL,
    phase         text             NOT NULL,
    -- By somebody else, before its turn.
    was_cordoned  boolean          NOT NULL,
    -- At its turn.
    cordoned      boolean          NOT NULL,
    -- As long as the evacuation goes on.
    running       boolean          NOT NULL,
    CONSTRAINT evacuation_hosts_pkey PRIMARY KEY (evacuation_id, host_id),
    CONSTRAINT evacuation_hosts_evacuation_known FOREIGN KEY (evacuation_id) REFERENCES evacuations (evacuation_id),
    CONSTRAINT evacuation_hosts_phase_known CHECK (phase IN ('Waiting', 'Emptying', 'Empty', 'Returned'))
);

-- A host is in one running evacuation. The store turns a clash on this index into EvacuationStart.AlreadyEvacuating.
CREATE UNIQUE INDEX evacuation_hosts_one_running ON evacuation_hosts (host_id) WHERE running;

-- Guests that an evacuation has met. Names of columns are those of the conductor's values; see GuestStanding.
CREATE TABLE evacuation_guests (
    evacuation_id   uuid             NOT NULL,
    guest_id        text COLLATE "C" NOT NULL,
    -- Where it was when it was met: where it is brought back to.
    home_host_id    text COLLATE "C" NOT NULL,
    source_host_id  text COLLATE "C" NOT NULL,
    phase           text             NOT NULL,
    target_host_id  text COLLATE "C",
    -- In all. With both ids it makes the migration's.
    attempts        integer          NOT NULL,
    -- Since it last arrived somewhere.
    failures        integer          NOT NULL,
    failed_target   text COLLATE "C",
    policy          text COLLATE "C",
    -- Its present attempt is being taken back.
    recalled        boolean          NOT NULL,
    next_attempt_at timestamptz,
    message         text             NOT NULL,
    since           timestamptz      NOT NULL,
    CONSTRAINT evacuation_guests_pkey PRIMARY KEY (evacuation_id, guest_id),
    CONSTRAINT evacuation_guests_evacuation_known FOREIGN KEY (evacuation_id) REFERENCES evacuations (evacuation_id),
    CONSTRAINT evacuation_guests_phase_known CHECK (phase IN
        ('Waiting', 'Moving', 'Moved', 'BackingOff', 'Stuck', 'Failed', 'Skipped', 'Gone', 'Returning', 'Returned'))
);
