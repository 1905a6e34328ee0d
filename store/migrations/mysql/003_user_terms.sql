-- +goose Up
CREATE TABLE user_terms (
    account_id BINARY(16) NOT NULL,
    term       VARCHAR(200) COLLATE utf8mb4_bin NOT NULL,
    user_id    BINARY(16) NOT NULL,
    PRIMARY KEY (account_id, term, user_id),
    KEY user_terms_user (account_id, user_id, term),
    CONSTRAINT user_terms_user_fk FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE user_terms;
