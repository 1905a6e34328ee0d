package app

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// entryFields are all fields that changes have in the schema.
const entryFields = `__typename number time operationId action
	... on UserChange { userId after { email givenName familyName displayName locale role status statusReasons } }
	... on UserStatusChange { userId status statusReasons }
	... on UserProductChange { userId productId }
	... on GroupChange { groupId after { name description priority } }
	... on MembershipChange { userId groupId }
	... on NestingChange { childId parentId }`

// What a webhook is told is what `changes` shows, to the letter; also of what another server on the same database has written, within
// five seconds; and no secret comes out by the log, the metrics or the audit log.
func TestWebhookTellsWhatChangesShow(t *testing.T) {
	t.Parallel()
	const hush = "canary-in-the-url"
	var failing, gone atomic.Bool
	got := make(chan string, 100)
	r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if gone.Load() {
			http.Error(w, hush, http.StatusGone)
			return
		}
		if failing.Load() {
			http.Error(w, hush, http.StatusInternalServerError)
			return
		}
		var m struct{ Data json.RawMessage }
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Error(err)
			return
		}
		got <- string(m.Data)
	}))
	defer r.Close()
	w := newWorld(t)
	w.variables["COHORT_WEBHOOK_ALLOW"], w.variables["COHORT_LOG_LEVEL"], w.variables[metricsVariable] = "127.0.0.1, 10.0.0.0/8", "debug", "0123456789abcdef"
	s := w.start("--demo")
	token := s.token()
	made := s.ask(token, fmt.Sprintf(`mutation { webhookCreate(input: {name: "Sync", url: "%s/in?token=%s"}) { webhook { id } secret errors { code message } } }`, r.URL, hush))["webhookCreate"].(map[string]any)
	secret, _ := made["secret"].(string)
	if !strings.HasPrefix(secret, "whsec_") || len(secret) != 50 {
		t.Fatalf("made %v", made)
	}
	cursor := s.ask(token, `{ changesCursor }`)["changesCursor"].(string)
	a, b := s.aGroup(token, "Outer"), s.aGroup(token, "Inner")
	user := s.ask(token, `mutation { userCreate(input: {email: "new@acme.example", givenName: "N\u00fa <&>"}) { user { id } } }`)["userCreate"].(map[string]any)["user"].(map[string]any)["id"].(string)
	for _, mutation := range []string{
		`groupNest(input: {parentId: "` + a + `", childId: "` + b + `"}) { errors { code } }`,
		`groupProductsSet(input: {groupId: "` + a + `", productKeys: ["goto-meeting"], mode: ADD, notifyUsers: false}) { errors { code } }`,
		`groupMembersAdd(input: {groupIds: ["` + b + `"], userIds: ["` + user + `"]}) { errors { code } }`,
		`usersSuspend(input: {selection: {ids: ["` + user + `"]}}) { errors { code } }`,
		`groupUpdate(input: {id: "` + b + `", description: "one\ntwo", priority: 7}) { errors { code } }`,
		`groupUnnest(input: {parentId: "` + a + `", childId: "` + b + `"}) { errors { code } }`,
		`groupDelete(input: {id: "` + a + `"}) { errors { code } }`,
		`userDelete(input: {id: "` + user + `"}) { errors { code } }`,
	} {
		for _, answer := range s.ask(token, "mutation { "+mutation+" }") {
			if errs := answer.(map[string]any)["errors"].([]any); len(errs) > 0 {
				t.Fatalf("%s: %v", mutation, errs)
			}
		}
	}
	other := w.start()
	other.rename(token, b, "Written by another server")
	written := time.Now()
	page := s.ask(token, `{ changes(since: "`+cursor+`", first: 1000) { cursor entries { `+entryFields+` } } }`)["changes"].(map[string]any)
	want := page["entries"].([]any)
	kinds := map[any]bool{}
	for _, e := range want {
		kinds[e.(map[string]any)["__typename"]] = true
	}
	if len(kinds) != 6 {
		t.Errorf("the changes are of %v", kinds)
	}
	var told []any
	for len(told) < len(want) {
		var m map[string]any
		if err := json.Unmarshal([]byte(within(t, got, time.Minute)), &m); err != nil {
			t.Fatal(err)
		}
		told = append(told, m["entries"].([]any)...)
		if len(told) == len(want) && m["cursor"] != page["cursor"] {
			t.Errorf("cursor %v, want %v", m["cursor"], page["cursor"])
		}
	}
	if took := time.Since(written); took > 5*time.Second {
		t.Errorf("told after %s", took)
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("entries (-changes +webhook):\n%s", diff)
	}

	failing.Store(true)
	s.rename(token, b, "Never told")
	var hook map[string]any
	for begin := time.Now(); ; {
		hook = s.ask(token, `{ webhooks { state failures lastError behind deliveries(first: 1) { totalCount nodes { status error delivered } } } }`)["webhooks"].([]any)[0].(map[string]any)
		if hook["failures"].(float64) > 0 {
			break
		}
		if time.Since(begin) > time.Minute {
			t.Fatalf("the webhook is %v", hook)
		}
	}
	if hook["state"] != "RETRYING" || hook["behind"] != 1.0 || !strings.Contains(fmt.Sprint(hook["deliveries"]), "answered 500: "+hush) {
		t.Errorf("failing: %v", hook)
	}
	failed, counted := s.metric(`cohort_webhook_deliveries_total{outcome="failed"}`, "Authorization: Bearer 0123456789abcdef"), s.metric(`cohort_webhooks{state="RETRYING"}`, "Authorization: Bearer 0123456789abcdef")
	if more := other.metric(`cohort_webhook_deliveries_total{outcome="failed"}`, "Authorization: Bearer 0123456789abcdef"); failed+more < 1 || counted != 1 {
		t.Errorf("metrics: %v failed here, %v there, %v retrying", failed, more, counted)
	}
	gone.Store(true)
	for begin := time.Now(); ; { // what is logged of a pause is looked at below
		s.ask(token, `mutation { webhookResume(input: {id: "`+made["webhook"].(map[string]any)["id"].(string)+`"}) { webhook { state } } }`)
		hook = s.ask(token, `{ webhooks { state pausedReason } }`)["webhooks"].([]any)[0].(map[string]any)
		if hook["pausedReason"] == "GONE" {
			break
		}
		if time.Since(begin) > time.Minute {
			t.Fatalf("the webhook is %v", hook)
		}
	}
	events := fmt.Sprint(s.ask(token, `{ auditEvents(first: 100) { nodes { changes { field before after } } } }`))
	_, metrics := s.send(http.MethodGet, "/metrics", "", "Authorization: Bearer 0123456789abcdef")
	for where, text := range map[string]string{"the log": s.stderr.String() + other.stderr.String(), "the output": s.stdout.String(), "the audit log": events, "the metrics": metrics} {
		for _, canary := range []string{hush, secret, strings.TrimPrefix(secret, "whsec_")} {
			if strings.Contains(text, canary) {
				t.Errorf("%q is in %s", canary, where)
			}
		}
	}
	if logged := s.stderr.String() + other.stderr.String(); !strings.Contains(logged, "a webhook is paused") || !strings.Contains(logged, strings.TrimPrefix(r.URL, "http://")) {
		t.Errorf("the log doesn't tell of the pause: %s", logged)
	}
	if !strings.Contains(events, "host") {
		t.Errorf("the audit log has no host: %s", events)
	}
	for _, one := range []*server{s, other} {
		if code := one.stop(); code != success {
			t.Errorf("exit code %d", code)
		}
	}
}

// Without the variable nothing on this machine can be reached, and a list that is none stops the start.
func TestWebhookAllow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start("--demo")
	answer := fmt.Sprint(s.ask(s.token(), `mutation { webhookCreate(input: {name: "Sync", url: "https://127.0.0.1/"}) { errors { code path } } }`))
	if !strings.Contains(answer, "INVALID") || !strings.Contains(answer, "[input url]") {
		t.Errorf("made: %s", answer)
	}
	s.stop()
	for _, nets := range []string{"x", "10.0.0.0/33", "10.0.0.0/8;127.0.0.1", "::ffff:10.0.0.0/104"} {
		w.variables["COHORT_WEBHOOK_ALLOW"] = nets
		w.fails(misuse, []string{"COHORT_WEBHOOK_ALLOW"}, "serve")
	}
}
