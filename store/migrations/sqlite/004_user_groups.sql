-- +goose Up
CREATE TABLE user_groups (
    account_id          BLOB NOT NULL,
    id                  BLOB NOT NULL,
    name                TEXT NOT NULL COLLATE BINARY CHECK (length(name) <= 200),
    name_key            TEXT NOT NULL COLLATE BINARY CHECK (length(name_key) <= 600),
    name_sort           TEXT NOT NULL COLLATE BINARY CHECK (length(name_sort) <= 600),
    description         TEXT NOT NULL COLLATE BINARY CHECK (length(description) <= 2000),
    priority            INTEGER NOT NULL,
    direct_member_count INTEGER NOT NULL,
    created_at          DATETIME NOT NULL,
    updated_at          DATETIME NOT NULL,
    PRIMARY KEY (account_id, id),
    CONSTRAINT user_groups_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
);

CREATE UNIQUE INDEX user_groups_name_key ON user_groups (account_id, name_key);
CREATE INDEX user_groups_name ON user_groups (account_id, name_sort, id);
CREATE INDEX user_groups_priority ON user_groups (account_id, priority, id);
CREATE INDEX user_groups_members ON user_groups (account_id, direct_member_count, id);
CREATE INDEX user_groups_created ON user_groups (account_id, created_at, id);

-- +goose Down
DROP TABLE user_groups;
