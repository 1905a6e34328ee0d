package floor

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"cohort/models"
)

// Replacement is what Replace is to do: what a bulk replacement of products by one product comes to.
type Replacement struct {
	Account models.AccountID
	Actor   models.UserID
	Product models.ProductID // the one that everybody shall have
	Users   []models.UserID  // in the order of their ids
	All     bool             // that is everybody
	Part    int              // users of one transaction
}

// The tables that a session keeps beside the database's own: what has moved in a part, and what products are called.
var sqlScratch = []string{
	`CREATE TEMPORARY TABLE moved (user_id BINARY(16), product_id BINARY(16), gained BOOLEAN, fresh BOOLEAN, PRIMARY KEY (user_id, product_id)) ENGINE = InnoDB`,
	`CREATE TEMPORARY TABLE named (product_id BINARY(16) PRIMARY KEY, text VARCHAR(50), name VARCHAR(200), product_key VARCHAR(64), welcome BOOLEAN) ENGINE = MEMORY DEFAULT CHARSET utf8mb4 COLLATE utf8mb4_bin`,
}

// newIDs makes an id for each row, of 8 bytes that are given and 8 that the database counts.
const newIDs = `CONCAT(:prefix, UNHEX(LPAD(HEX(UUID_SHORT()), 16, '0')))`

const (
	sqlEvent = `INSERT INTO audit_events (account_id, id, operation_id, at, action, actor_kind, actor_id, request_id,
		subject_type, subject_id, object_id, before_data, after_data) SELECT :account, ` + newIDs + `, :operation, :now, 'Mutation.usersProductsSet', 'USER', :actor, :request, `
	part    = `job_rows r WHERE r.account_id = :account AND r.job_id = :job AND r.position >= :from AND r.position < :to`
	joined  = ` ON r.account_id = :account AND r.job_id = :job AND r.position >= :from AND r.position < :to `
	granted = `EXISTS (SELECT 1 FROM memberships m JOIN group_closure c ON c.account_id = m.account_id AND c.descendant_id = m.group_id
		JOIN group_products g ON g.account_id = c.account_id AND g.group_id = c.ancestor_id WHERE m.account_id = :account AND m.user_id = %[1]s.user_id AND g.product_id = %[1]s.product_id)`
)

