-- +goose Up
CREATE TABLE identities (
    account_id BINARY(16) NOT NULL,
    issuer     VARCHAR(255) COLLATE utf8mb4_bin NOT NULL,
    subject    VARCHAR(255) COLLATE utf8mb4_bin NOT NULL,
    user_id    BINARY(16) NOT NULL,
    linked_at  DATETIME(6) NOT NULL,
    PRIMARY KEY (account_id, issuer, subject),
    UNIQUE KEY identities_user (account_id, user_id, issuer),
    CONSTRAINT identities_user_fk FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE identities;
