-- +goose Up
CREATE TABLE group_edges (
    account_id BINARY(16) NOT NULL,
    parent_id  BINARY(16) NOT NULL,
    child_id   BINARY(16) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    PRIMARY KEY (account_id, parent_id, child_id),
    KEY group_edges_child (account_id, child_id, parent_id),
    CONSTRAINT group_edges_parent_fk FOREIGN KEY (account_id, parent_id) REFERENCES user_groups (account_id, id),
    CONSTRAINT group_edges_child_fk FOREIGN KEY (account_id, child_id) REFERENCES user_groups (account_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE group_edges;
