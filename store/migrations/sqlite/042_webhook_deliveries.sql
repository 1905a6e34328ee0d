-- +goose Up
CREATE TABLE webhook_deliveries (
    account_id   BLOB NOT NULL,
    webhook_id   BLOB NOT NULL,
    id           BLOB NOT NULL,
    message_id   TEXT NOT NULL COLLATE BINARY CHECK (length(message_id) <= 64),
    attempt      INT NOT NULL,
    first_number INTEGER NOT NULL,
    last_number  INTEGER NOT NULL,
    change_count INT NOT NULL,
    status       INT NULL,
    error        TEXT NULL COLLATE BINARY CHECK (length(error) <= 1000),
    duration     INT NOT NULL,
    at           DATETIME NOT NULL,
    PRIMARY KEY (account_id, webhook_id, id),
    CONSTRAINT webhook_deliveries_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE webhook_deliveries;
