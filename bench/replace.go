package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"cohort/bench/floor"
	"cohort/bench/load"
	"cohort/bench/machine"
	"cohort/models"
)

// bulk is a cell of its own kind: a change of many users, timed as a whole.
type bulk struct {
	name, title string
	users       int
}

var bulks = []bulk{
	{"replace10k", "replace the products of 10,000 users", 10_000},
	{"replace100k", "replace the products of all users", 0},
}

// The marks of a change of many.
const (
	bulkMark    = 1.5 // times the floor's duration, at most
	bulkMemory  = 64  // MiB
	bulkLatency = 3   // times the idle p99
)

// The products that take turns, both with a mail of instructions to whoever has them for the first time.
var replaced = [2]string{"goto-meeting", "goto-training"}

// floorPart is how many users a transaction of the floor has. No other number was tried.
const floorPart = 2000

const (
	replaceOperation = `mutation Replace($selection: UserSelection!, $keys: [String!]!, $expected: Int!) { usersProductsSet(input: {
		selection: $selection, mode: REPLACE, productKeys: $keys, blockInherited: false, expectedCount: $expected, notifyUsers: true}) { job { id } errors { code message } } }`
	jobOperation = `query Job($id: ID!) { job(id: $id) { status total done changed failed } }`
)

// bulkReport is what was measured of a change of many.
type bulkReport struct {
	Name, Title         string
	Users               int
	Cohort, Floor       []float64 // seconds, round by round
	Ratio               load.Quartiles
	CohortCPU, FloorCPU float64 // seconds of server and database a turn
	CohortServerCPU     float64
	BeforeMiB, MostMiB  float64 // memory of Cohort
	Idle, During        map[string]latency
	LatencyTurn         float64 // seconds that Cohort took while it was asked other things
	rows                map[string]string
}

// latency is how long requests took that came at a steady rate.
type latency struct {
	Requests             int
	P50Millis, P99, Most float64
	Errors               int
}

func (b *bench) chosenBulks() (all []bulk) {
	for _, w := range bulks {
		if b.only == nil || b.only.MatchString(w.name) {
			all = append(all, w)
		}
	}
	return all
}

