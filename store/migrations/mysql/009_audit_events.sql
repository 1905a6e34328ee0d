-- +goose Up
CREATE TABLE audit_events (
    account_id   BINARY(16) NOT NULL,
    id           BINARY(16) NOT NULL,
    operation_id BINARY(16) NOT NULL,
    at           DATETIME(6) NOT NULL,
    action       VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    actor_kind   VARCHAR(16) COLLATE utf8mb4_bin NOT NULL,
    actor_id     BINARY(16) NULL,
    request_id   VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    subject_type VARCHAR(32) COLLATE utf8mb4_bin NOT NULL,
    subject_id   BINARY(16) NULL,
    object_id    BINARY(16) NULL,
    before_data  JSON NULL,
    after_data   JSON NULL,
    PRIMARY KEY (account_id, id),
    KEY audit_events_operation (account_id, operation_id),
    KEY audit_events_subject (account_id, subject_id, id),
    CONSTRAINT audit_events_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE audit_events;
