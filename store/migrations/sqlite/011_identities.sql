-- +goose Up
CREATE TABLE identities (
    account_id BLOB NOT NULL,
    issuer     TEXT NOT NULL COLLATE BINARY CHECK (length(issuer) <= 255),
    subject    TEXT NOT NULL COLLATE BINARY CHECK (length(subject) <= 255),
    user_id    BLOB NOT NULL,
    linked_at  DATETIME NOT NULL,
    PRIMARY KEY (account_id, issuer, subject),
    CONSTRAINT identities_user_fk FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX identities_user ON identities (account_id, user_id, issuer);

-- +goose Down
DROP TABLE identities;
