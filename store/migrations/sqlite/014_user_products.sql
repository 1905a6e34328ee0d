-- +goose Up
CREATE TABLE user_products (
    account_id BLOB NOT NULL,
    user_id    BLOB NOT NULL,
    product_id BLOB NOT NULL,
    created_at DATETIME NOT NULL,
    PRIMARY KEY (account_id, user_id, product_id),
    CONSTRAINT user_products_user_fk FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id),
    CONSTRAINT user_products_product_fk FOREIGN KEY (account_id, product_id) REFERENCES products (account_id, id)
) WITHOUT ROWID;

CREATE INDEX user_products_product ON user_products (account_id, product_id, user_id);

-- +goose Down
DROP TABLE user_products;
