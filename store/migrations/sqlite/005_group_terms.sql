-- +goose Up
CREATE TABLE group_terms (
    account_id BLOB NOT NULL,
    term       TEXT NOT NULL COLLATE BINARY CHECK (length(term) <= 200),
    group_id   BLOB NOT NULL,
    PRIMARY KEY (account_id, term, group_id),
    CONSTRAINT group_terms_group_fk FOREIGN KEY (account_id, group_id) REFERENCES user_groups (account_id, id)
) WITHOUT ROWID;

CREATE INDEX group_terms_group ON group_terms (account_id, group_id, term);

-- +goose Down
DROP TABLE group_terms;
