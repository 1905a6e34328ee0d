-- +goose Up
CREATE TABLE partner_clients (
    account_id  BLOB NOT NULL,
    id          BLOB NOT NULL,
    name        TEXT NOT NULL COLLATE BINARY CHECK (length(name) <= 200),
    name_key    TEXT NOT NULL COLLATE BINARY CHECK (length(name_key) <= 600),
    scopes      TEXT NOT NULL COLLATE BINARY CHECK (length(scopes) <= 200),
    secret_hash BLOB NOT NULL CHECK (length(secret_hash) = 32),
    created_at  DATETIME NOT NULL,
    rotated_at  DATETIME NULL,
    PRIMARY KEY (account_id, id),
    CONSTRAINT partner_clients_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX partner_clients_name ON partner_clients (account_id, name_key);

-- +goose Down
DROP TABLE partner_clients;
