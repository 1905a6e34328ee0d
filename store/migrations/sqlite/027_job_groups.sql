-- +goose Up
CREATE TABLE job_groups (
    account_id BLOB NOT NULL,
    group_id   BLOB NOT NULL,
    job_id     BLOB NOT NULL,
    PRIMARY KEY (account_id, group_id, job_id),
    CONSTRAINT job_groups_job_fk FOREIGN KEY (account_id, job_id) REFERENCES jobs (account_id, id)
) WITHOUT ROWID;

CREATE INDEX job_groups_job ON job_groups (account_id, job_id);

-- +goose Down
DROP TABLE job_groups;
