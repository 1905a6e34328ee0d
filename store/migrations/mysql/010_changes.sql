-- +goose Up
CREATE TABLE changes (
    account_id   BINARY(16) NOT NULL,
    seq          BIGINT NOT NULL,
    operation_id BINARY(16) NOT NULL,
    at           DATETIME(6) NOT NULL,
    entity       VARCHAR(24) COLLATE utf8mb4_bin NOT NULL,
    change_type  VARCHAR(16) COLLATE utf8mb4_bin NOT NULL,
    subject_id   BINARY(16) NOT NULL,
    object_id    BINARY(16) NULL,
    payload      JSON NULL,
    PRIMARY KEY (account_id, seq),
    CONSTRAINT changes_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE changes;
