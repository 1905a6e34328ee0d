-- +goose Up
CREATE TABLE group_permissions (
    account_id     BLOB NOT NULL,
    group_id       BLOB NOT NULL,
    permission_key TEXT NOT NULL CHECK (length(permission_key) <= 64),
    created_at     DATETIME NOT NULL,
    PRIMARY KEY (account_id, group_id, permission_key),
    CONSTRAINT group_permissions_group_fk FOREIGN KEY (account_id, group_id) REFERENCES user_groups (account_id, id)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE group_permissions;
