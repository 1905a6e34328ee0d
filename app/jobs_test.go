package app

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"cohort/store/storetest"
)

// crowd makes so many users more in the demo account, and gives its token.
func (s *server) crowd(n int) (token string) {
	s.t.Helper()
	token = s.token()
	for from := 0; from < n; from += 250 {
		var users []string
		for i := from; i < min(from+250, n); i++ {
			users = append(users, fmt.Sprintf(`{email: "crowd%d@acme.example"}`, i))
		}
		s.ask(token, `mutation { usersCreate(input: {users: [`+strings.Join(users, ",")+`]}) { errors { code } } }`)
	}
	return token
}

// giveAll gives a product to everybody, and the id of the job that does it.
func (s *server) giveAll(token string) (job string) {
	s.t.Helper()
	payload := s.ask(token, `mutation { usersProductsSet(input: {selection: {all: true}, productKeys: ["goto-room"], mode: ADD, notifyUsers: false}) { job { id status } errors { code message } } }`)
	made, ok := payload["usersProductsSet"].(map[string]any)["job"].(map[string]any)
	if !ok || made["status"] != "QUEUED" {
		s.t.Fatalf("no job is left: %v", payload)
	}
	return made["id"].(string)
}

// jobEnded waits until a job has ended, and gives what it says then.
func (s *server) jobEnded(token, job string, within time.Duration) map[string]any {
	s.t.Helper()
	tick, late := time.NewTicker(20*time.Millisecond), time.After(within)
	defer tick.Stop()
	for {
		found := s.ask(token, `{ job(id: "`+job+`") { status total done failed finishedAt } }`)["job"].(map[string]any)
		if found["finishedAt"] != nil {
			return found
		}
		select {
		case <-tick.C:
		case <-late:
			s.t.Fatalf("the job is still %v after %s\n%s", found, within, s.stderr.String())
		}
	}
}

// The server works on its jobs, and tells of it.
func TestJobsAreWorkedOn(t *testing.T) {
	t.Parallel()
	s := newEmbedded(t).start()
	token := s.crowd(1100)
	job := s.giveAll(token)
	done := s.jobEnded(token, job, time.Minute)
	if done["status"] != "SUCCEEDED" || done["done"] != done["total"] || done["total"].(float64) != 1130 {
		t.Errorf("job %v", done)
	}
	s.stderr.await(t, s.ended, regexp.MustCompile(`job ended.*`+job), &s.stderr) // told of after the commit
	for line, want := range map[string]float64{
		`cohort_job_rows_total{kind="usersProductsSet"}`:                     1130,
		`cohort_jobs_ended_total{kind="usersProductsSet",state="SUCCEEDED"}`: 1,
		`cohort_job_part_failures_total{kind="usersProductsSet"}`:            0,
		`cohort_job_part_duration_seconds_count{kind="userGroupsUpdate"}`:    0,
		`cohort_jobs_open{state="QUEUED"}`:                                   0,
	} {
		if got := s.metric(line); got != want {
			t.Errorf("%s is %v, want %v", line, got, want)
		}
	}
	// Parts are small for a moment after others have written.
	if parts := s.metric(`cohort_job_part_duration_seconds_count{kind="usersProductsSet"}`); parts < 2 || parts > 1130/25+1 {
		t.Errorf("%v parts", parts)
	}
	if _, text := s.get("/metrics"); !strings.Contains(text, `cohort_jobs_open{state="RUNNING"} 0`) {
		t.Error("open jobs aren't counted")
	}
	if log := s.stderr.String(); !strings.Contains(log, "job begun") {
		t.Errorf("the log says\n%s", log)
	}
}

// A server that is stopped finishes the part that it is at and gives the job back: another goes on at once, and doesn't
// wait for the lease to end.
func TestJobsAreGivenBack(t *testing.T) {
	t.Parallel()
	w := newEmbedded(t)
	working := make(chan struct{})
	var once sync.Once
	w.inspect = func(ctx context.Context, sql string) error {
		if strings.Contains(sql, "job_rows") && strings.Contains(sql, "position >=") {
			once.Do(func() { close(working) })
		}
		return storetest.Guard(ctx, sql)
	}
	w.variables["COHORT_JOB_LEASE"] = "10m"
	s := w.start()
	token := s.crowd(1100)
	job := s.giveAll(token)
	select {
	case <-working:
	case <-time.After(time.Minute):
		t.Fatal("nobody works on the job")
	}
	if code := s.stop(); code != success {
		t.Errorf("exit code %d\n%s", code, s.stderr.String())
	}
	again := w.start()
	if done := again.jobEnded(token, job, time.Minute); done["status"] != "SUCCEEDED" || done["done"].(float64) != 1130 {
		t.Errorf("job %v", done)
	}
}

func TestJobSettings(t *testing.T) {
	t.Parallel()
	w := newEmbedded(t)
	for variable, wrong := range map[string][]string{"COHORT_JOB_WORKERS": {"0", "65", "-1", "x"}, "COHORT_JOB_LEASE": {"4s", "11m", "30", "x"}} {
		for _, value := range wrong {
			w.variables[variable] = value
			w.fails(misuse, []string{variable})
		}
		delete(w.variables, variable)
	}
}
