package app

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"cohort/store/storetest"
)

// A caller with 200 points, of which one comes back in a second, may ask for so much and no more, whatever the
// token; who asks for too much costs no statement; another caller has points of their own.
func TestRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var statements atomic.Int64
	w.inspect = func(ctx context.Context, sql string) error {
		statements.Add(1)
		return storetest.Guard(ctx, sql)
	}
	for name, value := range map[string]string{"COHORT_LIMIT_COMPLEXITY": "100", "COHORT_LIMIT_BURST": "200", "COHORT_LIMIT_RATE": "1"} {
		w.variables[name] = value
	}
	s := w.start("--demo")
	token, again := s.token(), strings.TrimSpace(w.must("token", "--user", "ada.moreau@example.org"))
	const page = `{"query": "{ users(first: 50) { nodes { id } } }"}`
	type cost struct{ Requested, Remaining int }
	ask := func(token, body string) (*http.Response, cost, map[string]any) {
		t.Helper()
		answer, text := s.send("POST", "/graphql", body, "Authorization: Bearer "+token)
		var got struct {
			Data       map[string]any
			Errors     []struct{ Extensions map[string]any }
			Extensions struct{ Cost cost }
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if len(got.Errors) > 0 {
			return answer, got.Extensions.Cost, got.Errors[0].Extensions
		}
		return answer, got.Extensions.Cost, got.Data
	}
	for i, left := range []int{149, 98, 47} {
		by := []string{token, again}[i%2] // two tokens of one person
		answer, got, _ := ask(by, page)
		if answer.StatusCode != http.StatusOK || got.Requested != 51 || got.Remaining < left || got.Remaining > left+30 { // some may have come back
			t.Errorf("request %d: %s, %+v, want %d left", i, answer.Status, got, left)
		}
	}
	before := statements.Load()
	answer, _, why := ask(again, page)
	after, err := strconv.Atoi(answer.Header.Get("Retry-After"))
	if answer.StatusCode != http.StatusTooManyRequests || why["code"] != "RATE_LIMITED" || err != nil || after < 1 || after > 51 || why["retryAfter"] != float64(after) {
		t.Errorf("over the rate: %s, Retry-After %v, %v", answer.Status, after, why)
	}
	if n := statements.Load(); n != before {
		t.Errorf("a refusal cost %d statements", n-before)
	}
	answer, _, data := ask(token, `{"query": "{ rateLimit { limit burst cost remaining resetAt } }"}`)
	limit, _ := data["rateLimit"].(map[string]any)
	if answer.StatusCode != http.StatusOK || limit["limit"] != 1.0 || limit["burst"] != 200.0 || limit["cost"] != 1.0 || limit["resetAt"] == nil {
		t.Errorf("what is cheap: %s %v", answer.Status, data)
	}
	answer, got, _ := ask(token, `{"query": "mutation { groupCreate(input: {name: \"Dear\"}) { group { id } } }"}`)
	if answer.StatusCode != http.StatusOK || got.Requested != 12 {
		t.Errorf("a mutation: %s %+v, want 2 objects and 10", answer.Status, got)
	}
	other := strings.TrimSpace(w.must("token", "--user", "begona.ibanez@example.org"))
	if answer, got, _ := ask(other, `{"query": "{ viewer { role } }"}`); answer.StatusCode != http.StatusOK || got.Remaining != 199 {
		t.Errorf("somebody else: %s %+v", answer.Status, got)
	}
	c := s.connect(token)
	c.say(`{"id": "1", "type": "subscribe", "payload": ` + page + `}`)
	if told := c.hear(); !strings.Contains(told, `"error"`) || !strings.Contains(told, "RATE_LIMITED") {
		t.Errorf("over a WebSocket: %s", told)
	}
}

func TestNoRate(t *testing.T) {
	t.Parallel()
	w := newEmbedded(t)
	w.variables["COHORT_LIMIT_RATE"] = "0"
	s := w.start()
	answer, text := s.send("POST", "/graphql", `{"query": "{ rateLimit { limit } viewer { role } }"}`, "Authorization: Bearer "+s.token())
	if answer.StatusCode != http.StatusOK || text != `{"data":{"rateLimit":null,"viewer":{"role":"SUPER_ADMIN"}}}`+"\n" {
		t.Errorf("%s %s", answer.Status, text)
	}
	for _, burst := range []string{"0", "1509"} { // less than an operation may cost
		w := newEmbedded(t)
		w.variables["COHORT_LIMIT_RATE"], w.variables["COHORT_LIMIT_BURST"] = "5000", burst
		w.fails(misuse, []string{"COHORT_LIMIT_BURST", "1510"}, "serve")
	}
}
