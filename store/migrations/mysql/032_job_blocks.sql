-- +goose Up
CREATE TABLE job_blocks (
    account_id   BINARY(16) NOT NULL,
    job_id       BINARY(16) NOT NULL,
    position     INT NOT NULL,
    subject_type VARCHAR(32) COLLATE utf8mb4_bin NOT NULL,
    subjects     BLOB NOT NULL,
    PRIMARY KEY (account_id, job_id, position),
    CONSTRAINT job_blocks_job_fk FOREIGN KEY (account_id, job_id) REFERENCES jobs (account_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE job_blocks;
