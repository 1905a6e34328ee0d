-- +goose Up
ALTER TABLE audit_events
    ADD COLUMN actor_role VARCHAR(16) COLLATE utf8mb4_bin NULL,
    ADD COLUMN outcome VARCHAR(16) COLLATE utf8mb4_bin NOT NULL DEFAULT 'DONE',
    ADD COLUMN job_id BINARY(16) NULL;

-- +goose Down
ALTER TABLE audit_events DROP COLUMN actor_role, DROP COLUMN outcome, DROP COLUMN job_id;
