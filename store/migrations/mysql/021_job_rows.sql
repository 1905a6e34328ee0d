-- +goose Up
CREATE TABLE job_rows (
    account_id   BINARY(16) NOT NULL,
    job_id       BINARY(16) NOT NULL,
    position     INT NOT NULL,
    subject_type VARCHAR(32) COLLATE utf8mb4_bin NOT NULL,
    subject_id   BINARY(16) NOT NULL,
    effect       VARCHAR(16) COLLATE utf8mb4_bin NOT NULL,
    outcome      VARCHAR(32) COLLATE utf8mb4_bin NOT NULL,
    detail       JSON NULL,
    PRIMARY KEY (account_id, job_id, position),
    CONSTRAINT job_rows_job_fk FOREIGN KEY (account_id, job_id) REFERENCES jobs (account_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE job_rows;