// measureBulk has both sides replace the products of the same users in turn, so that each turn changes everybody.
func (b *bench) measureBulk(ctx context.Context, w bulk, r *rand.Rand) (rep *bulkReport, err error) {
	users := slices.Clone(b.world.users)
	slices.SortFunc(users, func(a, b models.UserID) int { return slices.Compare(a[:], b[:]) })
	if w.users > 0 && w.users < len(users) {
		picked := make([]models.UserID, w.users)
		for i, at := range r.Perm(len(users))[:w.users] {
			picked[i] = users[at]
		}
		users = picked
		slices.SortFunc(users, func(a, b models.UserID) int { return slices.Compare(a[:], b[:]) })
	}
	rep = &bulkReport{Name: w.name, Title: w.title, Users: len(users), rows: map[string]string{}}
	products, err := b.products(ctx)
	if err != nil {
		return nil, err
	}
	var actor models.UserID
	if err := b.world.db.QueryRowContext(ctx, "SELECT id FROM users WHERE account_id = ? AND email = ?", b.world.account[:], b.world.admin).Scan(&actor); err != nil {
		return nil, err
	}
	byFloor := func(product int) error {
		return floor.Replace(ctx, b.world.db, floor.Replacement{
			Account: b.world.account, Actor: actor, Product: products[product], Users: users, All: len(users) == len(b.world.users), Part: floorPart,
		})
	}
	byCohort := func(product int) error { return b.replace(ctx, users, replaced[product]) }
	defer func() { err = errors.Join(err, b.clearProducts(context.WithoutCancel(ctx))) }()
	if err := b.clearProducts(ctx); err != nil {
		return nil, err
	}
	if err := byFloor(1); err != nil { // so that the first turn takes something away, too
		return nil, fmt.Errorf("%s: %w", w.name, err)
	}
	if err := b.restart(ctx); err != nil {
		return nil, err
	}
	before, err := machine.RSS(b.cohortServer.pid())
	if err != nil {
		return nil, err
	}
	b.cohortServer.most = 0
	var cohortUsed, floorUsed usage
	for round := range b.rounds {
		for turn := range 2 {
			cohort := (round+turn)%2 == 0 // so that each is the first as often, and does as often the same
			if err := b.clearOutcome(ctx); err != nil {
				return nil, err
			}
			took, err := b.bulkTurn(cohort, turn, byCohort, byFloor, &cohortUsed, &floorUsed)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", w.name, err)
			}
			fmt.Printf("%s, round %d: %s %.2f s\n", w.title, round+1, map[bool]string{true: cohortName, false: floorName}[cohort], took.Seconds())
			if cohort {
				rep.Cohort = append(rep.Cohort, took.Seconds())
			} else {
				rep.Floor = append(rep.Floor, took.Seconds())
			}
			if err := b.sameRows(ctx, rep, turn, cohort); err != nil {
				return nil, fmt.Errorf("%s: %w", w.name, err)
			}
		}
	}
	var ratios []float64
	for i := range rep.Cohort {
		ratios = append(ratios, rep.Cohort[i]/rep.Floor[i])
	}
	rep.Ratio = load.QuartilesOf(ratios)
	turns := float64(len(rep.Cohort))
	rep.CohortServerCPU = cohortUsed.server.Seconds() / turns
	rep.CohortCPU = (cohortUsed.server + cohortUsed.database).Seconds() / turns
	rep.FloorCPU = (floorUsed.client + floorUsed.database).Seconds() / turns
	rep.BeforeMiB, rep.MostMiB = mebibytes(before), mebibytes(b.cohortServer.most)
	return rep, b.latencies(ctx, rep, r, byCohort)
}

func (b *bench) bulkTurn(cohort bool, product int, byCohort, byFloor func(int) error, cohortUsed, floorUsed *usage) (time.Duration, error) {
	used, by := floorUsed, byFloor
	if cohort {
		used, by = cohortUsed, byCohort
		defer b.cohortServer.watch()()
	}
	used.begun = false
	used.note(b.cohortServer.pid(), b.databasePID)
	begin := time.Now()
	err := by(product)
	took := time.Since(begin)
	used.note(b.cohortServer.pid(), b.databasePID)
	return took, err
}

// restart gives the next cell a server that has done nothing yet but a few reads.
func (b *bench) restart(ctx context.Context) error {
	b.stopAll()
	if err := b.start(ctx); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		if err := b.askCohort(membersOperation, map[string]any{"id": b.world.group(r).id.String()}, nil); err != nil {
			return err
		}
	}
	time.Sleep(time.Second)
	return nil
}

