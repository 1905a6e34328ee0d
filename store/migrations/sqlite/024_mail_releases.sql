-- +goose Up
CREATE TABLE mail_releases (
    account_id   BLOB NOT NULL,
    operation_id BLOB NOT NULL,
    PRIMARY KEY (account_id, operation_id),
    CONSTRAINT mail_releases_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE mail_releases;
