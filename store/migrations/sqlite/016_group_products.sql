-- +goose Up
CREATE TABLE group_products (
    account_id BLOB NOT NULL,
    group_id   BLOB NOT NULL,
    product_id BLOB NOT NULL,
    created_at DATETIME NOT NULL,
    PRIMARY KEY (account_id, group_id, product_id),
    CONSTRAINT group_products_group_fk FOREIGN KEY (account_id, group_id) REFERENCES user_groups (account_id, id),
    CONSTRAINT group_products_product_fk FOREIGN KEY (account_id, product_id) REFERENCES products (account_id, id)
) WITHOUT ROWID;

CREATE INDEX group_products_product ON group_products (account_id, product_id, group_id);

-- +goose Down
DROP TABLE group_products;
