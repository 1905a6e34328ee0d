-- +goose Up
CREATE TABLE group_terms (
    account_id BINARY(16) NOT NULL,
    term       VARCHAR(200) COLLATE utf8mb4_bin NOT NULL,
    group_id   BINARY(16) NOT NULL,
    PRIMARY KEY (account_id, term, group_id),
    KEY group_terms_group (account_id, group_id, term),
    CONSTRAINT group_terms_group_fk FOREIGN KEY (account_id, group_id) REFERENCES user_groups (account_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE group_terms;
