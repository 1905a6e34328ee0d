-- +goose Up
CREATE TABLE jobs (
    account_id     BLOB NOT NULL,
    id             BLOB NOT NULL,
    seq            BIGINT NOT NULL,
    kind           TEXT NOT NULL COLLATE BINARY CHECK (length(kind) <= 64),
    input          TEXT NOT NULL CHECK (json_valid(input)),
    state          TEXT NOT NULL COLLATE BINARY CHECK (length(state) <= 16),
    dry_run        BOOLEAN NOT NULL,
    actor_kind     TEXT NOT NULL COLLATE BINARY CHECK (length(actor_kind) <= 16),
    actor_user_id  BLOB NULL,
    actor_role     TEXT NOT NULL COLLATE BINARY CHECK (length(actor_role) <= 16),
    request_id     TEXT NOT NULL COLLATE BINARY CHECK (length(request_id) <= 64),
    operation_id   BLOB NOT NULL,
    total          INT NOT NULL,
    done           INT NOT NULL,
    changed        INT NOT NULL,
    failed         INT NOT NULL,
    cursor_data    TEXT NULL CHECK (json_valid(cursor_data)),
    error_code     TEXT NULL COLLATE BINARY CHECK (length(error_code) <= 64),
    lease_owner    TEXT NULL COLLATE BINARY CHECK (length(lease_owner) <= 64),
    lease_until    DATETIME NULL,
    available_at   DATETIME NULL,
    fence          BIGINT NOT NULL,
    attempts       INT NOT NULL,
    retries_job_id BLOB NULL,
    reverts_job_id BLOB NULL,
    created_at     DATETIME NOT NULL,
    started_at     DATETIME NULL,
    finished_at    DATETIME NULL,
    PRIMARY KEY (account_id, id),
    CONSTRAINT jobs_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
);

CREATE UNIQUE INDEX jobs_seq ON jobs (account_id, seq);
CREATE INDEX jobs_state ON jobs (account_id, state, seq);

-- +goose Down
DROP TABLE jobs;
