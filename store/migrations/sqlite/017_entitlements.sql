-- +goose Up
CREATE TABLE entitlements (
    account_id BLOB NOT NULL,
    user_id    BLOB NOT NULL,
    product_id BLOB NOT NULL,
    state      TEXT NOT NULL CHECK (length(state) <= 16),
    since      DATETIME NOT NULL,
    PRIMARY KEY (account_id, user_id, product_id),
    CONSTRAINT entitlements_user_fk FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id),
    CONSTRAINT entitlements_product_fk FOREIGN KEY (account_id, product_id) REFERENCES products (account_id, id)
) WITHOUT ROWID;

CREATE INDEX entitlements_product ON entitlements (account_id, product_id, state, since, user_id);

-- +goose Down
DROP TABLE entitlements;
