-- +goose Up
DROP TABLE idempotency_keys;

-- +goose Down
CREATE TABLE idempotency_keys (
    account_id BINARY(16) NOT NULL,
    actor      VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    mutation   VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    client_key VARCHAR(255) COLLATE utf8mb4_bin NOT NULL,
    input_hash BINARY(32) NOT NULL,
    job_id     BINARY(16) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    PRIMARY KEY (account_id, actor, mutation, client_key),
    KEY idempotency_keys_created (account_id, created_at),
    CONSTRAINT idempotency_keys_job_fk FOREIGN KEY (account_id, job_id) REFERENCES jobs (account_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
