-- +goose Up
DROP TABLE idempotency_keys;

-- +goose Down
CREATE TABLE idempotency_keys (
    account_id BLOB NOT NULL,
    actor      TEXT NOT NULL COLLATE BINARY CHECK (length(actor) <= 64),
    mutation   TEXT NOT NULL COLLATE BINARY CHECK (length(mutation) <= 64),
    client_key TEXT NOT NULL COLLATE BINARY CHECK (length(client_key) <= 255),
    input_hash BLOB NOT NULL CHECK (length(input_hash) = 32),
    job_id     BLOB NOT NULL,
    created_at DATETIME NOT NULL,
    PRIMARY KEY (account_id, actor, mutation, client_key),
    CONSTRAINT idempotency_keys_job_fk FOREIGN KEY (account_id, job_id) REFERENCES jobs (account_id, id)
) WITHOUT ROWID;

CREATE INDEX idempotency_keys_created ON idempotency_keys (account_id, created_at);
CREATE INDEX idempotency_keys_job ON idempotency_keys (account_id, job_id);
