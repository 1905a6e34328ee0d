-- +goose Up
CREATE TABLE user_groups (
    account_id          BINARY(16) NOT NULL,
    id                  BINARY(16) NOT NULL,
    name                VARCHAR(200) COLLATE utf8mb4_bin NOT NULL,
    name_key            VARCHAR(600) COLLATE utf8mb4_bin NOT NULL,
    name_sort           VARCHAR(600) COLLATE utf8mb4_bin NOT NULL,
    description         VARCHAR(2000) COLLATE utf8mb4_bin NOT NULL,
    priority            INT NOT NULL,
    direct_member_count INT NOT NULL,
    created_at          DATETIME(6) NOT NULL,
    updated_at          DATETIME(6) NOT NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE KEY user_groups_name_key (account_id, name_key),
    KEY user_groups_name (account_id, name_sort, id),
    KEY user_groups_priority (account_id, priority, id),
    KEY user_groups_members (account_id, direct_member_count, id),
    KEY user_groups_created (account_id, created_at, id),
    CONSTRAINT user_groups_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE user_groups;
