package app

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/graph"
	"cohort/store"
	"cohort/store/storetest"
)

// send sends a request to the server; headers are written `Name: value`.
func (s *server) send(method, path, body string, headers ...string) (*http.Response, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	answer, text := do(s.t, r)
	return answer, string(text)
}

// Whatever is refused for its form or its size costs no statement: not even who the caller is has been asked.
func TestRefusedBeforeTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var statements atomic.Int64
	w.inspect = func(ctx context.Context, sql string) error {
		if !store.IsAcrossAccounts(ctx) { // which is how the server looks for work, not for an answer
			statements.Add(1)
		}
		return storetest.Guard(ctx, sql)
	}
	s := w.start("--demo")
	bearer := "Authorization: Bearer " + s.token()
	before := statements.Load()
	deep := "{ group(by: { name: \"x\" })" + strings.Repeat(" { children { nodes", 8) + " { id }" + strings.Repeat(" } }", 8) + " }"
	for name, tt := range map[string]struct {
		status  int
		method  string
		body    string
		headers []string
	}{
		"no token":           {401, "POST", `{"query": "{ viewer { role } }"}`, nil},
		"a bad token":        {401, "POST", `{"query": "{ viewer { role } }"}`, []string{bearer + "x"}},
		"no media type":      {406, "POST", `{"query": "{ viewer { role } }"}`, []string{bearer, "Accept: text/html"}},
		"no JSON":            {400, "POST", `{`, []string{bearer}},
		"a form":             {415, "POST", `query=x`, []string{bearer, "Content-Type: application/x-www-form-urlencoded"}},
		"a large body":       {413, "POST", `{"query": "` + strings.Repeat(" ", 1<<20) + `"}`, []string{bearer}},
		"another method":     {405, "PUT", ``, []string{bearer}},
		"no document":        {200, "POST", `{"query": "{"}`, []string{bearer}},
		"many words":         {200, "POST", `{"query": "` + strings.Repeat("{ ", 2001) + `"}`, []string{bearer}},
		"a deep document":    {200, "POST", `{"query": ` + strconv.Quote(deep) + `}`, []string{bearer}},
		"a complex document": {200, "POST", `{"query": "{ groups(first: 100) { nodes { members(first: 100) { nodes { id } } } } }"}`, []string{bearer}},
		"a mutation by GET":  {405, "GET", ``, []string{bearer}},
		"an unknown hash":    {200, "POST", `{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "` + strings.Repeat("0", 64) + `"}}}`, []string{bearer}},
	} {
		path := "/graphql"
		if tt.method == "GET" {
			path += "?query=" + url.QueryEscape("mutation { __typename }")
		}
		answer, text := s.send(tt.method, path, tt.body, tt.headers...)
		if answer.StatusCode != tt.status || !strings.Contains(text, `"errors"`) || strings.Contains(text, `"data"`) {
			t.Errorf("%s: %s %s", name, answer.Status, text)
		}
		if n := statements.Swap(before); n != before {
			t.Errorf("%s cost %d statements", name, n-before)
		}
	}
	s.ask(s.token(), "{ viewer { role } }")
	if statements.Load() == before {
		t.Error("a request that is answered costs no statement: nothing is counted")
	}
}

func TestGET(t *testing.T) {
	t.Parallel()
	s := newEmbedded(t).start()
	path := "/graphql?query=" + url.QueryEscape("{ viewer { role } }")
	if answer, text := s.send("GET", path, ""); answer.StatusCode != http.StatusUnauthorized || strings.Contains(text, "role") {
		t.Errorf("without a token: %s %s", answer.Status, text)
	}
	if answer, text := s.send("GET", path, "", "Authorization: Bearer "+s.token()); answer.StatusCode != http.StatusOK || !strings.Contains(text, "SUPER_ADMIN") {
		t.Errorf("with a token: %s %s", answer.Status, text)
	}
}

