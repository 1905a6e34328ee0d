-- +goose Up
CREATE TABLE webhooks (
    account_id       BLOB NOT NULL,
    id               BLOB NOT NULL,
    name             TEXT NOT NULL COLLATE BINARY CHECK (length(name) <= 200),
    name_key         TEXT NOT NULL COLLATE BINARY CHECK (length(name_key) <= 600),
    url              TEXT NOT NULL COLLATE BINARY CHECK (length(url) <= 2000),
    kinds            TEXT NOT NULL COLLATE BINARY CHECK (length(kinds) <= 200),
    secret           BLOB NOT NULL CHECK (length(secret) <= 200),
    old_secret       BLOB NULL CHECK (length(old_secret) <= 200),
    old_secret_until DATETIME NULL,
    rotated_at       DATETIME NULL,
    position         INTEGER NOT NULL,
    told             INTEGER NOT NULL,
    message_id       TEXT NULL COLLATE BINARY CHECK (length(message_id) <= 64),
    message_to       INTEGER NULL,
    message_kinds    TEXT NULL COLLATE BINARY CHECK (length(message_kinds) <= 200),
    attempts         INT NOT NULL,
    failures         INT NOT NULL,
    failing_since    DATETIME NULL,
    last_error       TEXT NULL COLLATE BINARY CHECK (length(last_error) <= 1000),
    last_success_at  DATETIME NULL,
    next_attempt_at  DATETIME NULL,
    paused_reason    TEXT NULL COLLATE BINARY CHECK (length(paused_reason) <= 32),
    paused_at        DATETIME NULL,
    claimed_by       TEXT NULL COLLATE BINARY CHECK (length(claimed_by) <= 64),
    due_at           DATETIME NULL,
    created_at       DATETIME NOT NULL,
    updated_at       DATETIME NOT NULL,
    PRIMARY KEY (account_id, id),
    CONSTRAINT webhooks_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX webhooks_name ON webhooks (account_id, name_key);

-- +goose Down
DROP TABLE webhooks;
