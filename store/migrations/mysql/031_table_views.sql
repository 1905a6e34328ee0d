-- +goose Up
CREATE TABLE table_views (
    account_id BINARY(16) NOT NULL,
    user_id    BINARY(16) NOT NULL,
    table_name VARCHAR(32) COLLATE utf8mb4_bin NOT NULL,
    content    JSON NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    PRIMARY KEY (account_id, user_id, table_name),
    CONSTRAINT table_views_user_fk FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE table_views;
