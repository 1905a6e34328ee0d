-- +goose Up
CREATE TABLE export_files (
    account_id BINARY(16) NOT NULL,
    job_id     BINARY(16) NOT NULL,
    name       VARCHAR(200) COLLATE utf8mb4_bin NOT NULL,
    media_type VARCHAR(100) COLLATE utf8mb4_bin NOT NULL,
    size       BIGINT NOT NULL,
    feed_seq   BIGINT NOT NULL,
    created_at DATETIME(6) NOT NULL,
    kept_until DATETIME(6) NOT NULL,
    PRIMARY KEY (account_id, job_id),
    KEY export_files_kept (account_id, kept_until),
    CONSTRAINT export_files_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE export_files;
