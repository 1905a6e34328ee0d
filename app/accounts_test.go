package app

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cohort/auth"
	"cohort/models"
)

func TestAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if out := w.must("migrate"); out != "The schema is up to date.\n" {
		t.Errorf("migrate says %q", out)
	}
	if o := w.run("account", "list"); o.code != success || o.stdout != "" || !strings.Contains(o.stderr, "cohort account create") {
		t.Errorf("the list of none: %+v", o)
	}
	w.fails(failure, []string{"no account yet", "cohort account create"}, "token", "--user", "ada@acme.example")

	made := w.must("account", "create", "Acmé", "--admin", "ada@acme.example", "--given-name", "Ada", "--family-name", "Ames", "--locale", "fr")
	if !strings.Contains(made, `"Acmé" (account_`) || !strings.Contains(made, "ada@acme.example (user_") {
		t.Errorf("create says %q", made)
	}
	w.fails(failure, []string{"NAME: another account has the name"}, "account", "create", "ACMÉ", "--admin", "ada@acme.example")
	w.fails(failure, []string{"--admin:", "NAME:"}, "account", "create", " ", "--admin", "nobody")

	token := strings.TrimSpace(w.must("token", "--user", "ada@acme.example"))
	got := w.start().ask(token, "{ viewer { account { name } user { email givenName familyName locale role } } }")
	want := map[string]any{"viewer": map[string]any{
		"account": map[string]any{"name": "Acmé"},
		"user":    map[string]any{"email": "ada@acme.example", "givenName": "Ada", "familyName": "Ames", "locale": "FR", "role": "SUPER_ADMIN"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the super admin (-want +got):\n%s", diff)
	}

	w.must("account", "create", "Bee", "--admin", "bo@bee.example")
	var names []string
	for _, line := range strings.Split(strings.TrimSpace(w.must("account", "list")), "\n") {
		names = append(names, strings.Fields(line)[0])
	}
	if diff := cmp.Diff([]string{"NAME", "Acmé", "Bee"}, names); diff != "" {
		t.Errorf("the list (-want +got):\n%s", diff)
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.variables["COHORT_JWT_ISSUER"], w.variables["COHORT_JWT_AUDIENCE"] = "us", "them"
	made := w.must("account", "create", "Acme", "--admin", "ada@acme.example")
	user := regexp.MustCompile(`user_\w+`).FindString(made)
	account := regexp.MustCompile(`account_\w+`).FindString(made)

	verifier, err := auth.NewTokens(auth.TokenOptions{Secret: []byte(testSecret), Issuer: "us", Audience: "them"})
	if err != nil {
		t.Fatal(err)
	}
	check := func(text string, role models.Role, life time.Duration) {
		t.Helper()
		claims, err := verifier.Verify(strings.TrimSuffix(text, "\n"))
		if err != nil {
			t.Fatalf("%v: %q", err, text)
		}
		got := []any{claims.User.String(), claims.Account.String(), claims.Role, claims.ExpiresAt.Sub(claims.IssuedAt)}
		if diff := cmp.Diff([]any{user, account, role, life}, got); diff != "" {
			t.Errorf("claims (-want +got):\n%s", diff)
		}
	}
	// With a single account it needs no name.
	check(w.must("token", "--user", "ada@acme.example"), "", time.Hour)
	check(w.must("token", "--user", "ADA@acme.example", "--role", "admin", "--expires", "90s"), models.RoleAdmin, 90*time.Second)

	w.must("account", "create", "Bee", "--admin", "bo@bee.example")
	check(w.must("token", "--user", user, "--account", "acme", "--expires", "24h"), "", 24*time.Hour)
	check(w.must("token", "--user", user, "--account", account, "--role", "super_admin"), models.RoleSuperAdmin, time.Hour)

	w.fails(failure, []string{"several accounts", "--account", `"Acme", "Bee"`}, "token", "--user", user)
	w.fails(failure, []string{`no account "Cee"`, `"Acme", "Bee"`}, "token", "--user", user, "--account", "Cee")
	w.fails(failure, []string{`no user "bo@bee.example" in the account "Acme"`}, "token", "--user", "bo@bee.example", "--account", "Acme")
	w.fails(failure, []string{"no user", `"Bee"`}, "token", "--user", user, "--account", "Bee")
	w.fails(failure, []string{"--user", "e-mail address"}, "token", "--user", account, "--account", "Acme")
	w.fails(failure, []string{"24h"}, "token", "--user", user, "--account", "Acme", "--expires", "25h")
}

func TestTokenOfOneWhoMayNot(t *testing.T) {
	t.Parallel()
	w := newEmbedded(t)
	w.start().stop()
	for user, want := range map[string]string{
		"wim.in-t-veld@example.org": "wim.in-t-veld@example.org is member: the token allows no more",
		"agustin.pena@example.org":  "agustin.pena@example.org is suspended: the token is refused",
	} {
		o := w.run("token", "--user", user, "--role", "admin")
		if o.code != success || !strings.Contains(o.stderr, want) || strings.Count(o.stdout, "\n") != 1 {
			t.Errorf("%+v, want %q", o, want)
		}
	}
}

func TestShellWord(t *testing.T) {
	for text, want := range map[string]string{
		"Acme": "Acme", "ada@acme.example": "ada@acme.example", "": "''", "it's $HOME": `'it'\''s $HOME'`, "a b": "'a b'", "Acmé": "'Acmé'",
	} {
		if got := shellWord(text); got != want {
			t.Errorf("%q becomes %s, want %s", text, got, want)
		}
	}
}
