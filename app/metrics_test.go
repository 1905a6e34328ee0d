package app

import (
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"cohort/store/storetest"
)

const testMetricsToken = "a-token-for-prometheus"

// metric is the value of a line of /metrics; 0 for one that is not there.
func (s *server) metric(line string, headers ...string) float64 {
	s.t.Helper()
	_, text := s.send(http.MethodGet, "/metrics", "", headers...)
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(line) + ` (\S+)$`).FindStringSubmatch(text)
	if found == nil {
		return 0
	}
	value, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return value
}

func TestWhoSeesMetrics(t *testing.T) {
	t.Parallel()
	demo, closed := newEmbedded(t).start(), newWorld(t).start()
	w := newWorld(t)
	w.variables[metricsVariable] = testMetricsToken
	open := w.start()
	w = newEmbedded(t)
	w.variables[metricsVariable] = testMetricsToken
	both := w.start()
	for name, tt := range map[string]struct {
		server *server
		header string
		want   int
	}{
		"the demo":                       {demo, "Accept: */*", 200},
		"the demo by another name":       {demo, "Host: cohort.example", 421},
		"the demo with a token":          {both, "Authorization: Bearer " + testMetricsToken, 200},
		"without the demo's token":       {both, "Accept: */*", 401},
		"nobody, where no token is set":  {closed, "Accept: */*", 404},
		"nor with an empty token":        {closed, "Authorization: Bearer ", 404},
		"the token":                      {open, "Authorization: Bearer " + testMetricsToken, 200},
		"no token":                       {open, "Accept: */*", 401},
		"a part of the token":            {open, "Authorization: Bearer " + testMetricsToken[:5], 401},
		"more than the token":            {open, "Authorization: Bearer " + testMetricsToken + "x", 401},
		"the token in another scheme":    {open, "Authorization: Basic " + testMetricsToken, 401},
		"a token of the API doesn't fit": {both, "Authorization: Bearer " + both.token(), 401},
	} {
		host, isHost := strings.CutPrefix(tt.header, "Host: ")
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tt.server.url+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		if isHost {
			request.Host = host
		} else {
			field, value, _ := strings.Cut(tt.header, ": ")
			request.Header.Set(field, value)
		}
		answer, text := do(t, request)
		if answer.StatusCode != tt.want || strings.Contains(string(text), "go_goroutines") != (tt.want == 200) {
			t.Errorf("%s: %s\n%.300s", name, answer.Status, text)
		}
	}
}

// What a client makes up must not become a label: each value is kept for as long as the process lives.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s := newEmbedded(t).start()
	bearer := "Authorization: Bearer " + s.token()
	for _, query := range []string{
		`query Madeup { made: group(by: {name: \"Support\"}) { members(first: 3) { nodes { email } } } }`,
		`{ one: group(by: {name: \"Support\"}) { id } two: group(by: {name: \"Sales\"}) { id } }`,
		`{ viewer { role } ... on Query { group(by: {name: \"Support\"}) { id } } }`,
		`{ madeup }`,
		`{`,
		`mutation { userCreate(input: {email: \"madeup@acme.example\"}) { user { id } } }`,
		`{ __typename }`,
		`{ __schema { queryType { name } } }`,
	} {
		s.send(http.MethodPost, "/graphql", `{"operationName": null, "query": "`+query+`"}`, bearer)
	}
	s.send(http.MethodPost, "/graphql", `{"query": "{ viewer { role } }"}`)
	s.send("MADEUP", "/graphql", ``, bearer)
	s.send(http.MethodGet, "/madeup", ``)
	s.get("/readyz")
	s.get("/")
	for line, want := range map[string]float64{
		`cohort_graphql_requests_total{code="OK",field="group",kind="query"}`:                      2,
		`cohort_graphql_requests_total{code="OK",field="several",kind="query"}`:                    1,
		`cohort_graphql_requests_total{code="OK",field="__typename",kind="query"}`:                 1,
		`cohort_graphql_requests_total{code="OK",field="__schema",kind="query"}`:                   1,
		`cohort_graphql_requests_total{code="OK",field="userCreate",kind="mutation"}`:              1,
		`cohort_graphql_requests_total{code="GRAPHQL_VALIDATION_FAILED",field="none",kind="none"}`: 1,
		`cohort_graphql_requests_total{code="GRAPHQL_PARSE_FAILED",field="none",kind="none"}`:      1,
		`cohort_graphql_requests_total{code="BAD_USER_INPUT",field="none",kind="none"}`:            1,
		`cohort_graphql_request_duration_seconds_count{field="group",kind="query"}`:                2,
		`cohort_graphql_request_duration_seconds_bucket{field="group",kind="query",le="+Inf"}`:     2,
		`cohort_http_requests_total{route="/graphql",status="200"}`:                                8,
		`cohort_http_requests_total{route="/graphql",status="401"}`:                                1,
		`cohort_http_requests_total{route="/graphql",status="405"}`:                                1,
		`cohort_http_requests_total{route="other",status="404"}`:                                   1,
		`cohort_http_requests_total{route="/readyz",status="200"}`:                                 1,
		`cohort_http_requests_total{route="/",status="200"}`:                                       1,
		`cohort_http_requests_in_flight`:                                                           1,
	} {
		if got := s.metric(line); got != want {
			t.Errorf("%s is %v, want %v", line, got, want)
		}
	}
	for _, line := range []string{
		`cohort_database_duration_seconds_count{work="select"}`, `cohort_database_duration_seconds_count{work="insert"}`,
		`cohort_database_duration_seconds_count{work="transaction"}`, `cohort_database_duration_seconds_count{work="turn"}`,
		`go_sql_max_open_connections{db_name="read"}`, `go_sql_open_connections{db_name="write"}`,
		`cohort_rosters`, `cohort_roster_bytes`, `go_goroutines`, `process_resident_memory_bytes`,
	} {
		if s.metric(line) <= 0 {
			t.Errorf("there is no %s", line)
		}
	}
	if _, text := s.get("/metrics"); strings.Contains(strings.ToLower(text), "madeup") || strings.Contains(text, "acme") {
		t.Errorf("what a client has made up is in\n%s", text)
	}
}

// Somebody looks at /readyz to learn that the server must be replaced.
func TestNotReadyWithoutItsFile(t *testing.T) {
	if os.Getenv(storetest.Variable) != "" {
		t.Skip("is about SQLite")
	}
	t.Parallel()
	w := newEmbedded(t)
	s := w.start()
	if answer, text := s.get("/readyz"); answer.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", answer.Status, text)
	}
	if err := os.Remove(w.dir + "/data/cohort.db"); err != nil {
		t.Fatal(err)
	}
	if answer, text := s.get("/readyz"); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%s %s", answer.Status, text)
	}
	if answer, _ := s.get("/healthz"); answer.StatusCode != http.StatusOK {
		t.Errorf("the process lives: %s", answer.Status)
	}
}
