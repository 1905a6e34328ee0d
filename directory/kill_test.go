package directory_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// life is what a child is born with: where to write, as whom, and which steps.
type life struct {
	URL         string
	Who         auth.Caller
	First, Last int
}

func requestOf(step int) string { return fmt.Sprintf("step %d", step) }

// live carries out the steps of a life. It prints a line "." before each statement of a step's transaction, and
// the step's number when the step has answered.
func live(spec string) error {
	var l life
	if err := json.Unmarshal([]byte(spec), &l); err != nil {
		return err
	}
	locked := false
	s, err := store.Open(context.Background(), store.Options{URL: l.URL, Inspect: func(_ context.Context, sql string) error {
		if locked = locked || strings.HasPrefix(sql, "SELECT * FROM `accounts`"); locked {
			fmt.Println(".")
		}
		return nil
	}})
	if err != nil {
		return err
	}
	d, err := directory.New(s, directory.Options{})
	if err != nil {
		return err
	}
	history := steps(l.Last)
	for i := l.First; i <= l.Last; i++ {
		who, step := l.Who, history[i-1]
		who.RequestID = requestOf(i)
		if err := step.do(context.Background(), d, who); refusal(err) != step.refusal {
			return fmt.Errorf("step %d: %w", i, err)
		}
		locked = false
		fmt.Println(i)
	}
	return s.Close()
}

// TestKill kills the process that writes at random statements of random steps, and each time holds the database
// against the facts: all steps that were answered, and the one that was not as a whole or not at all.
func TestKill(t *testing.T) {
	kills, last := rounds(8, 100), rounds(80, 500)
	url := strings.ReplaceAll(storetest.Empty(t), "?_pragma=synchronous(off)", "") // a kill must not be gentler than it is
	var who auth.Caller
	inspect(t, url, func(s *store.Store) {
		must(t, s.Migrate(t.Context()))
		who = foundAccount(t, newDirectory(t, s))
	})

	history, known, done := steps(last), facts{}, 0
	chance := rand.New(rand.NewPCG(5, uint64(kills)))
	points := chance.Perm(last - 1)[:kills]
	slices.Sort(points)
	within, whole := 0, 0
	for _, point := range append(points, last) {
		l := life{URL: url, Who: who, First: done + 1, Last: last}
		answered, midway := child(t, l, point, chance.IntN(20), chance.IntN(20_000))
		if midway {
			within++
		}
		inspect(t, url, func(s *store.Store) {
			// Under the lock what the dead had begun has been decided.
			unanswered, err := store.InAccount(t.Context(), s, who.Account, func(tx *store.Tx) (n int64, err error) {
				err = tx.Table("audit_events").Where("account_id = ? AND request_id = ?", who.Account, requestOf(answered+1)).Count(&n).Error
				return n, err
			})
			must(t, err)
			now := answered
			if unanswered > 0 {
				now++
				whole++
			}
			for ; done < now; done++ {
				known.apply(history[done])
			}
			st, err := readContents(t.Context(), s, who.Account, false)
			must(t, err)
			if diff := cmp.Diff(known, factsOf(st)); diff != "" {
				t.Fatalf("killed in step %d, %d answered (-known +stored):\n%s", point+1, answered, diff)
			}
			st.checkDerived(t)
		})
	}
	if done != last {
		t.Errorf("%d of %d steps were made", done, last)
	}
	inspect(t, url, func(s *store.Store) {
		h := checkStored(t, s, who.Account)
		checkOperations(t, s, who.Account, history)
		for i, step := range history {
			if entries := len(h.requests[requestOf(i+1)]); (entries > 0) != (step.refusal == "") {
				t.Errorf("step %d has left %d entries in the feed", i+1, entries)
			}
		}
	})
	t.Logf("%d kills in %d steps: %d fell into a transaction, of which %d were whole in the end", kills, last, within, whole)
}

// checkOperations holds the log against a history: each step that was not refused has left one event of its own, and no other has.
func checkOperations(t *testing.T, s *store.Store, account models.AccountID, history []step) {
	t.Helper()
	var rows []struct {
		RequestID string
		N         int
	}
	must(t, s.Read.Raw("SELECT request_id, COUNT(*) AS n FROM audit_events WHERE account_id = ? AND subject_type = '' AND request_id <> '' GROUP BY request_id", account).Scan(&rows).Error)
	got, want := map[string]int{}, map[string]int{}
	for _, row := range rows {
		got[row.RequestID] = row.N
	}
	for i, step := range history {
		if step.refusal == "" {
			want[requestOf(i+1)] = 1
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("operations in the log (-made +logged):\n%s", diff)
	}
}

// inspect opens the database for as long as fn runs: nobody else has it open when the next child begins.
func inspect(t *testing.T, url string, fn func(*store.Store)) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{URL: url})
	must(t, err)
	defer func() { must(t, s.Close()) }()
	fn(s)
}

// child runs a life in a process of its own, and kills it a moment after it was some statements into the step
// that follows the point, or after that has answered. It returns the last step that was answered, and whether
// another was begun.
func child(t *testing.T, l life, point, statements, moment int) (answered int, midway bool) {
	t.Helper()
	spec, err := json.Marshal(l)
	must(t, err)
	exe, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), exe, "-live", string(spec))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	answered, dots, killed := l.First-1, 0, false
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n') // an answer of which only a part came is none
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		if line == ".\n" {
			dots++
		} else {
			answered, err = strconv.Atoi(strings.TrimSpace(line))
			must(t, err)
			dots = 0
		}
		if !killed && (answered > point || answered == point && dots >= statements) {
			for range moment { // else no kill would fall into a commit, which prints nothing
				runtime.Gosched()
			}
			must(t, cmd.Process.Kill())
			killed = true
		}
	}
	if err := cmd.Wait(); !killed && err != nil {
		t.Fatalf("the child died by itself after step %d: %v", answered, err)
	}
	return answered, dots > 0
}
