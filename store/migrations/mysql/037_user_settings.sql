-- +goose Up
CREATE TABLE user_settings (
    account_id  BINARY(16) NOT NULL,
    user_id     BINARY(16) NOT NULL,
    setting_key VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    value       VARCHAR(500) COLLATE utf8mb4_bin NOT NULL,
    updated_at  DATETIME(6) NOT NULL,
    PRIMARY KEY (account_id, user_id, setting_key),
    KEY user_settings_key (account_id, setting_key, user_id),
    CONSTRAINT user_settings_user_fk FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE user_settings;
