package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/jobs"
	"cohort/models"
	"cohort/store"
)

// What a job tells, and of each row.
func TestJob(t *testing.T) {
	h := newHouse(t)
	data := h.must(h.fill(`{
		job(id: "$job") {
			__typename kind status dryRun total done changed failed errorCode startedBy { email } retries { id } reverts { id }
			viewerCanCancel viewerCanRetry
			results { totalCount nodes { subject { __typename ... on User { email } ... on Group { name } } outcome added { key } removed { key } waiting { key } suspended } pageInfo { hasNextPage } }
			bad: results(outcomes: [FORBIDDEN, NOT_FOUND]) { totalCount nodes { outcome } }
			none: results(outcomes: [NOT_FOUND]) { totalCount nodes { outcome } }
		}
		back: job(id: "$back") { kind status viewerCanRetry retries { id } reverts { kind } results { totalCount nodes { outcome } } }
		node(id: "$job") { ... on Job { kind } }
		nodes(ids: ["$absentJob", "$back", "$ann", "$foreignJob"]) { __typename }
	}`), nil)
	want := vars{
		"job": vars{
			"__typename": "Job", "kind": "usersProductsSet", "status": "PARTLY_FAILED", "dryRun": false, "total": 2.0, "done": 2.0, "changed": 1.0, "failed": 1.0,
			"errorCode": nil, "startedBy": vars{"email": get(h.must(`{ viewer { user { email } } }`, nil), "viewer.user.email")}, "retries": nil, "reverts": nil,
			"viewerCanCancel": false, "viewerCanRetry": true,
			"results": vars{"totalCount": 2.0, "pageInfo": vars{"hasNextPage": false}, "nodes": []any{
				vars{"subject": vars{"__typename": "User", "email": "ann@example.org"}, "outcome": "CHANGED", "added": []any{vars{"key": "goto-meeting"}}, "removed": []any{}, "waiting": []any{}, "suspended": nil},
				vars{"subject": vars{"__typename": "Group", "name": "Sales"}, "outcome": "FORBIDDEN", "added": []any{}, "removed": []any{}, "waiting": []any{}, "suspended": nil},
			}},
			"bad":  vars{"totalCount": 1.0, "nodes": []any{vars{"outcome": "FORBIDDEN"}}},
			"none": vars{"totalCount": 0.0, "nodes": []any{}},
		},
		"back": vars{
			"kind": "jobRevert", "status": "SUCCEEDED", "viewerCanRetry": false, "retries": vars{"id": h.ids["job"]}, "reverts": vars{"kind": "usersProductsSet"},
			"results": vars{"totalCount": 0.0, "nodes": []any{}},
		},
		"node":  vars{"kind": "usersProductsSet"},
		"nodes": []any{nil, vars{"__typename": "Job"}, vars{"__typename": "User"}, nil},
	}
	if diff := cmp.Diff(want, data); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
}

// pageOfJobs asks for a page of jobs and gives their kinds, and where it lies.
func (a *api) pageOfJobs(args string) string {
	a.t.Helper()
	page := get(a.must(`{ jobs(`+args+`) { totalCount edges { cursor node { id } } nodes { kind } pageInfo { hasNextPage hasPreviousPage } } }`, nil), "jobs")
	return fmt.Sprint(texts(page, "nodes.*.kind"), get(page, "totalCount"), get(page, "pageInfo.hasPreviousPage"), get(page, "pageInfo.hasNextPage"))
}

func TestPagesOfJobs(t *testing.T) {
	a := newAPI(t)
	for i := range 5 {
		inAccount(a, func(tx *store.Tx) (*models.Job, error) {
			job, err := jobs.Enqueue(tx, jobs.New{Kind: fmt.Sprintf("kind%d", i), Input: 1, Actor: a.actor()})
			if err == nil && i%2 == 0 {
				_, err = jobs.Cancel(tx, job.ID)
			}
			return job, err
		})
	}
	cursors := texts(a.must(`{ jobs { edges { cursor } } }`, nil), "jobs.edges.*.cursor")
	for args, want := range map[string]string{
		`first: 100`:                            "[kind4 kind3 kind2 kind1 kind0] 5 false false",
		`first: 2`:                              "[kind4 kind3] 5 false true",
		`last: 2`:                               "[kind1 kind0] 5 true false",
		`first: 2, after: "` + cursors[1] + `"`: "[kind2 kind1] 5 true true",
		`last: 2, before: "` + cursors[2] + `"`: "[kind4 kind3] 5 false true",
		`first: 9, after: "` + cursors[0] + `", before: "` + cursors[3] + `"`: "[kind3 kind2] 5 true true",
		`kinds: ["kind1", "kind2", "no"]`:                                     "[kind2 kind1] 2 false false",
		`kinds: []`:                                                           "[kind4 kind3 kind2 kind1 kind0] 5 false false",
		`status: [CANCELED]`:                                                  "[kind4 kind2 kind0] 3 false false",
		`status: [QUEUED, CANCELED], kinds: "kind3"`:                          "[kind3] 1 false false",
		`status: FAILED`:                                                      "[] 0 false false",
	} {
		if got := a.pageOfJobs(args); got != want {
			t.Errorf("%s: %s, want %s", args, got, want)
		}
	}
	many := strings.Repeat(`"x",`, 251)
	newHouse(t).refuses(map[string]refusal{
		"too many kinds":  {request{as: "super", query: `{ jobs(kinds: [` + many + `]) { nodes { id } } }`}, "BAD_USER_INPUT/TOO_MANY jobs", "251 kinds, at most 250"},
		"no such status":  {request{query: `{ jobs(status: [DONE]) { nodes { id } } }`}, "GRAPHQL_VALIDATION_FAILED", "DONE"},
		"no such outcome": {request{query: `{ jobs { nodes { results(outcomes: [GOOD]) { totalCount } } } }`}, "GRAPHQL_VALIDATION_FAILED", "GOOD"},
	})
}

