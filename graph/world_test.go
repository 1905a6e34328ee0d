package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/auth"
	"cohort/models"
)

type vars = map[string]any

// in is the same account under a subtest.
func (a *api) in(t testing.TB) *api {
	b := *a
	b.t = t
	return &b
}

// as is the admin's account seen by another caller.
func (a *api) as(who auth.Caller) *api {
	b := *a
	b.admin = who
	return &b
}

// operator is whoever sets a test up.
func (a *api) operator() auth.Caller { return auth.OperatorOf(a.account) }

// people creates users who are named and addressed alike but for a number, and gives their ids.
func (a *api) people(n int, name string) []models.UserID {
	a.t.Helper()
	var ids []models.UserID
	for start := 0; start < n; start += models.MaxList {
		in := models.UsersCreateInput{ErrorPolicy: models.ErrorPolicyRejectAll}
		for i := start; i < min(start+models.MaxList, n); i++ {
			in.Users = append(in.Users, &models.UserCreateInput{
				Email: fmt.Sprintf("%s%04d@example.org", strings.ToLower(name), i), GivenName: fmt.Sprintf("%04d", i), FamilyName: name,
				Role: models.RoleMember, Locale: models.LocaleEn,
			})
		}
		p, err := a.directory.CreateUsers(context.Background(), a.operator(), in)
		if err != nil {
			a.t.Fatal(err)
		}
		for _, user := range p.Users {
			ids = append(ids, user.ID)
		}
	}
	return ids
}

// post sends a body as it is.
func (a *api) post(who auth.Caller, body string) answer {
	a.t.Helper()
	return a.postIn(context.Background(), who, body)
}

func (a *api) postIn(ctx context.Context, who auth.Caller, body string) answer {
	a.t.Helper()
	request := httptest.NewRequestWithContext(auth.WithCaller(ctx, who), http.MethodPost, "/graphql", strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	response := httptest.NewRecorder()
	a.handler.ServeHTTP(response, request)
	return a.read(response)
}

// must asks as the admin what has to succeed, in full.
func (a *api) must(query string, variables vars) map[string]any {
	a.t.Helper()
	got := a.ask(a.admin, query, variables)
	if len(got.Errors) > 0 || got.Data == nil {
		a.t.Fatalf("%s\nwith %v answered %s", query, variables, got.Text)
	}
	return got.Data
}

// do is a mutation with an input, as the admin: what its payload answers to the selection.
func (a *api) do(mutation, selection string, input vars) map[string]any {
	a.t.Helper()
	data := a.must(mutate(mutation, selection), vars{"input": input})
	return data[mutation].(map[string]any)
}

// done is do for what must not be refused.
func (a *api) done(mutation, selection string, input vars) map[string]any {
	a.t.Helper()
	payload := a.do(mutation, selection+" errors { code message path }", input)
	if errs := payload["errors"].([]any); len(errs) > 0 {
		a.t.Fatalf("%s of %v answered %v", mutation, input, errs)
	}
	delete(payload, "errors")
	return payload
}

// mutate is the text of a mutation with its input in a variable.
func mutate(mutation, selection string) string {
	kind := strings.ToUpper(mutation[:1]) + mutation[1:] + "Input!"
	return "mutation ($input: " + kind + ") { " + mutation + "(input: $input) { " + selection + " } }"
}

// get follows a path of keys, indexes and `*` for every entry, whose answers it gathers in a list.
func get(value any, path string) any {
	if path == "" {
		return value
	}
	step, rest, _ := strings.Cut(path, ".")
	switch v := value.(type) {
	case map[string]any:
		return get(v[step], rest)
	case []any:
		if step != "*" {
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				return fmt.Sprintf("no %s in a list of %d", step, len(v))
			}
			return get(v[i], rest)
		}
		all := make([]any, len(v))
		for i := range v {
			all[i] = get(v[i], rest)
		}
		return all
	}
	return value
}

// texts is get for a list of strings.
func texts(value any, path string) []string {
	out := []string{}
	list, _ := get(value, path).([]any)
	for _, v := range list {
		out = append(out, fmt.Sprint(v))
	}
	return out
}

// tables are all that hold rows of an account.
var tables = []string{
	"users", "user_terms", "identities", "user_groups", "group_terms", "memberships", "group_edges", "group_closure", "audit_events", "changes",
	"products", "user_products", "user_product_blocks", "group_products", "group_permissions", "entitlements", "product_firsts", "table_views",
}

// dump is every row of the account, in an order of its own.
func (a *api) dump() map[string][]string {
	a.t.Helper()
	rows := map[string][]string{"accounts": a.rows("SELECT * FROM accounts WHERE id = ?")}
	for _, table := range tables {
		rows[table] = a.rows("SELECT * FROM " + table + " WHERE account_id = ?")
	}
	return rows
}

func (a *api) rows(sql string) []string {
	a.t.Helper()
	var found []map[string]any
	if err := a.store.Read.Raw(sql, a.account).Scan(&found).Error; err != nil {
		a.t.Fatal(err)
	}
	lines := make([]string, len(found))
	for i, row := range found {
		lines[i] = fmt.Sprintf("%v", row)
	}
	slices.Sort(lines)
	return lines
}

// unchanged runs what must leave every row of the account as it was.
func (a *api) unchanged(do func()) {
	a.t.Helper()
	before := a.dump()
	do()
	if diff := cmp.Diff(before, a.dump()); diff != "" {
		a.t.Errorf("rows changed (-before +after):\n%s", diff)
	}
}

// innards are words that no answer may have in it.
var innards = []string{
	"INTERNAL", "our side", "SQL", "sqlite", "mysql", "constraint", "Error 1", "syntax to use", "gorm", "record not found",
	"panic", "goroutine", "runtime error", "Scan", "strconv", "json:", "models.", "directory.",
}

// discreet fails when an answer shows something of what is inside.
func (a *api) discreet(got answer) {
	a.t.Helper()
	for _, word := range innards {
		if strings.Contains(got.Text, word) {
			a.t.Errorf("the answer says %q: %s", word, got.Text)
		}
	}
}

// compact is JSON without its spaces, or the text itself.
func compact(text string) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(text)) != nil {
		return text
	}
	return b.String()
}
