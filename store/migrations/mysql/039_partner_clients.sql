-- +goose Up
CREATE TABLE partner_clients (
    account_id  BINARY(16) NOT NULL,
    id          BINARY(16) NOT NULL,
    name        VARCHAR(200) COLLATE utf8mb4_bin NOT NULL,
    name_key    VARCHAR(600) COLLATE utf8mb4_bin NOT NULL,
    scopes      VARCHAR(200) COLLATE utf8mb4_bin NOT NULL,
    secret_hash BINARY(32) NOT NULL,
    created_at  DATETIME(6) NOT NULL,
    rotated_at  DATETIME(6) NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE KEY partner_clients_name (account_id, name_key),
    CONSTRAINT partner_clients_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE partner_clients;
