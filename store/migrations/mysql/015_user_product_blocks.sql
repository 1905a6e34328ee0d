-- +goose Up
CREATE TABLE user_product_blocks (
    account_id BINARY(16) NOT NULL,
    user_id    BINARY(16) NOT NULL,
    product_id BINARY(16) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    PRIMARY KEY (account_id, user_id, product_id),
    KEY user_product_blocks_product (account_id, product_id, user_id),
    CONSTRAINT user_product_blocks_user_fk FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id),
    CONSTRAINT user_product_blocks_product_fk FOREIGN KEY (account_id, product_id) REFERENCES products (account_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE user_product_blocks;
