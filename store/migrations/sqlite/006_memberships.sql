-- +goose Up
CREATE TABLE memberships (
    account_id BLOB NOT NULL,
    group_id   BLOB NOT NULL,
    user_id    BLOB NOT NULL,
    created_at DATETIME NOT NULL,
    PRIMARY KEY (account_id, group_id, user_id),
    CONSTRAINT memberships_group_fk FOREIGN KEY (account_id, group_id) REFERENCES user_groups (account_id, id),
    CONSTRAINT memberships_user_fk FOREIGN KEY (account_id, user_id) REFERENCES users (account_id, id)
) WITHOUT ROWID;

CREATE INDEX memberships_user ON memberships (account_id, user_id, group_id);

-- +goose Down
DROP TABLE memberships;
