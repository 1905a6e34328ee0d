-- +goose Up
CREATE TABLE mails (
    account_id   BLOB NOT NULL,
    id           BLOB NOT NULL,
    operation_id BLOB NOT NULL,
    user_id      BLOB NOT NULL,
    kind         TEXT NOT NULL COLLATE BINARY CHECK (length(kind) <= 16),
    product_id   BLOB NOT NULL,
    state        TEXT NOT NULL COLLATE BINARY CHECK (length(state) <= 16),
    content      TEXT NOT NULL CHECK (json_valid(content)),
    attempts     INT NOT NULL,
    last_error   TEXT NULL COLLATE BINARY CHECK (length(last_error) <= 1000),
    claimed_by   TEXT NULL COLLATE BINARY CHECK (length(claimed_by) <= 64),
    due_at       DATETIME NOT NULL,
    created_at   DATETIME NOT NULL,
    sent_at      DATETIME NULL,
    PRIMARY KEY (account_id, id),
    CONSTRAINT mails_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX mails_once ON mails (account_id, operation_id, user_id, kind, product_id);
CREATE INDEX mails_state ON mails (account_id, state, id);
CREATE INDEX mails_due ON mails (account_id, state, due_at, id);

-- +goose Down
DROP TABLE mails;
