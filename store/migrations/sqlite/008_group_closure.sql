-- +goose Up
CREATE TABLE group_closure (
    account_id    BLOB NOT NULL,
    ancestor_id   BLOB NOT NULL,
    descendant_id BLOB NOT NULL,
    distance      INTEGER NOT NULL,
    PRIMARY KEY (account_id, ancestor_id, descendant_id),
    CONSTRAINT group_closure_ancestor_fk FOREIGN KEY (account_id, ancestor_id) REFERENCES user_groups (account_id, id),
    CONSTRAINT group_closure_descendant_fk FOREIGN KEY (account_id, descendant_id) REFERENCES user_groups (account_id, id)
) WITHOUT ROWID;

CREATE INDEX group_closure_descendant ON group_closure (account_id, descendant_id, ancestor_id);

-- +goose Down
DROP TABLE group_closure;
