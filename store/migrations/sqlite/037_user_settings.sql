-- +goose Up
CREATE TABLE user_settings (
    account_id  BLOB NOT NULL,
    user_id     BLOB NOT NULL,
    setting_key TEXT NOT NULL CHECK (length(setting_key) <= 64),
    value       TEXT NOT NULL CHECK (length(value) <= 500),
    updated_at  DATETIME NOT NULL,
    PRIMARY KEY (account_id, user_id, setting_key),
    CONSTRAINT user_settings_user_fk FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
) WITHOUT ROWID;

CREATE INDEX user_settings_key ON user_settings (account_id, setting_key, user_id);

-- +goose Down
DROP TABLE user_settings;
