package app

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

var pageToken = regexp.MustCompile(`<meta name="cohort-demo-token" content="([^"]*)">`)

// tokenOf is what the page has in its field from the start.
func tokenOf(t *testing.T, page string) string {
	t.Helper()
	found := pageToken.FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("the page has no place for a token:\n%s", page)
	}
	return found[1]
}

// The demo's page has a token that works. No page of another origin can read it, nothing keeps it, and what is passed
// on from another machine has none.
func TestDemoPage(t *testing.T) {
	t.Parallel()
	w := newEmbedded(t)
	w.variables["COHORT_CORS_ORIGINS"] = "*"
	s := w.start()
	answer, page := s.send("GET", "/", "", "Origin: https://elsewhere.example")
	if role := s.ask(tokenOf(t, page), "{ viewer { role } }"); role["viewer"].(map[string]any)["role"] != "SUPER_ADMIN" {
		t.Errorf("the token is good for %v", role)
	}
	for name, want := range map[string]string{
		"Cache-Control":                "no-store",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"X-Frame-Options":              "DENY",
		"Access-Control-Allow-Origin":  "",
	} {
		if got := answer.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	policy := answer.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self';", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy %q lacks %s", policy, part)
		}
	}
	if answer, _ := s.send("GET", "/schema.graphql", "", "Origin: https://elsewhere.example"); answer.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("the schema isn't shared: %v", answer.Header)
	}
	for _, header := range []string{"X-Forwarded-For: 203.0.113.5", "X-Forwarded-Host: demo.example", "Forwarded: for=203.0.113.5", "X-Real-IP: 203.0.113.5", "Via: 1.1 proxy"} {
		if _, page := s.send("GET", "/", "", header); tokenOf(t, page) != "" {
			t.Errorf("a token although %s", header)
		}
	}
}

// Only the demo's page has a token, also where there is a demo account.
func TestPageWithoutToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start("--demo")
	_, page := s.send("GET", "/", "")
	if tokenOf(t, page) == "" {
		t.Error("the demo's page has no token")
	}
	s.stop()
	s = w.start()
	if _, page := s.send("GET", "/", ""); tokenOf(t, page) != "" {
		t.Errorf("a token in\n%s", page)
	}
}

// A demo without the demo account has its page all the same.
func TestDemoPageWithoutAccount(t *testing.T) {
	t.Parallel()
	w := newEmbedded(t)
	w.must("account", "create", "Acme", "--admin", "ada@acme.example")
	s := w.start("--demo")
	if answer, page := s.send("GET", "/", ""); answer.StatusCode != http.StatusOK || tokenOf(t, page) != "" {
		t.Errorf("%s\n%s", answer.Status, page)
	}
}
