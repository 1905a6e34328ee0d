package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"cohort/bench/load"
	"cohort/models"
)

// logCost is a cell of its own kind: the server as it is, against one that is built without the audit log and the feed.
const logCost = "logcost"

const (
	logMark   = 1.30 // times the duration without them, at most
	logAdds   = 100  // additions in a turn
	logUsers  = 1000 // whose products are set by one mutation: as many as one transaction takes
	plainName = "cohort-plain"
)

const setOperation = `mutation Set($selection: UserSelection!, $keys: [String!]!) { usersProductsSet(input: {
	selection: $selection, mode: REPLACE, productKeys: $keys, blockInherited: false, notifyUsers: true}) { job { status changed } errors { code message } } }`

// logReport is what was measured of one mutation, by one connection.
type logReport struct {
	Name, Title         string
	Cohort, Plain       []float64 // milliseconds a mutation, round by round
	Ratio, CPURatio     load.Quartiles
	CohortCPU, PlainCPU []float64 // of server and database, milliseconds a mutation
	CohortServerCPU     []float64 // of the server alone
	PlainServerCPU      []float64
}

// The line of audit/log.go by which a log begins, and what it is in the server without: that keeps nothing, as a dry run does.
var (
	logBegins = []byte("return &Log{tx: tx, who: who, action: action, order: firstOrder()}")
	logIsOff  = []byte("return &Log{tx: tx, who: who, action: action, order: firstOrder(), off: true}")
)

// buildPlain builds the server that writes neither log nor feed, from the sources as they are but for that line. It fails when they
// have no such line.
func (b *bench) buildPlain(ctx context.Context) (string, error) {
	source, err := filepath.Abs(filepath.Join(b.root, "audit", "log.go"))
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(source)
	if err != nil {
		return "", err
	}
	if bytes.Count(text, logBegins) != 1 {
		return "", fmt.Errorf("%s no longer begins a log by %q: change %s with it", source, logBegins, "bench/logcost.go")
	}
	changed, err := filepath.Abs(filepath.Join(results, "bin", "log.go.txt"))
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(changed, bytes.Replace(text, logBegins, logIsOff, 1), 0o644); err != nil {
		return "", err
	}
	overlay := filepath.Join(filepath.Dir(changed), "overlay.json")
	if err := os.WriteFile(overlay, toJSON(map[string]any{"Replace": map[string]string{source: changed}}), 0o644); err != nil {
		return "", err
	}
	program := filepath.Join(filepath.Dir(changed), plainName)
	command := exec.CommandContext(ctx, "go", "build", "-overlay", overlay, "-o", program, ".")
	command.Dir = b.root
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build a server without the log: %w\n%s", err, out)
	}
	return program, nil
}

// measureLogs has both servers take turns on the same database.
func (b *bench) measureLogs(ctx context.Context, r *rand.Rand) (reports []*logReport, err error) {
	program, err := b.buildPlain(ctx)
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	plain, err := start(ctx, plainName, program, address, b.serving(address), "serve")
	if err != nil {
		return nil, err
	}
	defer plain.stop()
	sides := [2]*server{b.cohortServer, plain}
	add, err := b.measureAdds(ctx, sides, r)
	if err != nil {
		return nil, err
	}
	set, err := b.measureSets(ctx, sides, r)
	return []*logReport{add, set}, err
}

