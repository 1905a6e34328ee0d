-- +goose Up
CREATE TABLE products (
    account_id              BINARY(16) NOT NULL,
    id                      BINARY(16) NOT NULL,
    product_key             VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    name                    VARCHAR(200) COLLATE utf8mb4_bin NOT NULL,
    name_sort               VARCHAR(600) COLLATE utf8mb4_bin NOT NULL,
    family                  VARCHAR(200) COLLATE utf8mb4_bin NOT NULL,
    seats                   INT NULL,
    seats_used              INT NOT NULL,
    welcome_on_first_enable BOOLEAN NOT NULL,
    created_at              DATETIME(6) NOT NULL,
    updated_at              DATETIME(6) NOT NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE KEY products_key (account_id, product_key),
    CONSTRAINT products_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE products;
