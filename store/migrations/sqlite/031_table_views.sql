-- +goose Up
CREATE TABLE table_views (
    account_id BLOB NOT NULL,
    user_id    BLOB NOT NULL,
    table_name TEXT NOT NULL COLLATE BINARY CHECK (length(table_name) <= 32),
    content    TEXT NOT NULL CHECK (json_valid(content)),
    updated_at DATETIME NOT NULL,
    PRIMARY KEY (account_id, user_id, table_name),
    CONSTRAINT table_views_user_fk FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE table_views;
