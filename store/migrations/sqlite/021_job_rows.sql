-- +goose Up
CREATE TABLE job_rows (
    account_id   BLOB NOT NULL,
    job_id       BLOB NOT NULL,
    position     INT NOT NULL,
    subject_type TEXT NOT NULL COLLATE BINARY CHECK (length(subject_type) <= 32),
    subject_id   BLOB NOT NULL,
    effect       TEXT NOT NULL COLLATE BINARY CHECK (length(effect) <= 16),
    outcome      TEXT NOT NULL COLLATE BINARY CHECK (length(outcome) <= 32),
    detail       TEXT NULL CHECK (json_valid(detail)),
    PRIMARY KEY (account_id, job_id, position),
    CONSTRAINT job_rows_job_fk FOREIGN KEY (account_id, job_id) REFERENCES jobs (account_id, id)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE job_rows;
