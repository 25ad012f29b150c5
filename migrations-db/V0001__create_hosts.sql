-- The hypervisor machines. Whether one answers right now is no column: every control plane sees that for itself.
CREATE TABLE hosts (
    host_id        text COLLATE "C" NOT NULL,
    agent_endpoint text             NOT NULL,
    -- Object of strings.
    labels         jsonb            NOT NULL,
    cordoned       boolean          NOT NULL,
    -- Empty unless cordoned.
    cordon_reason  text             NOT NULL,
    registered_at  timestamptz      NOT NULL,
    -- When the agent last said anything, late by up to half a minute.
    last_seen_at   timestamptz      NOT NULL,
    -- orchestrator.v1.HostDescription as proto JSON, as the agent last gave it.
    description    jsonb            NOT NULL,
    CONSTRAINT hosts_pkey PRIMARY KEY (host_id),
    CONSTRAINT hosts_reason_only_when_cordoned CHECK (cordoned OR cordon_reason = '')
);