// measureAdds adds one user to one group, so many times a turn.
func (b *bench) measureAdds(ctx context.Context, sides [2]*server, r *rand.Rand) (rep *logReport, err error) {
	rep = &logReport{Name: "groupMembersAdd", Title: "add one user to one group"}
	rounds := max(3, 3*b.rounds) // they are short
	a, err := b.additions(ctx, r, 2*(rounds+1)*logAdds/quietGroups+2)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.undo(b)) }()
	for round := -1; round < rounds; round++ { // the first isn't counted
		for turn := range 2 {
			one := (round + turn) & 1
			err := rep.turn(ctx, b, sides, one, logAdds, round >= 0, func(s *server) error {
				n := int(a.next.Add(1)) - 1
				q := addition(a.users[n/len(a.groups)], a.groups[n%len(a.groups)])
				var made struct {
					GroupMembersAdd struct{ Results []struct{ Outcome string } }
				}
				if err := b.askServer(s, addOperation, q.variables, &made); err != nil {
					return err
				}
				if got := made.GroupMembersAdd.Results; len(got) != 1 || got[0].Outcome != "ADDED" {
					return fmt.Errorf("the addition came to %+v", got)
				}
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return rep, rep.finish()
}

// measureSets gives a thousand users one product in place of another, by one mutation that is one transaction.
func (b *bench) measureSets(ctx context.Context, sides [2]*server, r *rand.Rand) (rep *logReport, err error) {
	rep = &logReport{Name: "usersProductsSet", Title: fmt.Sprintf("replace the products of %d users in one transaction", logUsers)}
	users := make([]models.UserID, min(logUsers, len(b.world.users)))
	for i, at := range r.Perm(len(b.world.users))[:len(users)] {
		users[i] = b.world.users[at]
	}
	defer func() { err = errors.Join(err, b.clearProducts(context.WithoutCancel(ctx))) }()
	if err := b.clearProducts(ctx); err != nil {
		return nil, err
	}
	product := 0
	set := func(s *server) error {
		product = 1 - product
		var made struct {
			UsersProductsSet struct {
				Job *struct {
					Status  string
					Changed int
				}
				Errors []any
			}
		}
		err := b.askServer(s, setOperation, map[string]any{"selection": map[string]any{"ids": texts(users)}, "keys": []string{replaced[product]}}, &made)
		if err != nil {
			return err
		}
		if job := made.UsersProductsSet.Job; job == nil || job.Status != "SUCCEEDED" || job.Changed != len(users) {
			return fmt.Errorf("setting products came to %+v %v", job, made.UsersProductsSet.Errors)
		}
		return nil
	}
	if err := set(sides[0]); err != nil { // so that each turn takes something away, too
		return nil, err
	}
	for round := -2; round < 3*b.rounds; round++ {
		for turn := range 2 {
			if err := b.clearOutcome(ctx); err != nil {
				return nil, err
			}
			one := (round + turn) & 1
			if err := rep.turn(ctx, b, sides, one, 1, round >= 0, set); err != nil {
				return nil, err
			}
		}
	}
	return rep, rep.finish()
}

// logged is how many events and entries of the feed there are since the run began.
func (b *bench) logged(ctx context.Context) (events, entries int64, err error) {
	err = b.world.db.QueryRowContext(ctx, "SELECT (SELECT COUNT(*) FROM audit_events WHERE account_id = a.id AND id > ?), a.feed_seq FROM accounts a WHERE a.id = ?",
		b.before.event, b.world.account[:]).Scan(&events, &entries)
	return events, entries, err
}

// turn has one side do something so many times. It fails unless the one with the log has written it, and the other nothing of it.
func (r *logReport) turn(ctx context.Context, b *bench, sides [2]*server, one, times int, counts bool, do func(*server) error) error {
	s := sides[one]
	events, entries, err := b.logged(ctx)
	if err != nil {
		return err
	}
	var used usage
	used.note(s.pid(), b.databasePID)
	begin := time.Now()
	for range times {
		if err := do(s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	took := time.Since(begin)
	used.note(s.pid(), b.databasePID)
	eventsNow, entriesNow, err := b.logged(ctx)
	if err != nil {
		return err
	}
	if logs := eventsNow >= events+2*int64(times) && entriesNow >= entries+int64(times); logs != (one == 0) || one == 1 && (eventsNow != events || entriesNow != entries) {
		return fmt.Errorf("%s has written %d events and %d entries of the feed", s.name, eventsNow-events, entriesNow-entries)
	}
	if !counts {
		return nil
	}
	millis := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 / float64(times) }
	to, cpu, server := &r.Cohort, &r.CohortCPU, &r.CohortServerCPU
	if one == 1 {
		to, cpu, server = &r.Plain, &r.PlainCPU, &r.PlainServerCPU
	}
	*to, *cpu, *server = append(*to, millis(took)), append(*cpu, millis(used.server+used.database)), append(*server, millis(used.server))
	return nil
}

func (r *logReport) finish() error {
	if len(r.Cohort) != len(r.Plain) {
		return errors.New("the sides had not as many turns")
	}
	var times, cpu []float64
	for i := range r.Cohort {
		times, cpu = append(times, r.Cohort[i]/r.Plain[i]), append(cpu, r.CohortCPU[i]/r.PlainCPU[i])
	}
	r.Ratio, r.CPURatio = load.QuartilesOf(times), load.QuartilesOf(slices.DeleteFunc(cpu, func(ratio float64) bool { return ratio != ratio || ratio > 1e6 }))
	return nil
}

func (r *logReport) print() {
	median := func(values []float64) float64 { return load.QuartilesOf(values).Median }
	fmt.Printf("\n%s, with the audit log and the feed to without\n  ratio of durations %.2f (%.2f–%.2f), mark %.2f: %s; by CPU %.2f (%.2f–%.2f)\n", r.Title, r.Ratio.Median, r.Ratio.Low, r.Ratio.High, logMark,
		reached(r.Ratio.Median <= logMark), r.CPURatio.Median, r.CPURatio.Low, r.CPURatio.High)
	fmt.Printf("  milliseconds: %.2f, %.2f without; CPU milliseconds of server and database: %.2f, %.2f without, of which the server %.2f, %.2f; %d turns of each\n",
		median(r.Cohort), median(r.Plain), median(r.CohortCPU), median(r.PlainCPU), median(r.CohortServerCPU), median(r.PlainServerCPU), len(r.Cohort))
}
