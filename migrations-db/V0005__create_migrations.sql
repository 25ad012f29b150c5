-- Migrations: each one move of one guest. The row is the truth about it; whoever commands it names the revision and the epoch that were read.
CREATE TABLE migrations (
    migration_id          uuid             NOT NULL,
    guest_id              text COLLATE "C" NOT NULL,
    source_host_id        text COLLATE "C" NOT NULL,
    target_host_id        text COLLATE "C" NOT NULL,
    -- orchestrator.v1.StartMigrationRequest as proto JSON, as the caller sent it: what tells a repeat from a clash of ids.
    request               jsonb            NOT NULL,
    -- orchestrator.v1.MachineSpec as proto JSON: what both sides build.
    spec                  jsonb            NOT NULL,
    policy                text COLLATE "C" NOT NULL,
    policy_revision       integer          NOT NULL,
    mode                  text             NOT NULL,
    -- The budget that holds: the smaller of the caller's and the policy's.
    max_downtime          interval         NOT NULL,
    -- From created_at. Null = none.
    deadline              interval,
    -- 0 = no cap.
    max_bytes_per_second  bigint           NOT NULL,
    requested_by          text             NOT NULL,
    -- Run state before: what the guest must have afterwards.
    guest_was_running     boolean          NOT NULL,
    phase                 text             NOT NULL,
    phase_since           timestamptz      NOT NULL,
    created_at            timestamptz      NOT NULL,
    ended_at              timestamptz,
    revision              bigint           NOT NULL,
    -- Raised by every control plane that takes the migration over. A writer with a lower one writes nothing.
    epoch                 bigint           NOT NULL,
    -- Numbers last given.
    last_transition       integer          NOT NULL,
    last_decision         integer          NOT NULL,
    last_command          bigint           NOT NULL,
    -- How it is meant to end once it is being undone: a failure_reason, or none when a caller wants it undone.
    undoing               boolean          NOT NULL,
    failure_reason        text,
    failure_message       text             NOT NULL,
    attention_reason      text,
    attention_message     text             NOT NULL,
    -- Where the target listens; empty before it does.
    listen_uri            text             NOT NULL,
    -- What policy and plausibility check remember, as JSON of their own.
    convergence_state     jsonb,
    plausibility_memory   jsonb,
    -- orchestrator.v1.Reading as proto JSON, as of the last write of this row.
    latest_reading        jsonb,
    source_engine_version text             NOT NULL,
    target_engine_version text             NOT NULL,
    -- Summary, as far as known.
    predicted_downtime    interval,
    reported_downtime     interval,
    observed_downtime     interval,
    bytes_transferred     bigint           NOT NULL,
    ram_bytes             bigint           NOT NULL,
    passes                integer          NOT NULL,
    throttle_percent      integer          NOT NULL,
    final_limit           interval,
    post_copy_used        boolean          NOT NULL,
    paused_to_converge    interval         NOT NULL,
    CONSTRAINT migrations_pkey PRIMARY KEY (migration_id),
    CONSTRAINT migrations_phase_known CHECK (phase IN
        ('Requested', 'Queued', 'Preparing', 'Copying', 'SwitchingOver', 'PostCopy', 'PostCopyPaused', 'Verifying', 'Completed',
         'Cancelling', 'Cancelled', 'Failed', 'NeedsAttention')),
    CONSTRAINT migrations_mode_known CHECK (mode IN ('Live', 'NonLive')),
    CONSTRAINT migrations_move_somewhere CHECK (source_host_id <> target_host_id),
    CONSTRAINT migrations_ended_when_over CHECK ((ended_at IS NOT NULL) = (phase IN ('Completed', 'Cancelled', 'Failed')))
);

-- One running migration per guest. The store turns a clash on this index into AdmitOutcome.GuestAlreadyMigrating.
CREATE UNIQUE INDEX migrations_one_running_per_guest
    ON migrations (guest_id)
 WHERE phase NOT IN ('Completed', 'Cancelled', 'Failed');

