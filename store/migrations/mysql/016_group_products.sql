-- +goose Up
CREATE TABLE group_products (
    account_id BINARY(16) NOT NULL,
    group_id   BINARY(16) NOT NULL,
    product_id BINARY(16) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    PRIMARY KEY (account_id, group_id, product_id),
    KEY group_products_product (account_id, product_id, group_id),
    CONSTRAINT group_products_group_fk FOREIGN KEY (account_id, group_id) REFERENCES user_groups (account_id, id),
    CONSTRAINT group_products_product_fk FOREIGN KEY (account_id, product_id) REFERENCES products (account_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE group_products;
