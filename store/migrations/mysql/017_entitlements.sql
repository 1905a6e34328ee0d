-- +goose Up
CREATE TABLE entitlements (
    account_id BINARY(16) NOT NULL,
    user_id    BINARY(16) NOT NULL,
    product_id BINARY(16) NOT NULL,
    state      VARCHAR(16) COLLATE utf8mb4_bin NOT NULL,
    since      DATETIME(6) NOT NULL,
    PRIMARY KEY (account_id, user_id, product_id),
    KEY entitlements_product (account_id, product_id, state, since, user_id),
    CONSTRAINT entitlements_user_fk FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id),
    CONSTRAINT entitlements_product_fk FOREIGN KEY (account_id, product_id) REFERENCES products (account_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE entitlements;
