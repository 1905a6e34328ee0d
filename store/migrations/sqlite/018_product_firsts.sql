-- +goose Up
CREATE TABLE product_firsts (
    account_id BLOB NOT NULL,
    user_id    BLOB NOT NULL,
    product_id BLOB NOT NULL,
    created_at DATETIME NOT NULL,
    PRIMARY KEY (account_id, user_id, product_id),
    CONSTRAINT product_firsts_user_fk FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
) WITHOUT ROWID;

CREATE INDEX product_firsts_product ON product_firsts (account_id, product_id, user_id);

-- +goose Down
DROP TABLE product_firsts;
