package jobs_test

import (
	"bufio"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"cohort/jobs"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// life is what a child is born with: where to work, and on what.
type life struct {
	URL  string
	Kind string
}

// ofChild has a lease that is short for those who wait for the dead, and long enough for the living on a machine that has much to do.
var ofChild = jobs.Options{Lease: time.Second, Poll: 20 * time.Millisecond}

// live is a server that works until it is killed. It prints a line before each statement of a chunk.
func live(spec string) error {
	var l life
	if err := json.Unmarshal([]byte(spec), &l); err != nil {
		return err
	}
	s, err := store.Open(context.Background(), store.Options{URL: l.URL, Inspect: func(_ context.Context, sql string) error {
		if !strings.Contains(sql, "oldest") { // else it is not the look for work
			_, err := os.Stdout.WriteString(".\n")
			return err
		}
		return nil
	}})
	if err != nil {
		return err
	}
	jobs.NewRunner(s, map[string]jobs.Handler{l.Kind: counting(s, 3)}, ofChild).Run(context.Background())
	return nil
}

// TestKill kills servers with SIGKILL at random statements; each next one takes the job over when the lease has ended.
func TestKill(t *testing.T) {
	for _, sort := range []string{"rows", "done rows, then blocks"} {
		t.Run(sort, func(t *testing.T) { testKill(t, sort) })
	}
}

func testKill(t *testing.T, sort string) {
	url := strings.ReplaceAll(storetest.Empty(t), "?_pragma=synchronous(off)", "") // a kill must not be gentler than it is
	s := another(t, store.Options{URL: url})
	must(t, s.Migrate(t.Context()))
	w := &world{t, s, storetest.Account(t, s), newKind()}
	times, rows := 6, 100
	if *long {
		times, rows = 50, 1000
	}
	job := w.enqueueAs(sort, rows)
	spec, err := json.Marshal(life{url, w.kind})
	must(t, err)
	chance := rand.New(rand.NewPCG(7, 7))
	for range times {
		child(t, string(spec), 5+chance.IntN(50), chance.IntN(20_000))
		// Under the lock what the dead had begun has been decided.
		_, err := in(w, func(*store.Tx) (any, error) { return nil, nil })
		must(t, err)
		w.checkOnce(job.ID)
	}
	if w.find(job.ID).State.Final() {
		t.Errorf("the job was over before the last kill")
	}
	at, last := time.Now(), ofChild
	last.Lease = time.Minute
	w.run(s, counting(s, 3), last)
	if got := w.ended(job.ID); got.State != models.JobStateSucceeded || int(got.Fence) > times+1 {
		t.Errorf("job %+v", got)
	}
	w.checkOnce(job.ID)
	t.Logf("%d kills, the job ended %s after the last of them and was claimed %d times", times, time.Since(at), w.find(job.ID).Fence)
}

// child runs a server in a process of its own and kills it a moment after it has made so many statements.
func child(t *testing.T, spec string, statements, moment int) {
	t.Helper()
	exe, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), exe, "-live", spec)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for range statements {
		if !lines.Scan() {
			t.Fatalf("the child died by itself: %v", cmd.Wait())
		}
	}
	for range moment { // else no kill would fall into a commit, which prints nothing
		runtime.Gosched()
	}
	must(t, cmd.Process.Kill())
	for lines.Scan() {
	}
	_ = cmd.Wait()
}
