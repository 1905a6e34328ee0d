-- +goose Up
CREATE TABLE group_edges (
    account_id BLOB NOT NULL,
    parent_id  BLOB NOT NULL,
    child_id   BLOB NOT NULL,
    created_at DATETIME NOT NULL,
    PRIMARY KEY (account_id, parent_id, child_id),
    CONSTRAINT group_edges_parent_fk FOREIGN KEY (account_id, parent_id) REFERENCES user_groups (account_id, id),
    CONSTRAINT group_edges_child_fk FOREIGN KEY (account_id, child_id) REFERENCES user_groups (account_id, id)
) WITHOUT ROWID;

CREATE INDEX group_edges_child ON group_edges (account_id, child_id, parent_id);

-- +goose Down
DROP TABLE group_edges;
