-- +goose Up
CREATE TABLE export_files (
    account_id BLOB NOT NULL,
    job_id     BLOB NOT NULL,
    name       TEXT NOT NULL COLLATE BINARY CHECK (length(name) <= 200),
    media_type TEXT NOT NULL COLLATE BINARY CHECK (length(media_type) <= 100),
    size       BIGINT NOT NULL,
    feed_seq   BIGINT NOT NULL,
    created_at DATETIME NOT NULL,
    kept_until DATETIME NOT NULL,
    PRIMARY KEY (account_id, job_id),
    CONSTRAINT export_files_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
) WITHOUT ROWID;

CREATE INDEX export_files_kept ON export_files (account_id, kept_until);

-- +goose Down
DROP TABLE export_files;
