-- +goose Up
CREATE TABLE group_settings (
    account_id  BINARY(16) NOT NULL,
    group_id    BINARY(16) NOT NULL,
    setting_key VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    value       VARCHAR(500) COLLATE utf8mb4_bin NOT NULL,
    locked      BOOLEAN NOT NULL,
    updated_at  DATETIME(6) NOT NULL,
    PRIMARY KEY (account_id, group_id, setting_key),
    KEY group_settings_key (account_id, setting_key, group_id),
    CONSTRAINT group_settings_group_fk FOREIGN KEY (account_id, group_id) REFERENCES user_groups (account_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE group_settings;