func TestCompression(t *testing.T) {
	t.Parallel()
	s := newEmbedded(t).start()
	ask := func(query string, headers ...string) (*http.Response, string) {
		return s.send("POST", "/graphql", `{"query": "`+query+`"}`, append(headers, "Authorization: Bearer "+s.token())...)
	}
	const large, small = "{ users(first: 100) { nodes { id email displayName role status } } }", "{ viewer { role } }"
	_, plain := ask(large, "Accept-Encoding: identity")
	if len(plain) < 2000 {
		t.Fatalf("the answer has %d bytes", len(plain))
	}
	for _, accept := range []string{"application/json", "application/graphql-response+json"} {
		answer, packed := ask(large, "Accept-Encoding: gzip", "Accept: "+accept)
		if answer.Header.Get("Content-Encoding") != "gzip" || len(packed) > len(plain)/2 || !strings.Contains(strings.Join(answer.Header.Values("Vary"), ","), "Accept-Encoding") {
			t.Fatalf("%d bytes of %d, %v", len(packed), len(plain), answer.Header)
		}
		r, err := gzip.NewReader(strings.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(r); err != nil || string(text) != plain {
			t.Errorf("unpacked: %v\n%s\nwant\n%s", err, text, plain)
		}
	}
	for name, headers := range map[string][2]string{"a small answer": {small, "gzip"}, "who takes none": {large, "gzip;q=0"}} {
		if answer, text := ask(headers[0], "Accept-Encoding: "+headers[1]); answer.Header.Get("Content-Encoding") != "" || !strings.HasPrefix(text, `{"data"`) {
			t.Errorf("%s: %v", name, answer.Header)
		}
	}
}

func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	const page, other = "https://admin.example.com", "https://evil.example"
	tests := map[string]struct {
		setting string
		origin  string
		want    string // that may read the answer
	}{
		"by default":           {"", page, ""},
		"one that is named":    {"http://localhost:3000," + page, page, page},
		"another":              {page, other, ""},
		"one below":            {page, "https://x.admin.example.com", ""},
		"one that begins so":   {page, page + ".evil.example", ""},
		"another scheme":       {page, "http://admin.example.com", ""},
		"another port":         {page, page + ":8443", ""},
		"the origin of a file": {page, "null", ""},
		"every one":            {"*", other, "*"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newEmbedded(t)
			w.variables["COHORT_CORS_ORIGINS"] = tt.setting
			s := w.start()
			preflight, _ := s.send("OPTIONS", "/graphql", "", "Origin: "+tt.origin, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization,content-type")
			answer, _ := s.send("POST", "/graphql", `{"query": "{ viewer { role } }"}`, "Origin: "+tt.origin, "Authorization: Bearer "+s.token())
			for _, r := range []*http.Response{preflight, answer} {
				if got := r.Header.Get("Access-Control-Allow-Origin"); got != tt.want {
					t.Errorf("%s of %s lets %q read, want %q", r.Request.Method, tt.origin, got, tt.want)
				}
				if r.Header.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("credentials: %v", r.Header)
				}
				if tt.setting != "" && tt.setting != "*" && !strings.Contains(strings.Join(r.Header.Values("Vary"), ","), "Origin") {
					t.Errorf("a cache would mix up origins: %v", r.Header)
				}
			}
			if tt.want != "" && (preflight.StatusCode != http.StatusNoContent || preflight.Header.Get("Access-Control-Allow-Headers") == "" || answer.Header.Get("Access-Control-Expose-Headers") == "") {
				t.Errorf("preflight %s %v, answer %v", preflight.Status, preflight.Header, answer.Header)
			}
		})
	}
}

