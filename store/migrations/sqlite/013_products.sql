-- +goose Up
CREATE TABLE products (
    account_id              BLOB NOT NULL,
    id                      BLOB NOT NULL,
    product_key             TEXT NOT NULL CHECK (length(product_key) <= 64),
    name                    TEXT NOT NULL CHECK (length(name) <= 200),
    name_sort               TEXT NOT NULL CHECK (length(name_sort) <= 600),
    family                  TEXT NOT NULL CHECK (length(family) <= 200),
    seats                   INTEGER NULL,
    seats_used              INTEGER NOT NULL,
    welcome_on_first_enable BOOLEAN NOT NULL,
    created_at              DATETIME NOT NULL,
    updated_at              DATETIME NOT NULL,
    PRIMARY KEY (account_id, id),
    CONSTRAINT products_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX products_key ON products (account_id, product_key);

-- +goose Down
DROP TABLE products;
