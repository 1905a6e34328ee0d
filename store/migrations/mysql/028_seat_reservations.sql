-- +goose Up
CREATE TABLE seat_reservations (
    account_id BINARY(16) NOT NULL,
    product_id BINARY(16) NOT NULL,
    job_id     BINARY(16) NOT NULL,
    seats      INT NOT NULL,
    PRIMARY KEY (account_id, product_id, job_id),
    KEY seat_reservations_job (account_id, job_id),
    CONSTRAINT seat_reservations_job_fk FOREIGN KEY (account_id, job_id) REFERENCES jobs (account_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE seat_reservations;
