-- +goose Up
CREATE TABLE users (
    account_id            BLOB NOT NULL,
    id                    BLOB NOT NULL,
    email                 TEXT NOT NULL COLLATE BINARY CHECK (length(email) <= 254),
    email_key             TEXT NOT NULL COLLATE BINARY CHECK (length(email_key) <= 600),
    given_name            TEXT NOT NULL COLLATE BINARY CHECK (length(given_name) <= 200),
    family_name           TEXT NOT NULL COLLATE BINARY CHECK (length(family_name) <= 200),
    display_name          TEXT NOT NULL COLLATE BINARY CHECK (length(display_name) <= 401),
    name_sort             TEXT NOT NULL COLLATE BINARY CHECK (length(name_sort) <= 600),
    family_sort           TEXT NOT NULL COLLATE BINARY CHECK (length(family_sort) <= 600),
    locale                TEXT NOT NULL COLLATE BINARY CHECK (length(locale) <= 2),
    role                  TEXT NOT NULL COLLATE BINARY CHECK (length(role) <= 16),
    status                TEXT NOT NULL COLLATE BINARY CHECK (length(status) <= 16),
    suspended_manually    BOOLEAN NOT NULL,
    suspended_no_products BOOLEAN NOT NULL,
    activated_at          DATETIME NULL,
    created_at            DATETIME NOT NULL,
    updated_at            DATETIME NOT NULL,
    PRIMARY KEY (account_id, id),
    CONSTRAINT users_account_fk FOREIGN KEY (account_id) REFERENCES accounts (id)
);

CREATE UNIQUE INDEX users_email_key ON users (account_id, email_key);
CREATE INDEX users_name ON users (account_id, name_sort, id);
CREATE INDEX users_family ON users (account_id, family_sort, id);
CREATE INDEX users_created ON users (account_id, created_at, id);
CREATE INDEX users_role ON users (account_id, role, id);

-- +goose Down
DROP TABLE users;
