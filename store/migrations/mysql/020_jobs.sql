-- +goose Up
CREATE TABLE jobs (
    account_id     BINARY(16) NOT NULL,
    id             BINARY(16) NOT NULL,
    seq            BIGINT NOT NULL,
    kind           VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    input          JSON NOT NULL,
    state          VARCHAR(16) COLLATE utf8mb4_bin NOT NULL,
    dry_run        BOOLEAN NOT NULL,
    actor_kind     VARCHAR(16) COLLATE utf8mb4_bin NOT NULL,
    actor_user_id  BINARY(16) NULL,
    actor_role     VARCHAR(16) COLLATE utf8mb4_bin NOT NULL,
    request_id     VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    operation_id   BINARY(16) NOT NULL,
    total          INT NOT NULL,
    done           INT NOT NULL,
    changed        INT NOT NULL,
    failed         INT NOT NULL,
    cursor_data    JSON NULL,
    error_code     VARCHAR(64) COLLATE utf8mb4_bin NULL,
    lease_owner    VARCHAR(64) COLLATE utf8mb4_bin NULL,
    lease_until    DATETIME(6) NULL,
    available_at   DATETIME(6) NULL,
    fence          BIGINT NOT NULL,
    attempts       INT NOT NULL,
    retries_job_id BINARY(16) NULL,
    reverts_job_id BINARY(16) NULL,
    created_at     DATETIME(6) NOT NULL,
    started_at     DATETIME(6) NULL,
    finished_at    DATETIME(6) NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE KEY jobs_seq (account_id, seq),
    KEY jobs_state (account_id, state, seq),
    CONSTRAINT jobs_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE jobs;
