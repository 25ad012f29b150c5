-- Admission: the queue of migrations, the limits under which they are let through, and the slots of those that were.

-- One row: the newest limits. Whoever lets migrations through holds its lock, so that two never count the same free slot.
CREATE TABLE admission_limits (
    singleton  boolean     NOT NULL DEFAULT true,
    revision   bigint      NOT NULL,
    -- orchestrator.v1.AdmissionLimits as proto JSON.
    limits     jsonb       NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by text        NOT NULL,
    CONSTRAINT admission_limits_pkey PRIMARY KEY (singleton),
    CONSTRAINT admission_limits_one_row CHECK (singleton)
);

-- Roomy defaults: four transfers each way keep a link of 25 Gbit/s busy, and as many more wait prepared.
INSERT INTO admission_limits (revision, limits, changed_at, changed_by)
VALUES (1, '{
  "transferring": 2000,
  "preparing": 500,
  "transferringPerSource": 4,
  "transferringPerTarget": 4,
  "preparingPerTarget": 4,
  "linkShare": 0.9,
  "minBytesPerSecond": "33554432",
  "classes": [
    {"name": "system-critical", "priority": 1000, "ageing": "60s", "weight": 400},
    {"name": "evacuation", "priority": 750, "ageing": "60s", "weight": 200},
    {"name": "user", "priority": 500, "ageing": "60s", "weight": 100},
    {"name": "rebalancing", "priority": 250, "ageing": "60s", "weight": 50}
  ],
  "failureMemory": "600s"
}', '1970-01-01T00:00:00Z', 'as delivered');

-- An empty target_host_id: placement chooses one when its turn comes.
ALTER TABLE migrations
    ADD COLUMN priority_class text COLLATE "C" NOT NULL DEFAULT 'user',
    -- The evacuation it is part of; null = none.
    ADD COLUMN evacuation_id  uuid,
    ADD COLUMN not_before     timestamptz,
    -- Its owner was told and the wait ends then at the latest; null = nobody was, or has agreed.
    ADD COLUMN notice_until   timestamptz,
    -- Its evacuation is paused: it stays in the queue.
    ADD COLUMN paused         boolean          NOT NULL DEFAULT false;

CREATE INDEX migrations_queued ON migrations (created_at, migration_id) WHERE phase = 'Queued';
CREATE INDEX migrations_by_evacuation ON migrations (evacuation_id) WHERE evacuation_id IS NOT NULL;

-- What a guest failed on lately is not chosen for it again.
CREATE INDEX migrations_failed ON migrations (ended_at) WHERE phase = 'Failed';

-- One row for each migration that was let through and has not ended: the room it holds on its target, the pool it is in, its share of the
-- links. Deleted in the statement that ends the migration. Those that began under the release before have none and are counted all the same.
CREATE TABLE migration_slots (
    migration_id        uuid             NOT NULL,
    target_host_id      text COLLATE "C" NOT NULL,
    memory_bytes        bigint           NOT NULL,
    vcpus               integer          NOT NULL,
    pool                text             NOT NULL,
    granted_at          timestamptz      NOT NULL,
    -- When the target was ready for the transfer.
    prepared_at         timestamptz,
    transfer_granted_at timestamptz,
    -- Bytes per second. 0 = not limited.
    bandwidth_share     bigint           NOT NULL,
    CONSTRAINT migration_slots_pkey PRIMARY KEY (migration_id),
    CONSTRAINT migration_slots_pool_known CHECK (pool IN ('Preparing', 'Transferring')),
    CONSTRAINT migration_slots_transferring_since CHECK ((pool = 'Transferring') = (transfer_granted_at IS NOT NULL)),
    CONSTRAINT migration_slots_migration_known FOREIGN KEY (migration_id) REFERENCES migrations (migration_id),
    -- A clash while a host is removed becomes RemoveHostOutcome.InUse.
    CONSTRAINT migration_slots_target_known FOREIGN KEY (target_host_id) REFERENCES hosts (host_id)
);

CREATE INDEX migration_slots_by_target ON migration_slots (target_host_id);
