package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"cohort/bench/floor"
	"cohort/bench/load"
	"cohort/bench/machine"
	"cohort/models"
)

// bench is a run.
type bench struct {
	settings
	program, secret, token    string
	world                     *world
	cohortServer, floorServer *server
	databasePID               int    // 0 when the database is on another machine
	pprof                     string // where the profiled build answers
	before                    state  // of the account
	turnSeq                   int64  // the feed's number before a turn of a bulk change
	cursorsOfUsers            []string
	usersOfCursors            []models.UserID // those that the cursors stand behind
}

const (
	cohortName = "cohort"
	floorName  = "floor"
	sqlName    = "floor-sql"
)

func run(ctx context.Context, s settings) (err error) {
	if s.database == "" {
		return errors.New("say which database: COHORT_BENCH_DATABASE or -database, such as mysql://root@127.0.0.1:3306/cohort_bench")
	}
	if err := os.MkdirAll(filepath.Join(results, "bin"), 0o755); err != nil {
		return err
	}
	b := &bench{settings: s, secret: newSecret()}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	defer b.world.db.Close()
	defer b.stopAll() // also when it is stopped half-way
	if err := b.start(ctx); err != nil {
		return err
	}
	if s.profile > 0 {
		return b.profileAll(ctx)
	}
	if err := b.letGo(ctx); err != nil { // what a run has left that was killed
		return err
	}
	if b.before, err = b.world.state(ctx); err != nil {
		return err
	}
	if len(b.chosenBulks()) > 0 || b.chose(logCost) {
		if err := b.noProducts(ctx); err != nil {
			return err
		}
	}
	report, err := b.measure(ctx)
	b.stopAll()
	// What was written is taken back even when the run was stopped.
	err = errors.Join(err, b.world.restore(context.WithoutCancel(ctx), b.before))
	if err != nil {
		return err
	}
	return report.finish(s.marks)
}

// prepare builds Cohort, and makes the account where it is missing.
func (b *bench) prepare(ctx context.Context) (err error) {
	folder, pkg := b.root, "."
	if b.profile > 0 {
		folder, pkg = ".", "./profiled"
	}
	if b.program, err = build(ctx, folder, pkg, cohortName); err != nil {
		return err
	}
	w, found, err := openWorld(ctx, b.database, b.account)
	if err != nil {
		return err
	}
	if !found {
		_ = w.db.Close()
		fmt.Printf("Making the account %s of %d users, %d groups and %d memberships …\n", b.account, b.users, b.groups, b.memberships)
		begin := time.Now()
		said, err := b.cohort(ctx, "seed", "--account", b.account,
			"--users", strconv.Itoa(b.users), "--groups", strconv.Itoa(b.groups), "--memberships", strconv.Itoa(b.memberships))
		if err != nil {
			return err
		}
		fmt.Printf("%s\nThat took %.1f s.\n", said, time.Since(begin).Seconds())
		if w, found, err = openWorld(ctx, b.database, b.account); err != nil || !found {
			return errors.Join(err, fmt.Errorf("there is no account %s in the database", b.account))
		}
	}
	b.world = w
	// The database chooses its ways by statistics that it takes when it sees fit; two runs shall have the same.
	for _, table := range []string{"users", "user_groups", "memberships", "group_edges", "group_closure"} {
		if _, err := w.db.ExecContext(ctx, "ANALYZE TABLE "+table); err != nil {
			return fmt.Errorf("have statistics taken: %w", err)
		}
	}
	b.databasePID = databaseProcess(b.database)
	b.token, err = b.cohort(ctx, "token", "--account", b.account, "--user", w.admin, "--expires", "24h")
	return err
}

// databaseProcess is the database's process when it runs on this machine, else 0.
func databaseProcess(url string) int {
	config, err := floor.Database(url)
	if err != nil {
		return 0
	}
	_, port, err := net.SplitHostPort(config.Addr)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(port)
	pid, _ := machine.Listener(n)
	return pid
}

// start starts both servers; stopAll ends those that run.
func (b *bench) start(ctx context.Context) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	environment := b.serving(address)
	if b.profile > 0 {
		if b.pprof, err = freeAddress(); err != nil {
			return err
		}
		environment = append(environment, pprofListen+"="+b.pprof)
	}
	if b.cohortServer, err = start(ctx, cohortName, b.program, address, environment, "serve"); err != nil {
		return err
	}
	// The super admin's first sign-in is a change, which the floor has no part in.
	if err := b.askCohort("query Viewer { viewer { role } }", nil, nil); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if address, err = freeAddress(); err != nil {
		return err
	}
	environment = []string{floorListen + "=" + address, floorDatabase + "=" + b.database, floorSecret + "=" + b.secret}
	b.floorServer, err = start(ctx, floorName, self, address, environment, floorCommand)
	return err
}

// serving is what a server of Cohort is told that listens on the address.
func (b *bench) serving(address string) []string {
	return append(b.environment(), "COHORT_LISTEN="+address, "COHORT_LIMIT_RATE=0", // one user asks all
		"COHORT_SMTP=smtp://127.0.0.1:9", "COHORT_MAIL_FROM=bench@example.org") // a mail server that isn't there: what is posted waits
}

