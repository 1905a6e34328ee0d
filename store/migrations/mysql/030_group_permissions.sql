-- +goose Up
CREATE TABLE group_permissions (
    account_id     BINARY(16) NOT NULL,
    group_id       BINARY(16) NOT NULL,
    permission_key VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    created_at     DATETIME(6) NOT NULL,
    PRIMARY KEY (account_id, group_id, permission_key),
    CONSTRAINT group_permissions_group_fk FOREIGN KEY (account_id, group_id) REFERENCES user_groups (account_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE group_permissions;
