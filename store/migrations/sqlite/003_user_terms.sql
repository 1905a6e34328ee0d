-- +goose Up
CREATE TABLE user_terms (
    account_id BLOB NOT NULL,
    term       TEXT NOT NULL COLLATE BINARY CHECK (length(term) <= 200),
    user_id    BLOB NOT NULL,
    PRIMARY KEY (account_id, term, user_id),
    CONSTRAINT user_terms_user_fk FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
) WITHOUT ROWID;

CREATE INDEX user_terms_user ON user_terms (account_id, user_id, term);

-- +goose Down
DROP TABLE user_terms;
