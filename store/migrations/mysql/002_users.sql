-- +goose Up
CREATE TABLE users (
    account_id            BINARY(16) NOT NULL,
    id                    BINARY(16) NOT NULL,
    email                 VARCHAR(254) COLLATE utf8mb4_bin NOT NULL,
    email_key             VARCHAR(600) COLLATE utf8mb4_bin NOT NULL,
    given_name            VARCHAR(200) COLLATE utf8mb4_bin NOT NULL,
    family_name           VARCHAR(200) COLLATE utf8mb4_bin NOT NULL,
    display_name          VARCHAR(401) COLLATE utf8mb4_bin NOT NULL,
    name_sort             VARCHAR(600) COLLATE utf8mb4_bin NOT NULL,
    family_sort           VARCHAR(600) COLLATE utf8mb4_bin NOT NULL,
    locale                VARCHAR(2) COLLATE utf8mb4_bin NOT NULL,
    role                  VARCHAR(16) COLLATE utf8mb4_bin NOT NULL,
    status                VARCHAR(16) COLLATE utf8mb4_bin NOT NULL,
    suspended_manually    BOOLEAN NOT NULL,
    suspended_no_products BOOLEAN NOT NULL,
    activated_at          DATETIME(6) NULL,
    created_at            DATETIME(6) NOT NULL,
    updated_at            DATETIME(6) NOT NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE KEY users_email_key (account_id, email_key),
    KEY users_name (account_id, name_sort, id),
    KEY users_family (account_id, family_sort, id),
    KEY users_created (account_id, created_at, id),
    KEY users_role (account_id, role, id),
    CONSTRAINT users_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE users;
