-- The virtual machines. A guest's row says where it may run: nobody starts a second copy of it anywhere else.
CREATE TABLE guests (
    guest_id                 text COLLATE "C" NOT NULL,
    -- orchestrator.v1.MachineSpec as proto JSON, as its caller defined it, with defaults filled in.
    defined_spec             jsonb            NOT NULL,
    -- The same with the machine type pinned at the first start: what source and target build.
    spec                     jsonb            NOT NULL,
    -- Last known. A guest whose host does not answer is shown as UNKNOWN, which is not stored.
    state                    text             NOT NULL,
    state_since              timestamptz      NOT NULL,
    host_id                  text COLLATE "C",
    -- The start that is under way leaves its CPUs stopped; remembered so that whoever finds it unfinished repeats it as it was asked for.
    starts_paused            boolean          NOT NULL,
    -- Its owner asked for a stop: when the engine is gone now, it is shut off and has not crashed.
    stopping                 boolean          NOT NULL,
    -- While a migration is under way (set and cleared by the migration's own statement, together with host_id and state at its end):
    -- nothing else starts, stops or moves the guest, and what agents say about it is no news.
    active_migration_id      uuid,
    -- Where that migration goes. Holds the host against removal.
    migration_target_host_id text COLLATE "C",
    -- That migration's caller promised that the guest stays stopped (NON_LIVE): a resume is refused.
    migration_keeps_stopped  boolean          NOT NULL DEFAULT false,
    defined_at               timestamptz      NOT NULL,
    -- On its host; empty when shut off.
    serial_socket            text             NOT NULL,
    -- Grows at every write. Whoever writes names the one that was read.
    revision                 bigint           NOT NULL,
    CONSTRAINT guests_pkey PRIMARY KEY (guest_id),
    CONSTRAINT guests_state_known CHECK (state IN ('ShutOff', 'Starting', 'Running', 'Paused', 'Crashed')),
    CONSTRAINT guests_on_a_host_unless_shut_off CHECK ((state = 'ShutOff') = (host_id IS NULL)),
    CONSTRAINT guests_migration_has_a_target CHECK ((active_migration_id IS NULL) = (migration_target_host_id IS NULL)),
    CONSTRAINT guests_kept_stopped_by_a_migration CHECK (NOT migration_keeps_stopped OR active_migration_id IS NOT NULL),
    -- A clash on either while a host is removed becomes RemoveHostOutcome.InUse.
    CONSTRAINT guests_host_known FOREIGN KEY (host_id) REFERENCES hosts (host_id),
    CONSTRAINT guests_migration_target_known FOREIGN KEY (migration_target_host_id) REFERENCES hosts (host_id)
);

CREATE INDEX guests_by_host ON guests (host_id, guest_id);

CREATE INDEX guests_by_migration_target ON guests (migration_target_host_id) WHERE migration_target_host_id IS NOT NULL;
