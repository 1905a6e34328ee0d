-- +goose Up
CREATE TABLE memberships (
    account_id BINARY(16) NOT NULL,
    group_id   BINARY(16) NOT NULL,
    user_id    BINARY(16) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    PRIMARY KEY (account_id, group_id, user_id),
    KEY memberships_user (account_id, user_id, group_id),
    CONSTRAINT memberships_group_fk FOREIGN KEY (account_id, group_id) REFERENCES user_groups (account_id, id),
    CONSTRAINT memberships_user_fk FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE memberships;
