-- +goose Up
ALTER TABLE audit_events ADD COLUMN actor_role TEXT NULL COLLATE BINARY CHECK (length(actor_role) <= 16);
ALTER TABLE audit_events ADD COLUMN outcome TEXT NOT NULL DEFAULT 'DONE' COLLATE BINARY CHECK (length(outcome) <= 16);
ALTER TABLE audit_events ADD COLUMN job_id BLOB NULL;

-- +goose Down
ALTER TABLE audit_events DROP COLUMN actor_role;
ALTER TABLE audit_events DROP COLUMN outcome;
ALTER TABLE audit_events DROP COLUMN job_id;
