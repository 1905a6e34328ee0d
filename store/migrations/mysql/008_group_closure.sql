-- +goose Up
CREATE TABLE group_closure (
    account_id    BINARY(16) NOT NULL,
    ancestor_id   BINARY(16) NOT NULL,
    descendant_id BINARY(16) NOT NULL,
    distance      INT NOT NULL,
    PRIMARY KEY (account_id, ancestor_id, descendant_id),
    KEY group_closure_descendant (account_id, descendant_id, ancestor_id),
    CONSTRAINT group_closure_ancestor_fk FOREIGN KEY (account_id, ancestor_id) REFERENCES user_groups (account_id, id),
    CONSTRAINT group_closure_descendant_fk FOREIGN KEY (account_id, descendant_id) REFERENCES user_groups (account_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- +goose Down
DROP TABLE group_closure;
