-- +goose Up
-- The accounts that are there already begin with the catalogue that new ones get.
INSERT INTO products (account_id, id, product_key, name, name_sort, family, seats, seats_used, welcome_on_first_enable, created_at, updated_at)
SELECT a.id, randomblob(16), p.product_key, p.name, p.name_sort, p.family, NULL, 0, p.welcome, CAST(unixepoch('subsec') * 1000000 AS INTEGER), CAST(unixepoch('subsec') * 1000000 AS INTEGER)
FROM accounts a CROSS JOIN (
    SELECT 'goto-connect' AS product_key, 'GoTo Connect' AS name, 'goto connect' AS name_sort, 'Communication' AS family, 0 AS welcome UNION ALL
    SELECT 'goto-meeting', 'GoTo Meeting', 'goto meeting', 'Communication', 1 UNION ALL
    SELECT 'goto-webinar', 'GoTo Webinar', 'goto webinar', 'Communication', 1 UNION ALL
    SELECT 'goto-room', 'GoTo Room', 'goto room', 'Communication', 0 UNION ALL
    SELECT 'goto-training', 'GoTo Training', 'goto training', 'Communication', 1 UNION ALL
    SELECT 'openvoice', 'OpenVoice', 'openvoice', 'Communication', 1 UNION ALL
    SELECT 'grasshopper', 'Grasshopper', 'grasshopper', 'Communication', 0 UNION ALL
    SELECT 'join-me', 'join.me', 'join.me', 'Communication', 0 UNION ALL
    SELECT 'resolve', 'Resolve', 'resolve', 'IT support', 0 UNION ALL
    SELECT 'resolve-mdm', 'Resolve MDM', 'resolve mdm', 'IT support', 0 UNION ALL
    SELECT 'pro', 'Pro', 'pro', 'Remote access', 0 UNION ALL
    SELECT 'central', 'Central', 'central', 'Remote access', 0 UNION ALL
    SELECT 'rescue', 'Rescue', 'rescue', 'IT support', 0 UNION ALL
    SELECT 'gotomypc', 'GoToMyPC', 'gotomypc', 'Remote access', 0 UNION ALL
    SELECT 'gotoassist', 'GoToAssist', 'gotoassist', 'IT support', 0 UNION ALL
    SELECT 'hamachi', 'Hamachi', 'hamachi', 'Remote access', 0 UNION ALL
    SELECT 'remotelyanywhere', 'RemotelyAnywhere', 'remotelyanywhere', 'Remote access', 0
) p;

-- +goose Down
DELETE FROM products;
