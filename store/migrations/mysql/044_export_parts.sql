-- +goose Up
CREATE TABLE export_parts (
    account_id BINARY(16) NOT NULL,
    job_id     BINARY(16) NOT NULL,
    number     INT NOT NULL,
    content    MEDIUMBLOB NOT NULL,
    PRIMARY KEY (account_id, job_id, number),
    CONSTRAINT export_parts_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE export_parts;
