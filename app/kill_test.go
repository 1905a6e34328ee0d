package app

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
)

// TestKillJob kills the server with signal 9 at random moments of jobs that set the products of 10,000 users, four times,
// and 50 with -long. Another goes on each time, and in the end everything is as after jobs that nobody has disturbed:
// each row done once, each user told once and welcomed once.
func TestKillJob(t *testing.T) {
	kills, users := 4, 10_000
	if *long {
		kills = 50
	}
	const perJob = 5
	w := newWorld(t)
	w.inspect = nil
	// A kill must not be gentler than it is.
	w.variables["COHORT_DATABASE"] = strings.ReplaceAll(w.variables["COHORT_DATABASE"], "?_pragma=synchronous(off)", "")
	w.variables["COHORT_JOB_LEASE"] = "5s"
	w.must("seed", "--users", fmt.Sprint(users), "--groups", "20", "--memberships", "2000")
	db := w.database()
	var boss string
	if err := db.db.Raw("SELECT email FROM users WHERE account_id = ? AND role = 'SUPER_ADMIN' LIMIT 1", db.account).Scan(&boss).Error; err != nil {
		t.Fatal(err)
	}
	token := strings.TrimSpace(w.must("token", "--user", boss))
	all := int(db.one("SELECT COUNT(*) FROM users WHERE account_id = ?"))

	chance := rand.New(rand.NewPCG(7, uint64(kills)))
	sets := [][]string{{"goto-meeting", "pro"}, {"central", "goto-webinar", "pro"}, {"rescue"}}
	s := w.bear(t)
	begun, done := time.Now(), 0
	for job := 0; done < kills; job++ {
		keys := sets[job%len(sets)]
		made := s.ask(token, fmt.Sprintf(`mutation { usersProductsSet(input: {selection: {all: true}, productKeys: ["%s"], mode: REPLACE, blockInherited: true, errorPolicy: REJECT_FAILED})
			{ job { id status total } errors { code message } } }`, strings.Join(keys, `", "`)))["usersProductsSet"].(map[string]any)
		if made["job"] == nil {
			t.Fatalf("refused: %v", made["errors"])
		}
		id := made["job"].(map[string]any)["id"].(string)
		progress := func() (at int, status string) {
			now := s.ask(token, fmt.Sprintf(`{ job(id: "%s") { done status } }`, id))["job"].(map[string]any)
			return int(now["done"].(float64)), now["status"].(string)
		}
		for range perJob {
			if done == kills {
				break
			}
			at, status := progress()
			if status == "SUCCEEDED" {
				break
			}
			point := at + chance.IntN(max(all-at, 1))
			tick := time.NewTicker(3 * time.Millisecond)
			for at < point && status != "SUCCEEDED" {
				<-tick.C
				at, status = progress()
			}
			tick.Stop()
			<-time.After(time.Duration(chance.IntN(150)) * time.Millisecond) // anywhere within a part
			s.kill()
			done++
			s = w.bear(t)
		}
		tick := time.NewTicker(20 * time.Millisecond)
		for _, status := progress(); status != "SUCCEEDED"; _, status = progress() {
			if slices.Contains([]string{"FAILED", "PARTLY_FAILED", "CANCELED"}, status) {
				t.Fatalf("job %d ends %s", job, status)
			}
			<-tick.C
		}
		tick.Stop()
		db.checkJob(id, keys, all)
	}
	s.kill()
	db.checkMails(all)
	t.Logf("%d kills in %v", done, time.Since(begun).Round(time.Second))
}

// born is a server in a process of its own.
type born struct {
	*server
	cmd *exec.Cmd
}

// bear starts this program as a server, and waits until it answers.
func (w *world) bear(t *testing.T) *born {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), reborn+"=1", "COHORT_LOG_LEVEL=error")
	for name, value := range w.variables {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	b := &born{server: &server{t: t, interrupt: func() {}, ended: make(chan struct{})}, cmd: cmd}
	cmd.Stdout, cmd.Stderr = &b.stdout, &b.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait() // it is killed
		close(b.ended)
	}()
	t.Cleanup(b.kill)
	b.wait()
	return b
}

// kill kills the process as the machine might, and waits until it is gone.
func (b *born) kill() {
	_ = b.cmd.Process.Kill()
	<-b.ended
}

// database is what the tests look at themselves.
type database struct {
	t       *testing.T
	db      *gorm.DB
	account models.AccountID
}

func (w *world) database() *database {
	w.t.Helper()
	s, err := store.Open(w.t.Context(), store.Options{URL: w.variables["COHORT_DATABASE"]})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = s.Close() })
	d := &database{t: w.t, db: s.Read.WithContext(context.WithoutCancel(w.t.Context()))}
	var account models.Account
	if err := d.db.Take(&account).Error; err != nil {
		w.t.Fatal(err)
	}
	d.account = account.ID
	return d
}

