-- +goose Up
CREATE TABLE product_firsts (
    account_id BINARY(16) NOT NULL,
    user_id    BINARY(16) NOT NULL,
    product_id BINARY(16) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    PRIMARY KEY (account_id, user_id, product_id),
    KEY product_firsts_product (account_id, product_id, user_id),
    CONSTRAINT product_firsts_user_fk FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE product_firsts;
