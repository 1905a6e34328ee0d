package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"

	"cohort/bench/floor"
	"cohort/models"
)

const (
	permissionsOperation = `query Permissions($after: String) { users(first: 50, after: $after) { ` +
		`nodes { permissions { permission { key } sources { kind } } } pageInfo { hasNextPage endCursor } } }`
	explainOperation = `query Explain($id: ID!, $product: String, $setting: String, $permission: String) { ` +
		`explainAccess(userId: $id, productKey: $product, settingKey: $setting, permissionKey: $permission) { ` +
		`has reasons { kind counts path { name } } } }`
	userCursorsOperation = `query Cursors($after: String) { users(first: 100, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }`
)

// effectiveOperation leaves out what gives the permissions: with that a page of 50 would be too complex for one request.
var effectiveOperation = func() string {
	keys := make([]string, len(floor.Settings))
	for i, d := range floor.Settings {
		keys[i] = d.Key
	}
	return `query Effective($after: String) { users(first: 50, after: $after) { nodes { settings(keys: ` + string(toJSON(keys)) + `) { ` +
		`definition { key } value { boolean integer string choice } source } products { product { key } state direct } ` +
		`permissions { permission { key } } } pageInfo { hasNextPage endCursor } } }`
}()

// userPages begin anywhere in the list of users.
func userPages(path string) func(context.Context, *bench, *rand.Rand) ([]question, error) {
	return func(ctx context.Context, b *bench, r *rand.Rand) ([]question, error) {
		cursors, ids, err := b.userCursors()
		if err != nil {
			return nil, err
		}
		qs := []question{{variables: map[string]any{}, path: path, list: "users"}}
		for range many / 3 { // each is a long answer
			i := r.IntN(len(cursors))
			var key string
			if err := b.world.db.QueryRowContext(ctx, "SELECT name_sort FROM users WHERE account_id = ? AND id = ?", b.world.account[:], ids[i][:]).Scan(&key); err != nil {
				return nil, err
			}
			qs = append(qs, question{
				variables: map[string]any{"after": cursors[i]},
				path:      path + "?after=" + url.QueryEscape(floor.Cursor(key, ids[i])), list: "users",
			})
		}
		return qs, nil
	}
}

// userCursors are those that Cohort gives to each hundredth user, in the order of names, with the users.
func (b *bench) userCursors() (cursors []string, ids []models.UserID, err error) {
	if len(b.cursorsOfUsers) > 0 {
		return b.cursorsOfUsers, b.usersOfCursors, nil
	}
	for after := any(nil); ; {
		var page struct {
			Users struct {
				Nodes    []struct{ ID string }
				PageInfo struct {
					HasNextPage bool
					EndCursor   string
				}
			}
		}
		if err := b.askCohort(userCursorsOperation, map[string]any{"after": after}, &page); err != nil {
			return nil, nil, err
		}
		if !page.Users.PageInfo.HasNextPage {
			b.cursorsOfUsers, b.usersOfCursors = cursors, ids
			return cursors, ids, nil
		}
		id, err := models.ParseUserID(page.Users.Nodes[len(page.Users.Nodes)-1].ID)
		if err != nil {
			return nil, nil, err
		}
		after = page.Users.PageInfo.EndCursor
		cursors, ids = append(cursors, page.Users.PageInfo.EndCursor), append(ids, id)
	}
}

// explanations are about a product, a setting and a permission in turn. The floor reads the user.
func explanations(ctx context.Context, b *bench, r *rand.Rand) (qs []question, err error) {
	products, err := column[string](ctx, b.world.db, "SELECT product_key FROM products WHERE account_id = ? AND retired_at IS NULL ORDER BY product_key", b.world.account[:])
	if err != nil {
		return nil, err
	}
	for i := range many {
		user := b.world.user(r)
		q := question{variables: map[string]any{"id": user.String()}, path: "/users/" + user.String()}
		has, query, key := true, "", ""
		switch i % 3 {
		case 0:
			key = products[r.IntN(len(products))]
			q.variables["product"] = key
			query = `SELECT EXISTS (SELECT 1 FROM entitlements e JOIN products p ON p.account_id = e.account_id AND p.id = e.product_id
				WHERE e.account_id = ? AND e.user_id = ? AND p.product_key = ? AND e.state = 'ENABLED')`
		case 1:
			q.variables["setting"] = floor.Settings[r.IntN(len(floor.Settings))].Key
		case 2:
			key = models.PermissionDefinitions()[r.IntN(len(models.PermissionDefinitions()))].Key
			q.variables["permission"] = key
			query = `SELECT u.role = 'SUPER_ADMIN' OR EXISTS (SELECT 1 FROM memberships m
				JOIN group_closure c ON c.account_id = m.account_id AND c.descendant_id = m.group_id
				JOIN group_permissions p ON p.account_id = c.account_id AND p.group_id = c.ancestor_id
				WHERE m.account_id = u.account_id AND m.user_id = u.id AND p.permission_key = ?) FROM users u WHERE u.account_id = ? AND u.id = ?`
		}
		if query != "" {
			args := []any{b.world.account[:], user[:], key}
			if strings.HasSuffix(query, "u.id = ?") {
				args = []any{key, b.world.account[:], user[:]}
			}
			if err := b.world.db.QueryRowContext(ctx, query, args...).Scan(&has); err != nil {
				return nil, err
			}
		}
		q.has = &has
		qs = append(qs, q)
	}
	return qs, nil
}

// explains fails unless the answer says whether the user has it, as the tables do, and for a good reason.
func (q question) explains(body []byte) error {
	var answer struct {
		Data struct {
			ExplainAccess *struct {
				Has     bool
				Reasons []struct{ Counts bool }
			}
		}
		Errors []any
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return err
	}
	e := answer.Data.ExplainAccess
	if e == nil || len(answer.Errors) > 0 || e.Has != *q.has || e.Has && (len(e.Reasons) == 0 || !e.Reasons[0].Counts) {
		return fmt.Errorf("the tables say %v about %v, Cohort says %.500s", *q.has, q.variables, body)
	}
	return nil
}
