package storetest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/store"
)

func TestTenantTables(t *testing.T) {
	want := []string{
		"account_settings", "audit_events", "changes", "entitlements", "export_files", "export_parts", "group_closure", "group_edges",
		"group_permissions", "group_products", "group_settings", "group_terms", "idempotency_keys", "identities", "job_blocks",
		"job_groups", "job_rows", "jobs", "mail_releases", "mails", "memberships", "partner_clients", "product_firsts", "products",
		"seat_reservations", "table_views", "user_groups", "user_product_blocks", "user_products", "user_settings", "user_terms", "users", "webhook_deliveries", "webhooks",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(tenantTables()))); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
}

func TestTenantTablesIn(t *testing.T) {
	sql := "-- CREATE TABLE remark (account_id INT)\n" +
		"CREATE TABLE IF NOT EXISTS `jobs` (`account_id` BINARY(16), PRIMARY KEY (account_id));\n" +
		"create table \"mails\" (id INT CHECK (id IN (1, 2)), \"ACCOUNT_ID\" BLOB) STRICT; CREATE TABLE plain (id INT); SELECT account_id;"
	found := map[string]bool{}
	tenantTablesIn(sql, found)
	if diff := cmp.Diff(map[string]bool{"jobs": true, "mails": true}, found); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
}

