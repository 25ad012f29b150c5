-- Notices: the owner of a guest is told before it moves. At most one for each migration, opened in the statement that queues it.
CREATE TABLE notices (
    -- Follows from the migration's id.
    notice_id         uuid             NOT NULL,
    migration_id      uuid             NOT NULL,
    guest_id          text COLLATE "C" NOT NULL,
    source_host_id    text COLLATE "C" NOT NULL,
    reason            text             NOT NULL,
    -- orchestrator.v1.NoticeTerms as proto JSON.
    terms             jsonb            NOT NULL,
    state             text             NOT NULL,
    opened_at         timestamptz      NOT NULL,
    -- As migrations.notice_until, which goes when the wait ends before.
    ends_at           timestamptz      NOT NULL,
    closed_at         timestamptz,
    acknowledged_by   text             NOT NULL,
    delivery_attempts integer          NOT NULL,
    delivered_at      timestamptz,
    -- Of the last attempt that failed.
    delivery_error    text             NOT NULL,
    -- Null = there is no webhook, it has answered, or it was given up. While somebody tries, when others may.
    next_delivery_at  timestamptz,
    -- Whoever tries. Null before the first attempt.
    delivery_claim    uuid,
    revision          bigint           NOT NULL,
    -- The transaction that wrote the row last. Watchers read on from a transaction before which all have ended, so that none is passed over
    -- that commits late. (A sequence would not do: its numbers are given out before the commit.)
    changed_in        xid8             NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT notices_pkey PRIMARY KEY (notice_id),
    CONSTRAINT notices_one_per_migration UNIQUE (migration_id),
    CONSTRAINT notices_migration_known FOREIGN KEY (migration_id) REFERENCES migrations (migration_id),
    CONSTRAINT notices_state_known CHECK (state IN ('Open', 'Acknowledged', 'TimedOut', 'Withdrawn')),
    CONSTRAINT notices_closed_when_over CHECK ((closed_at IS NULL) = (state = 'Open'))
);

CREATE INDEX notices_by_age ON notices (opened_at, notice_id);
CREATE INDEX notices_by_guest ON notices (guest_id, opened_at);
CREATE INDEX notices_open ON notices (ends_at) WHERE state = 'Open';
CREATE INDEX notices_to_deliver ON notices (next_delivery_at) WHERE next_delivery_at IS NOT NULL;
CREATE INDEX notices_by_change ON notices (changed_in);