func (b *bench) stopAll() {
	for _, s := range []*server{b.cohortServer, b.floorServer} {
		if s != nil {
			s.stop()
		}
	}
}

func (b *bench) chosen() (all []*cell) {
	for i := range cells {
		if b.only == nil || b.only.MatchString(cells[i].name) {
			all = append(all, &cells[i])
		}
	}
	return all
}

// chose tells whether a cell of its own kind is to be measured.
func (b *bench) chose(name string) bool { return b.only == nil || b.only.MatchString(name) }

// measure has the reading cells first, then the writing ones, then the changes of many.
func (b *bench) measure(ctx context.Context) (*report, error) {
	r := rand.New(rand.NewPCG(1, 2))
	rep := newReport(b)
	reading := []side{{cohortName, b.cohortServer, ""}, {floorName, b.floorServer, "/memory"}, {sqlName, b.floorServer, "/sql"}}
	err := b.holding(ctx, func() error { return b.measureCells(ctx, false, reading, r, rep) })
	if err == nil {
		err = b.measureCells(ctx, true, reading[:2], r, rep)
	}
	if err != nil {
		return rep, err
	}
	for _, w := range b.chosenBulks() {
		measured, err := b.measureBulk(ctx, w, r)
		if err != nil {
			return rep, err
		}
		rep.bulks = append(rep.bulks, measured)
	}
	if b.chose(feedCell) {
		if rep.feed, err = b.measureFeed(ctx); err != nil {
			return rep, fmt.Errorf("%s: %w", feedCell, err)
		}
	}
	if b.chose(logCost) {
		if rep.logs, err = b.measureLogs(ctx, r); err != nil {
			return rep, fmt.Errorf("%s: %w", logCost, err)
		}
	}
	return rep, nil
}

// measureCells compares all answers first. Then the cells have their turns, round by round, so that what disturbs the
// machine for a while disturbs one round of all.
func (b *bench) measureCells(ctx context.Context, writes bool, sides []side, r *rand.Rand, rep *report) error {
	chosen := slices.DeleteFunc(b.chosen(), func(c *cell) bool { return c.writes != writes })
	asks := map[string]map[string][]*load.Ask{}
	for _, c := range chosen {
		fmt.Printf("Comparing the answers: %s …\n", c.title)
		var err error
		if writes {
			err = b.compareWrites(ctx, c, sides, r)
		} else {
			asks[c.name], err = b.compare(ctx, c, sides, r)
		}
		if err != nil {
			return err
		}
	}
	if !b.sql {
		sides = sides[:2]
	}
	for round := range b.rounds {
		fmt.Printf("Round %d of %d, %s\n", round+1, b.rounds, map[bool]string{false: "reading", true: "writing"}[writes])
		for _, c := range chosen {
			for i := range sides { // nobody is always the first
				s := sides[(i+round)%len(sides)]
				if err := b.turn(ctx, c, s, asks[c.name][s.name], r, rep); err != nil {
					return fmt.Errorf("%s, %s: %w", c.name, s.name, err)
				}
			}
		}
	}
	return nil
}

// turn is one slot of one side.
func (b *bench) turn(ctx context.Context, c *cell, s side, asks []*load.Ask, r *rand.Rand, rep *report) error {
	plan := load.Plan{Address: s.server.address, Connections: b.connections, Lead: b.lead, Window: b.slot}
	var added *additions
	if c.writes {
		var err error
		if added, err = b.additions(ctx, r, quietUsers); err != nil {
			return err
		}
		plan.Next = added.draw(b, s, c)
	} else {
		dice := make([]*rand.Rand, b.connections)
		for i := range dice {
			dice[i] = rand.New(rand.NewPCG(r.Uint64(), uint64(i)))
		}
		plan.Next = func(connection int) (*load.Ask, bool) { return asks[dice[connection].IntN(len(asks))], true }
	}
	var used usage
	plan.Around = func() { used.note(s.server.pid(), b.databasePID) }
	stopLooking := s.server.watch()
	slot, err := load.Run(ctx, plan)
	stopLooking()
	if err == nil {
		rep.add(c, s.name, slot, used)
	}
	if added != nil {
		err = errors.Join(err, added.undo(b))
	}
	return err
}

// usage is the CPU time of a slot, of the server, the database and this program.
type usage struct {
	server, database, client time.Duration
	begun                    bool
}

// note is called at the slot's begin and end.
func (u *usage) note(server, database int) {
	sign := time.Duration(-1)
	if u.begun {
		sign = 1
	}
	u.begun = true
	for pid, to := range map[int]*time.Duration{server: &u.server, database: &u.database, os.Getpid(): &u.client} {
		if cpu, err := machine.CPU(pid); err == nil {
			*to += sign * cpu
		}
	}
}

// watch looks at the server's memory ten times a second until the function it returns is called.
func (s *server) watch() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			s.look()
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}
