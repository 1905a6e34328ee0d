-- +goose Up
CREATE TABLE mail_releases (
    account_id   BINARY(16) NOT NULL,
    operation_id BINARY(16) NOT NULL,
    PRIMARY KEY (account_id, operation_id),
    CONSTRAINT mail_releases_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE mail_releases;