func TestDoorSettings(t *testing.T) {
	t.Parallel()
	bad := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(bad, []byte(`{"bad": "{ unknown }"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		variable, value string
		code            int
		want            string
	}{
		"no limit":            {"COHORT_LIMIT_DEPTH", "0", misuse, "COHORT_LIMIT_DEPTH) must be at least 1"},
		"less than none":      {"COHORT_LIMIT_BODY", "-1", misuse, "COHORT_LIMIT_BODY) must be at least 1"},
		"a limit in words":    {"COHORT_LIMIT_TOKENS", "many", misuse, "COHORT_LIMIT_TOKENS"},
		"groups too deep":     {"COHORT_MAX_GROUP_DEPTH", "33", misuse, "between 1 and 32"},
		"a host for origin":   {"COHORT_CORS_ORIGINS", "admin.example.com", misuse, `"admin.example.com" is not an origin`},
		"a path behind it":    {"COHORT_CORS_ORIGINS", "https://admin.example.com/", misuse, "is not an origin"},
		"a star in it":        {"COHORT_CORS_ORIGINS", "https://*.example.com", misuse, "is not an origin"},
		"a star and one":      {"COHORT_CORS_ORIGINS", "*,https://admin.example.com", misuse, "stands alone"},
		"no such documents":   {"COHORT_TRUSTED_DOCUMENTS", "/nowhere", failure, "COHORT_TRUSTED_DOCUMENTS"},
		"documents not valid": {"COHORT_TRUSTED_DOCUMENTS", bad, failure, `Cannot query field "unknown"`},
	} {
		w := newEmbedded(t)
		w.variables[tt.variable] = tt.value
		if o := w.run(); o.code != tt.code || !strings.Contains(o.stderr, tt.want) {
			t.Errorf("%s: %d %s", name, o.code, o.stderr)
		}
	}
}

func TestLimitsAreSettings(t *testing.T) {
	t.Parallel()
	var defaults limitSettings
	of := reflect.ValueOf(&defaults).Elem()
	for i := range of.NumField() {
		n, err := strconv.ParseInt(of.Type().Field(i).Tag.Get("default"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		of.Field(i).SetInt(n)
	}
	if diff := cmp.Diff(graph.DefaultLimits(), defaults.limits()); diff != "" {
		t.Errorf("defaults (-graph +settings):\n%s", diff)
	}

	w := newEmbedded(t)
	for name, value := range map[string]int{"DEPTH": 2, "TOKENS": 30} {
		w.variables["COHORT_LIMIT_"+name] = fmt.Sprint(value)
	}
	trusted := filepath.Join(w.dir, "trusted.json")
	if err := os.WriteFile(trusted, []byte(`{"role": "{ viewer { role } }"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, setting := range []string{"", trusted} {
		w.variables["COHORT_TRUSTED_DOCUMENTS"] = setting
		s := w.start()
		for body, want := range map[string]string{
			`{"query": "{ viewer { role } }"}`:           "SUPER_ADMIN",
			`{"query": "{ viewer { account { id } } }"}`: map[string]string{"": `"limit":"depth"`, trusted: "DOCUMENT_NOT_TRUSTED"}[setting],
			`{"documentId": "role"}`:                     map[string]string{"": "PERSISTED_QUERY_NOT_FOUND", trusted: "SUPER_ADMIN"}[setting],
		} {
			if _, text := s.send("POST", "/graphql", body, "Authorization: Bearer "+s.token()); !strings.Contains(text, want) {
				t.Errorf("with documents %q, %s answers %s", setting, body, text)
			}
		}
		s.stop()
	}
}

// Who sends far too much, and reads the answer when all is sent, as plain clients do, gets it.
func TestTooLargeIsAnswered(t *testing.T) {
	t.Parallel()
	s := newEmbedded(t).start()
	for name, head := range map[string]string{"said": "Content-Length: 3000000\r\n\r\n", "not said": "Transfer-Encoding: chunked\r\n\r\n2dc6c0\r\n"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.WriteString(conn, "POST /graphql HTTP/1.1\r\nHost: "+strings.TrimPrefix(s.url, "http://")+"\r\nAuthorization: Bearer "+s.token()+
			"\r\nContent-Type: application/json\r\n"+head+`{"query": "`+strings.Repeat(" ", 3000000-11)+"\r\n0\r\n\r\n")
		if err != nil {
			t.Errorf("%s: sending: %v", name, err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%s: no answer: %v", name, err)
			continue
		}
		if text, err := io.ReadAll(answer.Body); answer.StatusCode != http.StatusRequestEntityTooLarge || err != nil || !strings.Contains(string(text), "LIMIT_EXCEEDED") {
			t.Errorf("%s: %s %s %v", name, answer.Status, text, err)
		}
		_ = answer.Body.Close()
		_ = conn.Close()
	}
}
