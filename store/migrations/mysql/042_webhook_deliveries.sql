-- +goose Up
CREATE TABLE webhook_deliveries (
    account_id   BINARY(16) NOT NULL,
    webhook_id   BINARY(16) NOT NULL,
    id           BINARY(16) NOT NULL,
    message_id   VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    attempt      INT NOT NULL,
    first_number BIGINT NOT NULL,
    last_number  BIGINT NOT NULL,
    change_count INT NOT NULL,
    status       INT NULL,
    error        VARCHAR(1000) COLLATE utf8mb4_bin NULL,
    duration     INT NOT NULL,
    at           DATETIME(6) NOT NULL,
    PRIMARY KEY (account_id, webhook_id, id),
    CONSTRAINT webhook_deliveries_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE webhook_deliveries;
