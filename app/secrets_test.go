package app

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"cohort/store"
	"cohort/store/storetest"
)

// Secrets and personal data are planted wherever a server meets them, and must not come out again by its log, its
// output, its traces or its metrics, however it goes: with an answer, a refusal, a failing database, a panic.
func TestNoCanaryComesOut(t *testing.T) {
	t.Parallel()
	const (
		secret   = "canary-secret-0123456789-0123456789-0123456789"
		email    = "canary.email@acme.example"
		name     = "Canaryname"
		literal  = "canaryliteral"
		header   = "canaryheader"
		metrics  = "canary-metrics-token"
		password = "canarypassword"
	)
	r := newReceiver(t)
	w := newWorld(t)
	var panicking atomic.Bool
	w.inspect = func(ctx context.Context, sql string) error {
		if panicking.CompareAndSwap(true, false) { // outside of a transaction, which database/sql could not end any more
			panic("a panic of the test")
		}
		return storetest.Guard(ctx, sql)
	}
	for variable, value := range map[string]string{
		"COHORT_JWT_SECRET": secret, "COHORT_LOG_LEVEL": "debug", metricsVariable: metrics, commonEndpoint: r.URL,
	} {
		w.variables[variable] = value
	}
	w.must("account", "create", "Acme", "--admin", email)
	token := strings.TrimSpace(w.must("token", "--user", email))
	s := w.start()
	bearer := "Authorization: Bearer " + token
	post := func(body string, headers ...string) string {
		_, text := s.send(http.MethodPost, "/graphql", body, append([]string{
			"X-Custom: " + header, "Cookie: " + header, "User-Agent: " + header,
			"Referer: http://" + header + "/", "X-Forwarded-For: " + header, "traceparent: " + header, "X-Request-Id: " + header + " " + header,
		}, headers...)...)
		return text
	}
	create := `{"query": "mutation ` + name + `($in: UserCreateInput!) { ` + name + `: userCreate(input: $in) { user { id } errors { code message } } }",
		"variables": {"in": {"email": "second.` + email + `", "givenName": "` + name + `", "familyName": "` + literal + `"}}}`
	say := func(what, answer, want string) {
		if !strings.Contains(answer, want) {
			t.Errorf("%s: %s", what, answer)
		}
	}
	say("a mutation", post(create, bearer), `"id"`)
	say("one that is refused", post(create, bearer), `"code"`)
	say("a query", post(`{"query": "{ user(by: {email: \"`+email+`\"}) { email displayName } }"}`, bearer), email)
	say("no JSON", post(`{"query": "`+literal, bearer), "BAD_USER_INPUT")
	say("no document", post(`{"query": "{ `+literal+` (`+literal+`: \"`+literal+`\" }"}`, bearer), "GRAPHQL_PARSE_FAILED")
	say("an unknown field", post(`{"query": "{ `+literal+` }"}`, bearer), "GRAPHQL_VALIDATION_FAILED")
	say("a bad variable", post(`{"query": "query ($id: ID!) { node(id: $id) { id } }", "variables": {"id": {"`+literal+`": 1}}}`, bearer), "errors")
	say("a bad token", post(create, bearer+literal), "UNAUTHENTICATED")
	say("no token", post(create, "Authorization: Basic "+header), "UNAUTHENTICATED")
	s.send(http.MethodGet, "/graphql?query="+url.QueryEscape(`{ user(by: {email: "`+email+`"}) { email } }`)+"&access_token="+literal, "", bearer)
	s.send(http.MethodGet, "/metrics", "", "Authorization: Bearer "+metrics+"x")

	panicking.Store(true)
	say("a panic", post(`{"query": "query ($by: UserBy!) { user(by: $by) { email } }", "variables": {"by": {"email": "`+email+`"}}}`, bearer), "INTERNAL")
	another, err := store.Open(t.Context(), store.Options{URL: w.variables["COHORT_DATABASE"]})
	if err != nil {
		t.Fatal(err)
	}
	defer another.Close()
	if err := another.Write.Exec("DROP TABLE user_terms").Error; err != nil {
		t.Fatal(err)
	}
	say("a failing database", post(strings.ReplaceAll(create, "second", "third"), bearer), "INTERNAL")

	_, page := s.send(http.MethodGet, "/metrics", "", "Authorization: Bearer "+metrics)
	if code := s.stop(); code != success {
		t.Errorf("exit code %d", code)
	}
	told := map[string]string{"stdout": s.stdout.String(), "the log": s.stderr.String(), "the traces": string(r.raw), "the metrics": page}
	for where, want := range map[string]string{
		"stdout": "API", "the log": "a panic of the test", "the traces": "mutation userCreate", "the metrics": `code="INTERNAL",field="userCreate"`,
	} {
		if !strings.Contains(told[where], want) {
			t.Errorf("%s: no %q in\n%s", where, want, told[where])
		}
	}
	w.variables["COHORT_DATABASE"] = "mysql://root:" + password + "@127.0.0.1:1/cohort"
	o := w.run("serve")
	told["a start with a bad URL"] = o.stdout + o.stderr
	w.variables["COHORT_DATABASE"] = "mysql://root:" + password + "%@127.0.0.1:1/cohort"
	o = w.run("serve")
	told["a start with a malformed URL"] = o.stdout + o.stderr
	canaries := []string{secret, token, token[len(token)-20:], "acme.example", name, literal, header, metrics, password}
	if u, err := url.Parse(os.Getenv(storetest.Variable)); err == nil && u.User != nil {
		if given, _ := u.User.Password(); given != "" {
			canaries = append(canaries, given)
		}
	}
	for where, text := range told {
		for _, canary := range canaries {
			if strings.Contains(text, canary) {
				t.Errorf("%q is in %s:\n%s", canary, where, text)
			}
		}
	}
}
