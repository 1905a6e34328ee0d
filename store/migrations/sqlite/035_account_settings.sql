-- +goose Up
CREATE TABLE account_settings (
    account_id  BLOB NOT NULL,
    setting_key TEXT NOT NULL CHECK (length(setting_key) <= 64),
    value       TEXT NOT NULL CHECK (length(value) <= 500),
    locked      BOOLEAN NOT NULL,
    updated_at  DATETIME NOT NULL,
    PRIMARY KEY (account_id, setting_key),
    CONSTRAINT account_settings_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE account_settings;