// one is a number that a statement about the account reads.
func (d *database) one(sql string, values ...any) (n int64) {
	d.t.Helper()
	if err := d.db.Raw(sql, append([]any{d.account}, values...)...).Scan(&n).Error; err != nil {
		d.t.Fatal(err)
	}
	return n
}

// checkJob holds what a job has left against what it was to do.
func (d *database) checkJob(text string, keys []string, users int) {
	d.t.Helper()
	id, err := models.ParseJobID(text)
	if err != nil {
		d.t.Fatal(err)
	}
	n := int64(len(keys))
	var job models.Job
	if err := d.db.Where("account_id = ? AND id = ?", d.account, id).Take(&job).Error; err != nil {
		d.t.Fatal(err)
	}
	var impact models.ProductsImpact
	if err := json.Unmarshal([]byte(*job.Cursor), &impact); err != nil {
		d.t.Fatal(err)
	}
	got := map[string]int64{
		"rows done":    d.one("SELECT COUNT(*) FROM job_rows WHERE account_id = ? AND job_id = ? AND outcome = 'CHANGED'", id),
		"set":          d.one("SELECT COUNT(*) FROM user_products p JOIN products q ON q.account_id = p.account_id AND q.id = p.product_id WHERE p.account_id = ? AND q.product_key IN ?", keys),
		"set at all":   d.one("SELECT COUNT(*) FROM user_products WHERE account_id = ?"),
		"had":          d.one("SELECT COUNT(*) FROM entitlements WHERE account_id = ? AND state = 'ENABLED'"),
		"seats in use": d.one("SELECT SUM(seats_used) FROM products WHERE account_id = ?"),
		"suspended":    d.one("SELECT COUNT(*) FROM users WHERE account_id = ? AND status = 'SUSPENDED'"),
		"notices":      d.one("SELECT COUNT(*) FROM mails WHERE account_id = ? AND operation_id = ? AND kind = 'NOTICE'", job.OperationID),
		"told":         int64(impact.Notices),
		// Nothing of the log or the feed is there twice.
		"events twice": d.one("SELECT COUNT(*) FROM (SELECT 1 AS n FROM audit_events WHERE account_id = ? AND subject_id IS NOT NULL AND action = 'Mutation.usersProductsSet' GROUP BY operation_id, subject_type, subject_id, object_id HAVING COUNT(*) > 1) x"),
		// Each operation has one event of its own, beside those of its subjects.
		"operations without their event": d.one("SELECT COUNT(*) FROM (SELECT 1 AS n FROM audit_events WHERE account_id = ? GROUP BY operation_id HAVING SUM(CASE WHEN subject_type = '' THEN 1 ELSE 0 END) <> 1) x"),
		"changes twice":                  d.one("SELECT COUNT(*) FROM (SELECT 1 AS n FROM changes WHERE account_id = ? AND entity = 'PRODUCT' GROUP BY operation_id, subject_id, object_id HAVING COUNT(*) > 1) x"),
		"gaps":                           d.one("SELECT MAX(seq) - COUNT(*) FROM changes WHERE account_id = ?"),
	}
	all := int64(users)
	want := map[string]int64{
		"rows done": all, "set": n * all, "set at all": n * all, "had": n * all, "seats in use": n * all, "suspended": 0, "notices": all, "told": all,
		"operations without their event": 0,
		"events twice":                   0, "changes twice": 0, "gaps": 0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		d.t.Errorf("job %s (-want +got):\n%s", id, diff)
	}
	// Set and taken, in turns: whoever has a row applied twice has one event too many.
	var sums []struct {
		SubjectID []byte
		Balance   int64
	}
	err = d.db.Raw("SELECT subject_id, SUM(CASE WHEN after_data IS NULL THEN -1 ELSE 1 END) AS balance FROM audit_events "+
		"WHERE account_id = ? AND subject_type = 'ASSIGNMENT' GROUP BY subject_id HAVING SUM(CASE WHEN after_data IS NULL THEN -1 ELSE 1 END) <> ?", d.account, n).Scan(&sums).Error
	if err != nil || len(sums) > 0 {
		d.t.Errorf("the log of %d users doesn't add up, %v", len(sums), err)
	}
}

// checkMails holds the welcomes against the first times.
func (d *database) checkMails(users int) {
	d.t.Helper()
	welcomes := d.one("SELECT COUNT(*) FROM mails WHERE account_id = ? AND kind = 'WELCOME'")
	firsts := d.one("SELECT COUNT(*) FROM product_firsts f JOIN products p ON p.account_id = f.account_id AND p.id = f.product_id WHERE f.account_id = ? AND p.welcome_on_first_enable")
	twice := d.one("SELECT COUNT(*) FROM (SELECT 1 AS n FROM mails WHERE account_id = ? AND kind = 'WELCOME' GROUP BY user_id, product_id HAVING COUNT(*) > 1) x")
	if welcomes != firsts || firsts < int64(users) || twice != 0 {
		d.t.Errorf("%d welcomes for %d first times of %d users, %d of them twice", welcomes, firsts, users, twice)
	}
}
