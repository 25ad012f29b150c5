-- Which hosts are alive. How long a host has been silent is measured by the database's clock, which all replicas share, so that they all
-- give the same answer; see README.md.
CREATE VIEW database_clock AS SELECT now() AS time;

-- last_seen_at is by the database's clock from here on, late by a few seconds. The previous release writes its own.
ALTER TABLE hosts
    -- When the present stretch of being heard began; null = before this was written down.
    ADD COLUMN connected_since timestamptz,
    -- Somebody has been told that the host is lost; null again when it is heard.
    ADD COLUMN lost_noted_at   timestamptz,
    -- When the description was last written; null = before this was written down.
    ADD COLUMN described_at    timestamptz,
    -- Somebody vouches that it is off, or a fencing command succeeded. While set, nobody talks to its agent, nothing is started or moved
    -- there, and its guests may be started elsewhere.
    ADD COLUMN dead_at         timestamptz,
    -- Why, and by whom. Empty unless dead.
    ADD COLUMN dead_reason     text NOT NULL DEFAULT '',
    ADD CONSTRAINT hosts_dead_for_a_reason CHECK ((dead_at IS NULL) = (dead_reason = ''));

CREATE VIEW host_silences AS
    SELECT host_id, greatest(now() - last_seen_at, interval '0') AS silence FROM hosts;

-- What was done to hosts, and by whom. Outlives the host.
CREATE TABLE host_events (
    event_id bigint           NOT NULL GENERATED ALWAYS AS IDENTITY,
    host_id  text COLLATE "C" NOT NULL,
    -- By the database's clock.
    at       timestamptz      NOT NULL,
    kind     text             NOT NULL,
    -- The caller's address as the server saw it; empty for what the control plane noticed itself.
    caller   text             NOT NULL,
    message  text             NOT NULL,
    CONSTRAINT host_events_pkey PRIMARY KEY (event_id),
    CONSTRAINT host_events_kind_known CHECK (kind IN ('Lost', 'Found', 'DeclaredDead', 'Fenced', 'FencingFailed', 'Readmitted', 'Cordoned', 'Uncordoned'))
);

CREATE INDEX host_events_by_host ON host_events (host_id, event_id);
