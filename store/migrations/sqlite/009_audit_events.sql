-- +goose Up
CREATE TABLE audit_events (
    account_id   BLOB NOT NULL,
    id           BLOB NOT NULL,
    operation_id BLOB NOT NULL,
    at           DATETIME NOT NULL,
    action       TEXT NOT NULL COLLATE BINARY CHECK (length(action) <= 64),
    actor_kind   TEXT NOT NULL COLLATE BINARY CHECK (length(actor_kind) <= 16),
    actor_id     BLOB NULL,
    request_id   TEXT NOT NULL COLLATE BINARY CHECK (length(request_id) <= 64),
    subject_type TEXT NOT NULL COLLATE BINARY CHECK (length(subject_type) <= 32),
    subject_id   BLOB NULL,
    object_id    BLOB NULL,
    before_data  TEXT NULL CHECK (json_valid(before_data)),
    after_data   TEXT NULL CHECK (json_valid(after_data)),
    PRIMARY KEY (account_id, id),
    CONSTRAINT audit_events_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
);

CREATE INDEX audit_events_operation ON audit_events (account_id, operation_id);
CREATE INDEX audit_events_subject ON audit_events (account_id, subject_id, id);

-- +goose Down
DROP TABLE audit_events;
