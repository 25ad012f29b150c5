-- What a guest's caller says besides its machine. A guest of an earlier release, or of one that still runs, has said nothing.
ALTER TABLE guests
    -- Object of strings.
    ADD COLUMN labels    jsonb NOT NULL DEFAULT '{}',
    -- orchestrator.v1.PlacementTerms as proto JSON, with defaults filled in.
    ADD COLUMN placement jsonb NOT NULL DEFAULT '{}',
    -- orchestrator.v1.NoticeTerms as proto JSON; null = as whoever moves the guest says.
    ADD COLUMN notice    jsonb;
