-- +goose Up
ALTER TABLE products ADD COLUMN retired_at DATETIME NULL;

-- +goose Down
ALTER TABLE products DROP COLUMN retired_at;
