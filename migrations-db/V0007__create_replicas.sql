-- The processes that are this control plane together, and what each of them commands.

-- One row per process. A lease is the one thing that is timed by the database's clock, which all replicas share; see README.md.
CREATE TABLE replicas (
    -- New at every start of a process.
    replica_id  uuid        NOT NULL,
    endpoint    text        NOT NULL,
    version     text        NOT NULL,
    started_at  timestamptz NOT NULL,
    -- By the database's clock. In the past: what it commands may be taken over.
    lease_until timestamptz NOT NULL,
    -- Going down: takes nothing more.
    leaving     boolean     NOT NULL,
    CONSTRAINT replicas_pkey PRIMARY KEY (replica_id)
);

-- Those whose word counts. The only place besides the owners of replicas and leases where statements meet the clock.
CREATE VIEW living_replicas AS
    SELECT replica_id, leaving FROM replicas WHERE lease_until > now();

-- Duties that one replica has at a time, e.g. 'dispatcher'.
CREATE TABLE leases (
    name       text COLLATE "C" NOT NULL,
    -- Null = nobody: it was given back.
    replica_id uuid,
    -- Raised whenever the lease is won.
    epoch      bigint           NOT NULL,
    -- By the database's clock.
    expires_at timestamptz      NOT NULL,
    CONSTRAINT leases_pkey PRIMARY KEY (name)
);

-- Who commands it; null = nobody: it waits, was given away, or has ended. No reference: a replica's row goes an hour after the replica.
-- The previous release knows nothing of this column: what it starts has null here and is taken over by a replica of this one.
ALTER TABLE migrations ADD COLUMN replica_id uuid;

CREATE INDEX migrations_by_replica
    ON migrations (replica_id)
 WHERE phase NOT IN ('Completed', 'Cancelled', 'Failed');

-- Callers' wishes that came to another replica than the one that commands. Answered by whoever commands, or commands next.
CREATE TABLE migration_wishes (
    migration_id uuid        NOT NULL,
    -- The caller's request_id, where the call has one.
    wish_id      uuid        NOT NULL,
    -- The call: 'Cancel' or 'Adjust', and its message as proto JSON with the policy's revision resolved.
    kind         text        NOT NULL,
    request      jsonb       NOT NULL,
    asked_at     timestamptz NOT NULL,
    -- Null = not answered yet.
    outcome      text,
    answered_at  timestamptz,
    CONSTRAINT migration_wishes_pkey PRIMARY KEY (migration_id, wish_id),
    CONSTRAINT migration_wishes_migration_known FOREIGN KEY (migration_id) REFERENCES migrations (migration_id),
    CONSTRAINT migration_wishes_kind_known CHECK (kind IN ('Cancel', 'Adjust')),
    CONSTRAINT migration_wishes_answer_has_a_time CHECK ((outcome IS NULL) = (answered_at IS NULL))
);

CREATE INDEX migration_wishes_open ON migration_wishes (migration_id) WHERE outcome IS NULL;