// sqlPart are the statements of one part. What is set on the users, and what was, comes first.
var sqlPart = []string{
	sqlEvent + `'ASSIGNMENT', p.user_id, p.product_id, '{"is": true}', NULL FROM job_rows r STRAIGHT_JOIN user_products p` + joined +
		`AND p.account_id = r.account_id AND p.user_id = r.subject_id AND p.product_id <> :product`,
	sqlEvent + `'ASSIGNMENT', r.subject_id, :product, NULL, '{"is": true}' FROM ` + part +
		` AND NOT EXISTS (SELECT 1 FROM user_products p WHERE p.account_id = r.account_id AND p.user_id = r.subject_id AND p.product_id = :product)`,
	`DELETE p FROM job_rows r STRAIGHT_JOIN user_products p` + joined + `AND p.account_id = r.account_id AND p.user_id = r.subject_id AND p.product_id <> :product`,
	`INSERT IGNORE INTO user_products (account_id, user_id, product_id, created_at) SELECT :account, r.subject_id, :product, :now FROM ` + part,
	// What they have by that, which groups may grant them, too.
	`DELETE FROM moved`,
	`INSERT INTO moved SELECT e.user_id, e.product_id, 0, 0 FROM job_rows r STRAIGHT_JOIN entitlements e` + joined +
		`AND e.account_id = r.account_id AND e.user_id = r.subject_id AND e.product_id <> :product WHERE NOT ` + fmt.Sprintf(granted, "e"),
	`INSERT INTO moved SELECT r.subject_id, :product, 1, NOT EXISTS (SELECT 1 FROM product_firsts f WHERE f.account_id = r.account_id AND f.user_id = r.subject_id AND f.product_id = :product)
		FROM ` + part + ` AND NOT EXISTS (SELECT 1 FROM entitlements e WHERE e.account_id = r.account_id AND e.user_id = r.subject_id AND e.product_id = :product)
		AND NOT EXISTS (SELECT 1 FROM user_product_blocks b WHERE b.account_id = r.account_id AND b.user_id = r.subject_id AND b.product_id = :product)`,
	`DELETE e FROM moved v JOIN entitlements e ON e.account_id = :account AND e.user_id = v.user_id AND e.product_id = v.product_id WHERE NOT v.gained`,
	`INSERT INTO entitlements (account_id, user_id, product_id, state, since) SELECT :account, user_id, product_id, 'ENABLED', :now FROM moved WHERE gained`,
	`INSERT INTO product_firsts (account_id, user_id, product_id, created_at) SELECT :account, user_id, product_id, :now FROM moved WHERE fresh`,
	`UPDATE products p JOIN (SELECT product_id, SUM(IF(gained, 1, -1)) n FROM moved GROUP BY product_id) v ON p.account_id = :account AND p.id = v.product_id SET p.seats_used = p.seats_used + v.n`,
	sqlEvent + `'PRODUCT', user_id, product_id, IF(gained, NULL, '{"state": "ENABLED"}'), IF(gained, '{"state": "ENABLED"}', NULL) FROM moved`,
	`INSERT INTO changes (account_id, seq, operation_id, at, entity, change_type, subject_id, object_id, payload)
		SELECT :account, :seq + ROW_NUMBER() OVER (ORDER BY gained, user_id, product_id), :operation, :now, 'PRODUCT', IF(gained, 'SET', 'REMOVED'), user_id, product_id,
		IF(gained, '{"state": "ENABLED"}', NULL) FROM moved`,
	// Whoever has lost the last product is suspended, and whoever has one again is not any more.
	`UPDATE job_rows r STRAIGHT_JOIN users u` + joined + `AND u.account_id = r.account_id AND u.id = r.subject_id
		SET u.suspended_no_products = NOT u.suspended_no_products, u.status = IF(u.suspended_no_products OR u.suspended_manually, 'SUSPENDED', IF(u.activated_at IS NULL, 'INVITED', 'ACTIVE')), u.updated_at = :now
		WHERE u.suspended_no_products <> (u.role = 'MEMBER' AND EXISTS (SELECT 1 FROM product_firsts f WHERE f.account_id = u.account_id AND f.user_id = u.id)
			AND NOT EXISTS (SELECT 1 FROM entitlements e WHERE e.account_id = u.account_id AND e.user_id = u.id AND e.state = 'ENABLED'))`,
	`INSERT INTO mails (account_id, id, operation_id, user_id, kind, product_id, state, content, attempts, due_at, created_at)
		SELECT :account, ` + newIDs + `, :operation, w.user_id, 'NOTICE', :none, 'QUEUED',
			CONCAT('{', IF(w.added IS NULL, '', CONCAT('"added":[', w.added, ']')), IF(w.added IS NULL OR w.removed IS NULL, '', ','), IF(w.removed IS NULL, '', CONCAT('"removed":[', w.removed, ']')), '}'), 0, NOW(6), :now
		FROM (SELECT v.user_id, GROUP_CONCAT(IF(v.gained, JSON_QUOTE(n.name), NULL) ORDER BY n.name) added, GROUP_CONCAT(IF(v.gained, NULL, JSON_QUOTE(n.name)) ORDER BY n.name) removed
			FROM moved v JOIN named n ON n.product_id = v.product_id GROUP BY v.user_id) w`,
	`INSERT INTO mails (account_id, id, operation_id, user_id, kind, product_id, state, content, attempts, due_at, created_at)
		SELECT :account, ` + newIDs + `, :operation, v.user_id, 'WELCOME', v.product_id, 'QUEUED', JSON_OBJECT('product', n.name, 'productKey', n.product_key), 0, NOW(6), :now
		FROM moved v JOIN named n ON n.product_id = v.product_id WHERE v.fresh AND n.welcome`,
	`UPDATE job_rows r JOIN (SELECT v.user_id, GROUP_CONCAT(IF(v.gained, JSON_QUOTE(n.text), NULL)) gained, GROUP_CONCAT(IF(v.gained, NULL, JSON_QUOTE(n.text))) lost
			FROM moved v JOIN named n ON n.product_id = v.product_id GROUP BY v.user_id) w` + joined + `AND w.user_id = r.subject_id
		SET r.effect = 'CHANGED', r.outcome = 'CHANGED', r.detail = CONCAT('{', IF(w.gained IS NULL, '', CONCAT('"set":[', w.gained, '],"gained":[', w.gained, ']')), IF(w.gained IS NULL OR w.lost IS NULL, '', ','),
			IF(w.lost IS NULL, '', CONCAT('"taken":[', w.lost, '],"lost":[', w.lost, ']')), '}')`,
	`UPDATE accounts SET feed_seq = feed_seq + (SELECT COUNT(*) FROM moved) WHERE id = :account`,
	`UPDATE jobs SET done = :to, changed = :to WHERE account_id = :account AND id = :job`,
}

