-- +goose Up
CREATE TABLE job_groups (
    account_id BINARY(16) NOT NULL,
    group_id   BINARY(16) NOT NULL,
    job_id     BINARY(16) NOT NULL,
    PRIMARY KEY (account_id, group_id, job_id),
    KEY job_groups_job (account_id, job_id),
    CONSTRAINT job_groups_job_fk FOREIGN KEY (account_id, job_id) REFERENCES jobs (account_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE job_groups;