func TestGuard(t *testing.T) {
	tests := map[string]struct {
		sql     string
		refused bool
	}{
		"one account's rows":                 {"SELECT * FROM `users` WHERE account_id = ? AND id = ?", false},
		"everybody's rows":                   {"SELECT * FROM `users`", true},
		"by id alone":                        {"SELECT * FROM users WHERE id = ?", true},
		"in double quotes":                   {`SELECT * FROM "users" WHERE "id" = ?`, true},
		"in double quotes, bound":            {`SELECT * FROM "users" WHERE "account_id" = ?`, false},
		"in capitals":                        {"SELECT * FROM USERS WHERE ID = ?", true},
		"in capitals, bound":                 {"SELECT * FROM USERS WHERE ACCOUNT_ID = ?", false},
		"with the schema":                    {"SELECT * FROM cohort.users WHERE id = ?", true},
		"with the table":                     {"SELECT * FROM users WHERE users.account_id = ?", false},
		"on several lines":                   {"SELECT *\nFROM\n\tusers\nWHERE\n\tid = ?", true},
		"without space":                      {"SELECT*FROM`users`WHERE(id=?)", true},
		"selected, not bound":                {"SELECT account_id, id FROM users WHERE id = ?", true},
		"selected and bound":                 {"SELECT account_id, id FROM users WHERE account_id = ?", false},
		"grouped, not bound":                 {"SELECT COUNT(*) FROM users GROUP BY account_id", true},
		"ordered, not bound":                 {"SELECT id FROM users ORDER BY account_id", true},
		"in a string, not bound":             {"SELECT id FROM users WHERE email = 'account_id = it''s \\' this'", true},
		"in a remark, not bound":             {"SELECT id FROM users /* account_id = ? */ WHERE id = ? -- account_id = ?", true},
		"a longer name, not bound":           {"SELECT id FROM users WHERE their_account_id = ?", true},
		"as a row":                           {"SELECT id FROM users WHERE (account_id, id) IN ((?, ?))", false},
		"a table of a longer name":           {"SELECT id FROM users_archive", false},
		"a table of a shorter name":          {"SELECT id FROM user", false},
		"a table in a string":                {"SELECT 'users'", false},
		"no table":                           {"SELECT 1", false},
		"a savepoint":                        {"SAVEPOINT sp1", false},
		"a join on both":                     {"SELECT u.id FROM users u JOIN memberships m ON m.account_id = u.account_id AND m.user_id = u.id WHERE u.account_id = ?", false},
		"a join, each bound":                 {"SELECT u.id FROM users u LEFT JOIN memberships m ON m.user_id = u.id AND m.account_id = ? WHERE u.account_id = ?", false},
		"a join on the id alone":             {"SELECT u.id FROM users u JOIN memberships m ON m.user_id = u.id WHERE u.account_id = ?", true},
		"a join by USING":                    {"SELECT u.id FROM users u JOIN user_terms t USING (account_id) WHERE u.account_id = ?", false},
		"a list of tables":                   {"SELECT u.id FROM users u, memberships m WHERE m.user_id = u.id AND u.account_id = ?", true},
		"a subquery bound":                   {"SELECT id FROM users WHERE account_id = ? AND id IN (SELECT user_id FROM memberships WHERE account_id = ? AND group_id = ?)", false},
		"a subquery not bound":               {"SELECT id FROM users WHERE account_id = ? AND id IN (SELECT user_id FROM memberships WHERE group_id = ?)", true},
		"a subquery selected, bound":         {"SELECT (SELECT COUNT(*) FROM memberships m WHERE m.account_id = g.account_id AND m.group_id = g.id) FROM user_groups g WHERE g.account_id = ?", false},
		"a subquery selected, not bound":     {"SELECT (SELECT COUNT(*) FROM memberships m WHERE m.group_id = g.id), g.account_id FROM user_groups g WHERE g.account_id = ?", true},
		"EXISTS not bound":                   {"SELECT id FROM users u WHERE u.account_id = ? AND EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = u.id)", true},
		"a derived table":                    {"SELECT x.id FROM (SELECT id FROM users WHERE account_id = ?) x", false},
		"a union, half bound":                {"SELECT id FROM users WHERE account_id = ? UNION SELECT id FROM user_groups", true},
		"a recursion":                        {"WITH RECURSIVE r (id) AS (SELECT child_id FROM group_edges WHERE account_id = ? AND parent_id = ? UNION SELECT e.child_id FROM group_edges e JOIN r ON r.id = e.parent_id WHERE e.account_id = ?) SELECT id FROM r", false},
		"a recursion, half bound":            {"WITH RECURSIVE r (id) AS (SELECT child_id FROM group_edges WHERE account_id = ? AND parent_id = ? UNION SELECT e.child_id FROM group_edges e JOIN r ON r.id = e.parent_id) SELECT id FROM r", true},
		"a lock":                             {"SELECT * FROM users WHERE account_id = ? FOR UPDATE", false},
		"an explanation":                     {"EXPLAIN SELECT * FROM users", true},
		"an insert":                          {"INSERT INTO `users` (`account_id`,`id`) VALUES (?,?),(?,?)", false},
		"an insert without":                  {"INSERT INTO users (id) VALUES (?)", true},
		"an upsert":                          {"INSERT INTO user_terms (account_id, term, user_id) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE term = VALUES(term)", false},
		"an upsert on SQLite":                {"INSERT INTO user_terms (account_id, term, user_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", false},
		"an insert of what is selected":      {"INSERT INTO user_terms (account_id, term, user_id) SELECT ?, email, id FROM users WHERE account_id = ?", false},
		"an insert of what others have":      {"INSERT INTO user_terms (account_id, term, user_id) SELECT ?, email, id FROM users", true},
		"an update":                          {"UPDATE `users` SET `role`=? WHERE account_id = ? AND id = ?", false},
		"an update of everybody":             {"UPDATE users SET role = ?", true},
		"an update that moves rows":          {"UPDATE users SET account_id = ? WHERE id = ?", true},
		"an update with a join, half bound":  {"UPDATE users u JOIN memberships m ON m.user_id = u.id SET u.role = ? WHERE u.account_id = ?", true},
		"a deletion":                         {"DELETE FROM memberships WHERE account_id = ? AND group_id = ?", false},
		"a deletion of everything":           {"DELETE FROM memberships", true},
		"the end of a table":                 {"DROP TABLE users", true},
		"an account by id":                   {"SELECT * FROM `accounts` WHERE id = ? LIMIT 1 FOR UPDATE", false},
		"an account by its table's id":       {"SELECT * FROM `accounts` WHERE `accounts`.`id` = ?", false},
		"an account by name":                 {"SELECT * FROM accounts WHERE name_key = ?", false},
		"accounts by ids":                    {"SELECT * FROM accounts WHERE id IN (?,?)", false},
		"all accounts":                       {"SELECT id FROM accounts", true},
		"all accounts in order":              {"SELECT id, name FROM accounts ORDER BY id", true},
		"an account by something else":       {"SELECT id FROM accounts WHERE name = ?", true},
		"a new account":                      {"INSERT INTO accounts (id, name) VALUES (?, ?)", false},
		"an account's counters":              {"UPDATE accounts SET graph_version = ?, feed_seq = ? WHERE id = ?", false},
		"every account's counters":           {"UPDATE accounts SET feed_seq = ?", true},
		"an account's id is set":             {"UPDATE accounts SET id = ?", true},
		"users with their account":           {"SELECT u.id, a.graph_version FROM users u JOIN accounts a ON a.id = u.account_id WHERE u.account_id = ?", false},
		"users with their account, reversed": {"SELECT u.id, a.graph_version FROM accounts a JOIN users u ON u.account_id = a.id WHERE u.account_id = ?", false},
		"users with every account":           {"SELECT u.id FROM users u, accounts a WHERE u.account_id = ?", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := Guard(t.Context(), tt.sql)
			if refused := err != nil; refused != tt.refused {
				t.Errorf("%s\nerror %v", tt.sql, err)
			}
			if err != nil && !strings.Contains(err.Error(), tt.sql) {
				t.Errorf("the error doesn't show the statement: %v", err)
			}
		})
	}
}

func TestGuardAcrossAccounts(t *testing.T) {
	ctx := store.AcrossAccounts(t.Context())
	if err := Guard(ctx, "SELECT id FROM accounts"); err != nil {
		t.Error(err)
	}
	if err := Guard(ctx, "SELECT id FROM users"); err == nil {
		t.Error("tenants' rows are open to what reads accounts")
	}
}