-- Lists go from the newest to the oldest.
CREATE INDEX migrations_by_age ON migrations (created_at, migration_id);
CREATE INDEX migrations_by_guest ON migrations (guest_id, created_at);
CREATE INDEX migrations_by_source ON migrations (source_host_id, created_at);
CREATE INDEX migrations_by_target ON migrations (target_host_id, created_at);

CREATE TABLE migration_transitions (
    migration_id uuid        NOT NULL,
    sequence     integer     NOT NULL,
    -- Null for the first: written down.
    from_phase   text,
    to_phase     text        NOT NULL,
    at           timestamptz NOT NULL,
    reason       text        NOT NULL,
    CONSTRAINT migration_transitions_pkey PRIMARY KEY (migration_id, sequence),
    CONSTRAINT migration_transitions_migration_known FOREIGN KEY (migration_id) REFERENCES migrations (migration_id)
);

-- The intentions: written in the statement that causes them, before the agent is told. A row without outcome is sent again, under the same
-- number, by whoever commands the migration after a restart.
CREATE TABLE migration_commands (
    migration_id uuid             NOT NULL,
    command_id   bigint           NOT NULL,
    host_id      text COLLATE "C" NOT NULL,
    kind         text             NOT NULL,
    -- agent.v1.ExecuteRequest without the epoch, which is the sender's.
    payload      bytea            NOT NULL,
    intended_at  timestamptz      NOT NULL,
    outcome      text,
    outcome_at   timestamptz,
    message      text             NOT NULL,
    -- What the agent answered that is needed later: the address a prepared or recovered target listens at.
    listen_uri   text             NOT NULL,
    CONSTRAINT migration_commands_pkey PRIMARY KEY (migration_id, command_id),
    CONSTRAINT migration_commands_migration_known FOREIGN KEY (migration_id) REFERENCES migrations (migration_id),
    CONSTRAINT migration_commands_outcome_known CHECK (outcome IN ('Done', 'Refused', 'WrongState', 'SessionUnknown', 'Overtaken')),
    CONSTRAINT migration_commands_outcome_has_a_time CHECK ((outcome IS NULL) = (outcome_at IS NULL))
);

CREATE TABLE migration_decisions (
    migration_id         uuid             NOT NULL,
    sequence             integer          NOT NULL,
    at                   timestamptz      NOT NULL,
    elapsed              interval         NOT NULL,
    action               text             NOT NULL,
    origin               text             NOT NULL,
    rule                 text             NOT NULL,
    reason               text             NOT NULL,
    downtime_limit       interval,
    throttle_max_percent integer          NOT NULL,
    bytes_per_second     bigint           NOT NULL,
    max_pause            interval,
    -- The reading it was decided on; 0 = none.
    reading_sequence     bigint           NOT NULL,
    -- Object of strings.
    inputs               jsonb            NOT NULL,
    policy               text COLLATE "C" NOT NULL,
    policy_revision      integer          NOT NULL,
    -- The command that carries it out; null when none is needed.
    command_id           bigint,
    -- Chosen by the caller who asked for it; null when the policy decided.
    request_id           uuid,
    report_to_decision   interval         NOT NULL,
    decision_to_command  interval,
    outcome              text             NOT NULL,
    outcome_message      text             NOT NULL,
    CONSTRAINT migration_decisions_pkey PRIMARY KEY (migration_id, sequence),
    CONSTRAINT migration_decisions_migration_known FOREIGN KEY (migration_id) REFERENCES migrations (migration_id),
    CONSTRAINT migration_decisions_outcome_known CHECK (outcome IN ('Intended', 'Applied', 'Refused', 'Overtaken'))
);

-- The same request is the same change.
CREATE UNIQUE INDEX migration_decisions_one_per_request
    ON migration_decisions (migration_id, request_id)
 WHERE request_id IS NOT NULL;
