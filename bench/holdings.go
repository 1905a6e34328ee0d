package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"cohort/bench/floor"
	"cohort/models"
)

// holdingTime is borne by each row of what users hold: values of settings, products and permissions, which the account
// has only while cells ask for them. By it they are found again.
const holdingTime = "2001-01-01 00:00:00"

// holdingTables are the tables that have such rows, and their column of the time.
var holdingTables = [][2]string{
	{"account_settings", "updated_at"},
	{"group_settings", "updated_at"},
	{"user_settings", "updated_at"},
	{"entitlements", "since"},
	{"user_products", "created_at"},
	{"group_products", "created_at"},
	{"group_permissions", "created_at"},
}

// sqlEntitle takes the account twice: everybody gets what the sources give. Nobody counts seats, which are unlimited.
const sqlEntitle = `INSERT INTO entitlements (account_id, user_id, product_id, state, since)
	SELECT account_id, user_id, product_id, 'ENABLED', '` + holdingTime + `' FROM (
		SELECT account_id, user_id, product_id FROM user_products WHERE account_id = ?
		UNION SELECT m.account_id, m.user_id, g.product_id FROM group_products g
			JOIN group_closure c ON c.account_id = g.account_id AND c.ancestor_id = g.group_id
			JOIN memberships m ON m.account_id = c.account_id AND m.group_id = c.descendant_id
			WHERE g.account_id = ?) given`

// holding runs what measures cells with the holdings that they need, if any does.
func (b *bench) holding(ctx context.Context, run func() error) error {
	if !slices.ContainsFunc(b.chosen(), func(c *cell) bool { return c.holdings }) {
		return run()
	}
	err := b.hold(ctx)
	if err == nil {
		err = run()
	}
	return errors.Join(err, b.letGo(context.WithoutCancel(ctx)))
}

// hold writes the holdings, the same each time.
func (b *bench) hold(ctx context.Context) error {
	if err := b.letGo(ctx); err != nil { // what a run has left that was killed
		return err
	}
	r := rand.New(rand.NewPCG(5, 6))
	w := b.world
	products, err := column[models.ProductID](ctx, w.db, "SELECT id FROM products WHERE account_id = ? AND retired_at IS NULL ORDER BY product_key", w.account[:])
	if err != nil {
		return fmt.Errorf("read products: %w", err)
	}
	// A grant at the top would be everybody's.
	low, err := column[models.GroupID](ctx, w.db, "SELECT ancestor_id FROM group_closure WHERE account_id = ? GROUP BY ancestor_id HAVING COUNT(*) <= 20 ORDER BY ancestor_id", w.account[:])
	if err != nil {
		return fmt.Errorf("read the lower groups: %w", err)
	}
	rows := map[string][]any{} // by table, one after the other without the account and the time
	for n, i := range r.Perm(len(floor.Settings))[:6] {
		rows["account_settings"] = append(rows["account_settings"], floor.Settings[i].Key, anyValue(r, floor.Settings[i]), n == 0)
	}
	for n, g := range w.groups {
		if n%3 == 0 {
			for _, i := range r.Perm(len(floor.Settings))[:5] {
				rows["group_settings"] = append(rows["group_settings"], g.id[:], floor.Settings[i].Key, anyValue(r, floor.Settings[i]), r.IntN(10) == 0)
			}
		}
		if n%10 == 1 {
			for _, i := range r.Perm(len(models.PermissionDefinitions()))[:2] {
				rows["group_permissions"] = append(rows["group_permissions"], g.id[:], models.PermissionDefinitions()[i].Key)
			}
		}
	}
	for n, id := range low {
		if n%5 == 0 {
			rows["group_products"] = append(rows["group_products"], id[:], products[r.IntN(len(products))])
		}
	}
	for n, id := range w.users {
		if n%10 == 0 {
			for _, i := range r.Perm(len(floor.Settings))[:2] {
				rows["user_settings"] = append(rows["user_settings"], id[:], floor.Settings[i].Key, anyValue(r, floor.Settings[i]))
			}
		}
		if n%5 == 0 {
			rows["user_products"] = append(rows["user_products"], id[:], products[r.IntN(len(products))])
		}
	}
	for _, table := range holdingTables {
		if err := b.insertHoldings(ctx, table[0], rows[table[0]]); err != nil {
			return fmt.Errorf("write %s: %w", table[0], err)
		}
	}
	if _, err := w.db.ExecContext(ctx, sqlEntitle, w.account[:], w.account[:]); err != nil {
		return fmt.Errorf("entitle: %w", err)
	}
	for _, table := range holdingTables {
		if _, err := w.db.ExecContext(ctx, "ANALYZE TABLE "+table[0]); err != nil {
			return fmt.Errorf("have statistics taken: %w", err)
		}
	}
	return b.raiseGraph(ctx)
}

// holdingColumns are those of a table between the account and the time.
var holdingColumns = map[string]string{
	"account_settings": "setting_key, value, locked", "group_settings": "group_id, setting_key, value, locked", "user_settings": "user_id, setting_key, value",
	"user_products": "user_id, product_id", "group_products": "group_id, product_id", "group_permissions": "group_id, permission_key",
}

// insertHoldings writes rows whose values follow each other.
func (b *bench) insertHoldings(ctx context.Context, table string, values []any) error {
	const batch = 500
	columns := strings.Split(holdingColumns[table], ", ")
	one := "(?," + strings.Repeat("?,", len(columns)) + "'" + holdingTime + "')"
	into := "INSERT INTO " + table + " (account_id, " + holdingColumns[table] + ", " + timeOf(table) + ") VALUES "
	for part := range slices.Chunk(values, batch*len(columns)) {
		var args []any
		rows := 0
		for row := range slices.Chunk(part, len(columns)) {
			args = append(append(args, b.world.account[:]), row...)
			rows++
		}
		if _, err := b.world.db.ExecContext(ctx, into+strings.TrimSuffix(strings.Repeat(one+",", rows), ","), args...); err != nil {
			return err
		}
	}
	return nil
}

func timeOf(table string) string {
	i := slices.IndexFunc(holdingTables, func(t [2]string) bool { return t[0] == table })
	return holdingTables[i][1]
}

// letGo removes the holdings.
func (b *bench) letGo(ctx context.Context) error {
	for _, table := range holdingTables {
		text := "DELETE FROM " + table[0] + " WHERE account_id = ? AND " + table[1] + " = '" + holdingTime + "' LIMIT 20000"
		if err := b.emptied(ctx, text, b.world.account[:]); err != nil {
			return err
		}
	}
	return b.raiseGraph(ctx)
}

// raiseGraph has servers read the nesting anew, which tells which groups grant what.
func (b *bench) raiseGraph(ctx context.Context) error {
	_, err := b.world.db.ExecContext(ctx, "UPDATE accounts SET graph_version = graph_version + 1 WHERE id = ?", b.world.account[:])
	return err
}

// anyValue is a value that the setting takes, as it is stored.
func anyValue(r *rand.Rand, d *models.SettingDefinition) string {
	switch d.Type {
	case models.SettingTypeBoolean:
		return fmt.Sprint(r.IntN(2) == 0)
	case models.SettingTypeInteger:
		return fmt.Sprint(*d.Min + r.Int32N(*d.Max-*d.Min+1))
	case models.SettingTypeChoice:
		return d.Choices[r.IntN(len(d.Choices))].Value
	default: // a number or a name, which all begin so
		if d.Key == "phone.forwarding.number" {
			return fmt.Sprintf("+33%09d", r.IntN(1_000_000_000))
		}
		return fmt.Sprintf("Team %d", r.IntN(100))
	}
}