const (
	sqlJob = `INSERT INTO jobs (account_id, id, seq, kind, input, state, dry_run, actor_kind, actor_user_id, actor_role, request_id, operation_id, total, done, changed, failed, fence, attempts, created_at, started_at)
		SELECT :account, :job, COALESCE(MAX(seq), 0) + 1, 'usersProductsSet', '{}', 'RUNNING', 0, 'USER', :actor, 'SUPER_ADMIN', :request, :operation, :total, 0, 0, 0, 0, 0, :now, :now FROM jobs WHERE account_id = :account`
	sqlRows = `INSERT INTO job_rows (account_id, job_id, position, subject_type, subject_id, effect, outcome)
		SELECT :account, :job, ROW_NUMBER() OVER (ORDER BY u.id) - 1, 'USER', u.id, 'PENDING', 'PENDING' FROM users u WHERE u.account_id = :account`
	sqlEnd = `UPDATE jobs SET state = 'SUCCEEDED', finished_at = :now WHERE account_id = :account AND id = :job`
)

// Replace gives everybody one product in place of what they have, and leaves the rows that Cohort leaves: sources,
// entitlements, seats, first times, statuses, mails, the job with its results, the audit log and the feed. Each part
// is a transaction that holds the account's lock, and all is done by statements about sets.
func Replace(ctx context.Context, db *sql.DB, w Replacement) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	job, prefix := newID(), newID()
	values := map[string]any{
		"account": w.Account[:], "actor": w.Actor[:], "product": w.Product[:], "job": job, "operation": newID(), "request": "floor", "prefix": prefix[:8],
		"total": len(w.Users), "now": time.Now().UTC().Truncate(time.Microsecond), "none": make([]byte, 16),
	}
	do := func(text string) error {
		text, args := bind(text, values)
		if _, err := conn.ExecContext(ctx, text, args...); err != nil {
			return fmt.Errorf("%.80s: %w", text, err)
		}
		return nil
	}
	for _, text := range append([]string{`DROP TEMPORARY TABLE IF EXISTS moved`, `DROP TEMPORARY TABLE IF EXISTS named`}, sqlScratch...) {
		if err := do(text); err != nil {
			return err
		}
	}
	if err := nameProducts(ctx, conn, w.Account); err != nil {
		return err
	}
	inTx := func(texts ...string) error {
		if err := do("BEGIN"); err != nil {
			return err
		}
		text, args := bind("SELECT feed_seq FROM accounts WHERE id = :account FOR UPDATE", values)
		var seq int64
		if err := conn.QueryRowContext(ctx, text, args...).Scan(&seq); err != nil {
			return err
		}
		values["seq"] = seq
		values["now"] = time.Now().UTC().Truncate(time.Microsecond)
		for _, text := range texts {
			if err := do(text); err != nil {
				_ = do("ROLLBACK")
				return err
			}
		}
		return do("COMMIT")
	}
	rows := sqlRows
	if !w.All { // as many as there are ids, each in the statement, as whoever asks has named them
		marks := make([]string, len(w.Users))
		for i, id := range w.Users {
			marks[i] = fmt.Sprintf("X'%x'", id[:])
		}
		rows += " AND u.id IN (" + strings.Join(marks, ",") + ")"
	}
	if err := inTx(sqlJob, rows); err != nil {
		return err
	}
	for from := 0; from < len(w.Users); from += w.Part {
		values["from"], values["to"] = from, min(from+w.Part, len(w.Users))
		if err := inTx(sqlPart...); err != nil {
			return err
		}
	}
	return inTx(sqlEnd)
}

func nameProducts(ctx context.Context, conn *sql.Conn, account models.AccountID) error {
	rows, err := conn.QueryContext(ctx, "SELECT id, name, product_key, welcome_on_first_enable FROM products WHERE account_id = ?", account[:])
	if err != nil {
		return err
	}
	defer rows.Close()
	var args []any
	for rows.Next() {
		var id models.ProductID
		var name, key string
		var welcome bool
		if err := rows.Scan(&id, &name, &key, &welcome); err != nil {
			return err
		}
		args = append(args, id[:], id.String(), name, key, welcome)
	}
	if err := rows.Err(); err != nil || len(args) == 0 {
		return err
	}
	_, err = conn.ExecContext(ctx, "INSERT INTO named VALUES (?, ?, ?, ?, ?)"+strings.Repeat(", (?, ?, ?, ?, ?)", len(args)/5-1), args...)
	return err
}

// bind puts a placeholder for each :name, and gathers the values. No text of the statements has a colon otherwise but in
// JSON, where none is followed by a letter.
func bind(text string, values map[string]any) (string, []any) {
	var out strings.Builder
	var args []any
	for {
		before, rest, found := strings.Cut(text, ":")
		out.WriteString(before)
		if !found {
			return out.String(), args
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return r < 'a' || r > 'z' })
		if end < 0 {
			end = len(rest)
		}
		if value, known := values[rest[:end]]; known {
			out.WriteByte('?')
			args = append(args, value)
		} else {
			out.WriteString(":" + rest[:end])
		}
		text = rest[end:]
	}
}
