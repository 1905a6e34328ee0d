-- +goose Up
CREATE TABLE accounts (
    id            BLOB NOT NULL,
    name          TEXT NOT NULL COLLATE BINARY CHECK (length(name) <= 200),
    name_key      TEXT NOT NULL COLLATE BINARY CHECK (length(name_key) <= 600),
    graph_version BIGINT NOT NULL DEFAULT 0,
    feed_seq      BIGINT NOT NULL,
    created_at    DATETIME NOT NULL,
    updated_at    DATETIME NOT NULL,
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX accounts_name_key ON accounts (name_key);

-- +goose Down
DROP TABLE accounts;
