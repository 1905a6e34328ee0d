-- +goose Up
CREATE TABLE group_settings (
    account_id  BLOB NOT NULL,
    group_id    BLOB NOT NULL,
    setting_key TEXT NOT NULL CHECK (length(setting_key) <= 64),
    value       TEXT NOT NULL CHECK (length(value) <= 500),
    locked      BOOLEAN NOT NULL,
    updated_at  DATETIME NOT NULL,
    PRIMARY KEY (account_id, group_id, setting_key),
    CONSTRAINT group_settings_group_fk FOREIGN KEY (account_id, group_id) REFERENCES user_groups (account_id, id)
) WITHOUT ROWID;

CREATE INDEX group_settings_key ON group_settings (account_id, setting_key, group_id);

-- +goose Down
DROP TABLE group_settings;
