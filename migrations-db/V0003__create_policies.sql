-- Names of convergence policies. A name is never given away again: its revisions stay for the record of old migrations.
CREATE TABLE policies (
    name            text COLLATE "C" NOT NULL,
    newest_revision integer          NOT NULL,
    -- Comes with the product; neither updated nor deleted.
    preset          boolean          NOT NULL,
    -- Hidden from new migrations.
    deleted         boolean          NOT NULL,
    CONSTRAINT policies_pkey PRIMARY KEY (name),
    CONSTRAINT policies_revisions_begin_at_1 CHECK (newest_revision >= 1),
    CONSTRAINT policies_presets_stay CHECK (NOT (preset AND deleted))
);

CREATE TABLE policy_revisions (
    policy_name text COLLATE "C" NOT NULL,
    revision    integer          NOT NULL,
    -- orchestrator.v1.PolicyDocument as canonical proto JSON.
    document    jsonb            NOT NULL,
    created_at  timestamptz      NOT NULL,
    CONSTRAINT policy_revisions_pkey PRIMARY KEY (policy_name, revision),
    CONSTRAINT policy_revisions_of_a_policy FOREIGN KEY (policy_name) REFERENCES policies (name)
);
