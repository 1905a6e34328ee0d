-- +goose Up
CREATE TABLE accounts (
    id            BINARY(16) NOT NULL,
    name          VARCHAR(200) COLLATE utf8mb4_bin NOT NULL,
    name_key      VARCHAR(600) COLLATE utf8mb4_bin NOT NULL,
    graph_version BIGINT NOT NULL DEFAULT 0,
    feed_seq      BIGINT NOT NULL,
    created_at    DATETIME(6) NOT NULL,
    updated_at    DATETIME(6) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY accounts_name_key (name_key)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE accounts;
