-- +goose Up
CREATE TABLE mails (
    account_id   BINARY(16) NOT NULL,
    id           BINARY(16) NOT NULL,
    operation_id BINARY(16) NOT NULL,
    user_id      BINARY(16) NOT NULL,
    kind         VARCHAR(16) COLLATE utf8mb4_bin NOT NULL,
    product_id   BINARY(16) NOT NULL,
    state        VARCHAR(16) COLLATE utf8mb4_bin NOT NULL,
    content      JSON NOT NULL,
    attempts     INT NOT NULL,
    last_error   VARCHAR(1000) COLLATE utf8mb4_bin NULL,
    claimed_by   VARCHAR(64) COLLATE utf8mb4_bin NULL,
    due_at       DATETIME(6) NOT NULL,
    created_at   DATETIME(6) NOT NULL,
    sent_at      DATETIME(6) NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE KEY mails_once (account_id, operation_id, user_id, kind, product_id),
    KEY mails_state (account_id, state, id),
    KEY mails_due (account_id, state, due_at, id),
    CONSTRAINT mails_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE mails;