// Each row once, in the order in which they are done, whichever way one goes through them.
func TestPagesOfResults(t *testing.T) {
	a := newAPI(t)
	var rows []models.JobRow
	for _, id := range a.people(7, "Crowd") {
		effect, outcome := models.JobRowEffectChanged, models.JobOutcomeChanged
		if len(rows)%3 == 1 {
			effect, outcome = models.JobRowEffectFailed, models.JobOutcomeForbidden
		}
		rows = append(rows, row(t, models.JobSubjectUser, id, effect, outcome, models.JobDetail{}))
	}
	for range 2 {
		inAccount(a, func(tx *store.Tx) (*models.Job, error) {
			return jobs.Record(tx, jobs.New{Kind: "usersProductsSet", Input: 1, Actor: a.actor()}, append([]models.JobRow{}, rows...), nil)
		})
	}
	page := func(args string) string {
		var lines []string
		for _, job := range get(a.must(`{ jobs(first: 2) { nodes { results(`+args+`) { totalCount nodes { subject { ... on User { email } } } pageInfo { hasPreviousPage hasNextPage } } } } }`, nil), "jobs.nodes").([]any) {
			emails := strings.NewReplacer("crowd000", "", "@example.org", "").Replace(strings.Join(texts(job, "results.nodes.*.subject.email"), ""))
			lines = append(lines, fmt.Sprint(emails, " ", get(job, "results.totalCount"), get(job, "results.pageInfo.hasPreviousPage"), get(job, "results.pageInfo.hasNextPage")))
		}
		if len(lines) != 2 || lines[0] != lines[1] {
			t.Errorf("%s: two jobs alike answer %q", args, lines)
		}
		return lines[0]
	}
	cursors := texts(a.must(`{ jobs(first: 1) { nodes { results { edges { cursor } } } } }`, nil), "jobs.nodes.0.results.edges.*.cursor")
	for args, want := range map[string]string{
		`first: 100`:                            "0123456 7 false false",
		`first: 3`:                              "012 7 false true",
		`last: 3`:                               "456 7 true false",
		`first: 2, after: "` + cursors[2] + `"`: "34 7 true true",
		`last: 2, before: "` + cursors[2] + `"`: "01 7 false true",
		`last: 1, before: "` + cursors[2] + `"`: "1 7 true true",
		`first: 9, after: "` + cursors[0] + `", before: "` + cursors[4] + `"`: "123 7 true true",
		`outcomes: [FORBIDDEN]`:          "14 2 false false",
		`outcomes: [FORBIDDEN, CHANGED]`: "0123456 7 false false",
		`outcomes: [NOT_FOUND]`:          " 0 false false",
		`outcomes: []`:                   "0123456 7 false false",
	} {
		if got := page(args); got != want {
			t.Errorf("%s: %s, want %s", args, got, want)
		}
	}
}

