-- +goose Up
CREATE TABLE export_parts (
    account_id BLOB NOT NULL,
    job_id     BLOB NOT NULL,
    number     INT NOT NULL,
    content    BLOB NOT NULL,
    PRIMARY KEY (account_id, job_id, number),
    CONSTRAINT export_parts_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
);

-- +goose Down
DROP TABLE export_parts;
