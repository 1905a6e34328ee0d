-- +goose Up
CREATE TABLE changes (
    account_id   BLOB NOT NULL,
    seq          BIGINT NOT NULL,
    operation_id BLOB NOT NULL,
    at           DATETIME NOT NULL,
    entity       TEXT NOT NULL COLLATE BINARY CHECK (length(entity) <= 24),
    change_type  TEXT NOT NULL COLLATE BINARY CHECK (length(change_type) <= 16),
    subject_id   BLOB NOT NULL,
    object_id    BLOB NULL,
    payload      TEXT NULL CHECK (json_valid(payload)),
    PRIMARY KEY (account_id, seq),
    CONSTRAINT changes_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
);

-- +goose Down
DROP TABLE changes;
