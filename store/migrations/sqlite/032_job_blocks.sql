-- +goose Up
CREATE TABLE job_blocks (
    account_id   BLOB NOT NULL,
    job_id       BLOB NOT NULL,
    position     INT NOT NULL,
    subject_type TEXT NOT NULL COLLATE BINARY CHECK (length(subject_type) <= 32),
    subjects     BLOB NOT NULL,
    PRIMARY KEY (account_id, job_id, position),
    CONSTRAINT job_blocks_job_fk FOREIGN KEY (account_id, job_id) REFERENCES jobs (account_id, id)
);

-- +goose Down
DROP TABLE job_blocks;
