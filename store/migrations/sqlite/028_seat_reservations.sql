-- +goose Up
CREATE TABLE seat_reservations (
    account_id BLOB NOT NULL,
    product_id BLOB NOT NULL,
    job_id     BLOB NOT NULL,
    seats      INTEGER NOT NULL,
    PRIMARY KEY (account_id, product_id, job_id),
    CONSTRAINT seat_reservations_job_fk FOREIGN KEY (account_id, job_id) REFERENCES jobs (account_id, id)
) WITHOUT ROWID;

CREATE INDEX seat_reservations_job ON seat_reservations (account_id, job_id);

-- +goose Down
DROP TABLE seat_reservations;