// replace has Cohort do it, and waits until the job has ended.
func (b *bench) replace(ctx context.Context, users []models.UserID, key string) error {
	selection := map[string]any{"all": true}
	if len(users) < len(b.world.users) {
		selection = map[string]any{"ids": texts(users)}
	}
	var made struct {
		UsersProductsSet struct {
			Job    *struct{ ID string }
			Errors []any
		}
	}
	err := b.askCohort(replaceOperation, map[string]any{"selection": selection, "keys": []string{key}, "expected": len(users)}, &made)
	if err != nil {
		return err
	}
	if made.UsersProductsSet.Job == nil {
		return fmt.Errorf("there is no job: %v", made.UsersProductsSet.Errors)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var got struct {
			Job struct {
				Status                       string
				Total, Done, Changed, Failed int
			}
		}
		if err := b.askCohort(jobOperation, map[string]any{"id": made.UsersProductsSet.Job.ID}, &got); err != nil {
			return err
		}
		switch j := got.Job; {
		case j.Status == "SUCCEEDED" && j.Changed == len(users):
			return nil
		case j.Status != "QUEUED" && j.Status != "RUNNING":
			return fmt.Errorf("the job ended as %+v", j)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (b *bench) products(ctx context.Context) (ids [2]models.ProductID, err error) {
	for i, key := range replaced {
		err = b.world.db.QueryRowContext(ctx, "SELECT id FROM products WHERE account_id = ? AND product_key = ?", b.world.account[:], key).Scan(&ids[i])
		if err != nil {
			return ids, fmt.Errorf("look for the product %s: %w", key, err)
		}
	}
	return ids, nil
}

// What a turn leaves behind, as counts and sums over what is the same each time, without ids and times that are not.
const sqlRowsLeft = `SELECT CONCAT_WS(' | ',
	(SELECT CONCAT('user_products ', COUNT(*), ' ', COALESCE(BIT_XOR(CRC32(CONCAT(user_id, product_id))), 0)) FROM user_products WHERE account_id = a.id),
	(SELECT CONCAT('entitlements ', COUNT(*), ' ', COALESCE(BIT_XOR(CRC32(CONCAT(user_id, product_id, state))), 0)) FROM entitlements WHERE account_id = a.id),
	(SELECT CONCAT('firsts ', COUNT(*), ' ', COALESCE(BIT_XOR(CRC32(CONCAT(user_id, product_id))), 0)) FROM product_firsts WHERE account_id = a.id),
	(SELECT CONCAT('seats ', GROUP_CONCAT(seats_used ORDER BY id)) FROM products WHERE account_id = a.id),
	(SELECT CONCAT('mails ', COUNT(*), ' ', COALESCE(BIT_XOR(CRC32(CONCAT(user_id, kind, product_id, content))), 0)) FROM mails WHERE account_id = a.id),
	(SELECT CONCAT('job rows ', COUNT(*), ' ', COALESCE(BIT_XOR(CRC32(CONCAT(subject_id, effect, outcome, detail))), 0)) FROM job_rows WHERE account_id = a.id),
	(SELECT CONCAT('audit ', COUNT(*), ' ', COALESCE(BIT_XOR(CRC32(CONCAT(subject_type, subject_id, object_id, COALESCE(before_data, '-'), COALESCE(after_data, '-')))), 0))
		FROM audit_events WHERE account_id = a.id AND id > ? AND subject_type <> '' AND action = 'Mutation.usersProductsSet'),
	(SELECT CONCAT('feed ', COUNT(*), ' ', COALESCE(BIT_XOR(CRC32(CONCAT(entity, change_type, subject_id, object_id, COALESCE(payload, '-')))), 0))
		FROM changes WHERE account_id = a.id AND seq > ?),
	(SELECT CONCAT('statuses ', BIT_XOR(CRC32(CONCAT(id, status, suspended_no_products)))) FROM users WHERE account_id = a.id)) FROM accounts a WHERE a.id = ?`

// sameRows fails when the turn has left other rows than the other side's.
func (b *bench) sameRows(ctx context.Context, rep *bulkReport, turn int, cohort bool) error {
	var rows string
	if err := b.world.db.QueryRowContext(ctx, sqlRowsLeft, b.before.event, b.turnSeq, b.world.account[:]).Scan(&rows); err != nil {
		return fmt.Errorf("count what was written: %w", err)
	}
	side := map[bool]string{true: cohortName, false: floorName}
	key := func(cohort bool) string { return fmt.Sprint(side[cohort], turn) }
	rep.rows[key(cohort)] = rows
	if other := rep.rows[key(!cohort)]; other != "" && other != rows {
		return fmt.Errorf("what is written differs\n%s: %s\n%s: %s", side[cohort], rows, side[!cohort], other)
	}
	return nil
}

// clearOutcome takes back what a turn has left beside the products themselves, so that each turn finds the same tables, and
// everybody has the next product for the first time. The feed stays until the end: the server follows it.
func (b *bench) clearOutcome(ctx context.Context) error {
	for _, text := range []string{
		"DELETE FROM product_firsts WHERE account_id = ? LIMIT 20000", "DELETE FROM mails WHERE account_id = ? LIMIT 20000", "DELETE FROM mail_releases WHERE account_id = ? LIMIT 20000",
		"DELETE FROM job_rows WHERE account_id = ? LIMIT 20000", "DELETE FROM job_blocks WHERE account_id = ? LIMIT 20000", "DELETE FROM jobs WHERE account_id = ? LIMIT 20000",
		"DELETE FROM audit_events WHERE account_id = ? AND id > ? LIMIT 20000",
	} {
		args := []any{b.world.account[:], b.before.event}
		if err := b.emptied(ctx, text, args[:strings.Count(text, "?")]...); err != nil {
			return err
		}
	}
	return b.world.db.QueryRowContext(ctx, "SELECT feed_seq FROM accounts WHERE id = ?", b.world.account[:]).Scan(&b.turnSeq)
}

// clearProducts takes everything from everybody.
func (b *bench) clearProducts(ctx context.Context) error {
	for _, table := range []string{"user_products", "entitlements"} {
		if err := b.emptied(ctx, "DELETE FROM "+table+" WHERE account_id = ? LIMIT 20000", b.world.account[:]); err != nil {
			return err
		}
	}
	if _, err := b.world.db.ExecContext(ctx, "UPDATE products SET seats_used = 0 WHERE account_id = ?", b.world.account[:]); err != nil {
		return err
	}
	return b.clearOutcome(ctx)
}

func (b *bench) emptied(ctx context.Context, text string, args ...any) error {
	for {
		done, err := b.world.db.ExecContext(ctx, text, args...)
		if err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
	}
}

// noProducts refuses an account whose products somebody needs.
func (b *bench) noProducts(ctx context.Context) error {
	var some bool
	err := b.world.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM jobs WHERE account_id = ?) OR EXISTS (SELECT 1 FROM product_firsts WHERE account_id = ?)", b.world.account[:], b.world.account[:]).Scan(&some)
	if err == nil && some {
		err = fmt.Errorf("the account %s has products or jobs, which would be lost: make it anew, or leave the cells of bulk changes out", b.account)
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return err
}

func (r *bulkReport) print() {
	fmt.Printf("\n%s (%d users)\n  ratio of durations %.2f (%.2f–%.2f), mark %.1f: %s; by CPU %.2f\n", r.Title, r.Users, r.Ratio.Median, r.Ratio.Low, r.Ratio.High, bulkMark,
		reached(r.Ratio.Median <= bulkMark), r.CohortCPU/r.FloorCPU)
	fmt.Printf("  seconds: Cohort %.2f, floor %.2f; CPU seconds a turn: Cohort %.2f of which the server %.2f, floor %.2f\n",
		load.QuartilesOf(r.Cohort).Median, load.QuartilesOf(r.Floor).Median, r.CohortCPU, r.CohortServerCPU, r.FloorCPU)
	fmt.Printf("  memory of Cohort: %.0f MiB before, %.0f MiB at most: %.0f more, mark %d: %s\n", r.BeforeMiB, r.MostMiB, r.MostMiB-r.BeforeMiB, bulkMemory, reached(r.MostMiB-r.BeforeMiB < bulkMemory))
	for _, kind := range []string{reads, writes} {
		idle, during := r.Idle[kind], r.During[kind]
		fmt.Printf("  %s: p50 %.1f ms idle, %.1f during; p99 %.1f ms idle, %.1f during: %.1f times, mark %d: %s (%d and %d requests, %d errors)\n", kind, idle.P50Millis, during.P50Millis,
			idle.P99, during.P99, during.P99/idle.P99, bulkLatency, reached(during.P99 <= bulkLatency*idle.P99), idle.Requests, during.Requests, idle.Errors+during.Errors)
	}
	fmt.Printf("  a turn of Cohort while it was asked that: %.2f s\n", r.LatencyTurn)
}

func reached(is bool) string {
	if is {
		return "reached"
	}
	return "missed"
}