// What is no more: its id stays.
func TestResultsOfWhatIsGone(t *testing.T) {
	h := newHouse(t)
	h.done("groupDelete", "deletedGroupId", vars{"id": h.ids["sales"]})
	h.done("userDelete", "deletedUserId", vars{"id": h.ids["ann"]})
	h.done("productDelete", "deletedProductId", vars{"id": h.ids["meeting"]})
	got := get(h.must(h.fill(`{ job(id: "$job") { results { nodes { subject { id } subjectId added { key } } } } }`), nil), "job.results.nodes")
	want := []any{
		vars{"subject": nil, "subjectId": h.ids["ann"], "added": []any{}},
		vars{"subject": nil, "subjectId": h.ids["sales"], "added": []any{}},
	}
	if diff := cmp.Diff(any(want), got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

// A member sees no job, whichever way it is asked for.
func TestMembersSeeNoJobs(t *testing.T) {
	h := newHouse(t)
	ask := func(id string) string {
		got := h.send(request{as: "member", query: `{ node(id: "$` + id + `") { __typename id } nodes(ids: ["$` + id + `"]) { id } }`})
		return strings.ReplaceAll(got.Text, h.ids[id], "ID")
	}
	if own, absent := ask("job"), ask("absentJob"); own != absent || !strings.Contains(own, `{"data":{"node":null,"nodes":[null]}`) {
		t.Errorf("the account's own: %s, no job: %s", own, absent)
	}
	h.forbidden(request{as: "member", query: `{ node(id: "$job") { ... on Job { results { totalCount } } } }`})
	h.forbidden(request{as: "member", query: `subscription { jobProgress(id: "$job") { done } }`})
}

// The subscription begins with the job as it is, tells what becomes of it, and ends with it.
func TestJobProgress(t *testing.T) {
	h := newHouse(t)
	id := h.openJob().String()
	h.ids["open"] = id
	came := h.follow(request{as: "admin", query: `subscription { jobProgress(id: "$open") { id status done total viewerCanCancel results { nodes { outcome } } } }`})
	event := func(status string, can bool) string {
		return fmt.Sprintf(`{"data":{"jobProgress":{"id":"%s","status":"%s","done":0,"total":1,"viewerCanCancel":%v,"results":{"nodes":[{"outcome":"PENDING"}]}}}}`, id, status, can)
	}
	if got, want := came.next(), event("QUEUED", true); got != want {
		t.Errorf("first event\n%s\nwant\n%s", got, want)
	}
	h.done("jobCancel", "job { status }", vars{"id": id})
	if got, want := came.next(), event("CANCELED", false); got != want {
		t.Errorf("second event\n%s\nwant\n%s", got, want)
	}
	if got := came.next(); got != "complete" {
		t.Errorf("after the end: %s", got)
	}
	past := h.follow(request{query: `subscription { jobProgress(id: "$job") { status } }`})
	if got := past.next() + past.next(); got != `{"data":{"jobProgress":{"status":"PARTLY_FAILED"}}}complete` {
		t.Errorf("of a job that has ended: %s", got)
	}
}

// What mutations of jobs refuse.
func TestRefusedJobs(t *testing.T) {
	h := newHouse(t)
	h.ids["open"] = h.openJob().String()
	h.refuses(map[string]refusal{
		"to stop what has ended":        {request{mutation: "jobCancel", input: vars{"id": "$job"}}, "JOB_ENDED input.id", "has ended already"},
		"to try again what goes on":     {request{mutation: "jobRetryFailed", input: vars{"id": "$open"}}, "JOB_OPEN input.id", "has not ended yet"},
		"to try again what went well":   {request{mutation: "jobRetryFailed", input: vars{"id": "$back"}}, "NOTHING_TO_RETRY input.id", "no rows to try again"},
		"a key of no characters":        {request{mutation: "jobRetryFailed", input: vars{"id": "$job", "idempotencyKey": ""}}, "REQUIRED input.idempotencyKey", "1 to 255"},
		"a key of too many characters":  {request{mutation: "jobRetryFailed", input: vars{"id": "$job", "idempotencyKey": strings.Repeat("x", 256)}}, "TOO_LONG input.idempotencyKey", "255"},
		"a user's key of no characters": {request{mutation: "userCreate", input: vars{"email": "new@example.org", "idempotencyKey": ""}}, "REQUIRED input.idempotencyKey", "1 to 255"},
	})
	ended := h.do("jobCancel", "job { status } errors { code }", vars{"id": h.ids["job"]})
	if got := get(ended, "job.status"); got != "PARTLY_FAILED" {
		t.Errorf("the job that has ended comes as %v", got)
	}
	in := vars{"id": h.ids["job"], "idempotencyKey": "k"}
	first := h.done("jobRetryFailed", "job { id status total retries { id } }", in)
	if get(first, "job.retries.id") != h.ids["job"] || get(first, "job.total") != 1.0 {
		t.Errorf("the new job: %v", first)
	}
	if again := h.done("jobRetryFailed", "job { id status total retries { id } }", in); !cmp.Equal(first, again) {
		t.Errorf("under the same key: %v, at first %v", again, first)
	}
	h.refuses(map[string]refusal{
		"the key for another": {request{mutation: "jobRetryFailed", input: vars{"id": "$back", "idempotencyKey": "k"}}, "IDEMPOTENCY_KEY_REUSED input.idempotencyKey", "another input"},
	})
}
