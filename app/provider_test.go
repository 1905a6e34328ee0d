package app

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestProviderSettings(t *testing.T) {
	tests := map[string]struct {
		set  map[string]string
		code int
		want string
	}{
		"no issuer":               {map[string]string{"COHORT_JWKS_URL": "https://id.example/jwks"}, failure, "needs COHORT_JWT_ISSUER"},
		"http elsewhere":          {map[string]string{"COHORT_JWKS_URL": "http://id.example/jwks", "COHORT_JWT_ISSUER": "x"}, failure, "must begin with https://"},
		"refreshed all too often": {map[string]string{"COHORT_JWKS_REFRESH": "1s"}, misuse, "COHORT_JWKS_REFRESH"},
		"an account that there is not": {map[string]string{
			"COHORT_JWKS_URL": "https://127.0.0.1:1/jwks", "COHORT_JWT_ISSUER": "x", "COHORT_JWT_ACCOUNT": "Nowhere",
		}, failure, "COHORT_JWT_ACCOUNT"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.must("account", "create", "Acme", "--admin", "a@example.com")
			for name, value := range tt.set {
				w.variables[name] = value
			}
			w.fails(tt.code, []string{tt.want}, "serve")
		})
	}
}

// A server whose provider can't be reached works for our own tokens, and says what is wrong.
func TestServeWithoutItsProvider(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	w := newWorld(t)
	w.must("account", "create", "Acme", "--admin", "a@example.com")
	own := strings.TrimSpace(w.must("token", "--user", "a@example.com"))
	w.variables["COHORT_JWKS_URL"] = gone.URL + "/jwks"
	w.variables["COHORT_JWT_ISSUER"] = "https://id.example"
	s := w.start("serve")

	ask := func(token string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/graphql", strings.NewReader(`{"query":"{viewer{role}}"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		return answer.StatusCode
	}
	if got := ask(own); got != http.StatusOK {
		t.Errorf("our own token: %d", got)
	}
	// {"alg":"ES256","kid":"k"} . {"iss":"https://id.example"}
	const foreign = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUifQ.c2lnbmF0dXJl"
	if got := ask(foreign); got != http.StatusServiceUnavailable {
		t.Errorf("the provider's token: %d", got)
	}
	log := s.stderr.String()
	if !strings.Contains(log, "read the keys of the identity provider (COHORT_JWKS_URL)") || strings.Contains(log, "c2lnbmF0dXJl") {
		t.Errorf("log: %s", log)
	}
}
