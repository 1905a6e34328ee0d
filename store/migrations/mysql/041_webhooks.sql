-- +goose Up
CREATE TABLE webhooks (
    account_id       BINARY(16) NOT NULL,
    id               BINARY(16) NOT NULL,
    name             VARCHAR(200) COLLATE utf8mb4_bin NOT NULL,
    name_key         VARCHAR(600) COLLATE utf8mb4_bin NOT NULL,
    url              VARCHAR(2000) COLLATE utf8mb4_bin NOT NULL,
    kinds            VARCHAR(200) COLLATE utf8mb4_bin NOT NULL,
    secret           VARBINARY(200) NOT NULL,
    old_secret       VARBINARY(200) NULL,
    old_secret_until DATETIME(6) NULL,
    rotated_at       DATETIME(6) NULL,
    position         BIGINT NOT NULL,
    told             BIGINT NOT NULL,
    message_id       VARCHAR(64) COLLATE utf8mb4_bin NULL,
    message_to       BIGINT NULL,
    message_kinds    VARCHAR(200) COLLATE utf8mb4_bin NULL,
    attempts         INT NOT NULL,
    failures         INT NOT NULL,
    failing_since    DATETIME(6) NULL,
    last_error       VARCHAR(1000) COLLATE utf8mb4_bin NULL,
    last_success_at  DATETIME(6) NULL,
    next_attempt_at  DATETIME(6) NULL,
    paused_reason    VARCHAR(32) COLLATE utf8mb4_bin NULL,
    paused_at        DATETIME(6) NULL,
    claimed_by       VARCHAR(64) COLLATE utf8mb4_bin NULL,
    due_at           DATETIME(6) NULL,
    created_at       DATETIME(6) NOT NULL,
    updated_at       DATETIME(6) NOT NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE KEY webhooks_name (account_id, name_key),
    CONSTRAINT webhooks_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE webhooks;
