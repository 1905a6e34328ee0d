-- +goose Up
CREATE TABLE account_settings (
    account_id  BINARY(16) NOT NULL,
    setting_key VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    value       VARCHAR(500) COLLATE utf8mb4_bin NOT NULL,
    locked      BOOLEAN NOT NULL,
    updated_at  DATETIME(6) NOT NULL,
    PRIMARY KEY (account_id, setting_key),
    CONSTRAINT account_settings_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE account_settings;
