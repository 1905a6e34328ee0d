package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"cohort/bench/load"
	"cohort/bench/machine"
)

// allowedSpread is how far apart the quartiles of the floor's throughput may lie: beyond it, the machine was
// too busy with something else for the run to say anything.
const allowedSpread = 0.15

// The marks on the server's memory, in MiB.
const (
	idleMark = 60
	loadMark = 200
)

// report gathers what was measured.
type report struct {
	b       *bench
	machine string
	begun   time.Time
	cells   []*cellReport
	bulks   []*bulkReport
	feed    *feedReport
	logs    []*logReport
}

// cellReport is what was measured of one cell.
type cellReport struct {
	cell  *cell
	sides map[string]*sideReport
}

type sideReport struct {
	perRound  []float64 // requests a second
	latencies []time.Duration
	requests  int
	errors    int
	first     error
	used      usage
}

func newReport(b *bench) *report {
	return &report{b: b, machine: machine.Description(), begun: time.Now()}
}

func (r *report) add(c *cell, side string, slot *load.Slot, used usage) {
	var at *cellReport
	for _, known := range r.cells {
		if known.cell == c {
			at = known
		}
	}
	if at == nil {
		at = &cellReport{cell: c, sides: map[string]*sideReport{}}
		r.cells = append(r.cells, at)
	}
	s := at.sides[side]
	if s == nil {
		s = &sideReport{}
		at.sides[side] = s
	}
	s.perRound = append(s.perRound, slot.Throughput())
	s.latencies = append(s.latencies, slot.Latencies...)
	s.requests += slot.Requests
	s.errors += slot.Errors
	if s.first == nil {
		s.first = slot.First
	}
	s.used.server += used.server
	s.used.database += used.database
	s.used.client += used.client
}

// figures are what is printed and kept of a side of a cell.
type figures struct {
	RequestsPerSecond        load.Quartiles
	PerRound                 []float64
	P50Micros, P99Micros     int64
	ServerMicrosPerRequest   float64
	DatabaseMicrosPerRequest float64
	ClientMicrosPerRequest   float64
	Requests, Errors         int
	FirstError               string `json:",omitempty"`
}

func (s *sideReport) figures() figures {
	per := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(max(1, s.requests)) }
	f := figures{
		RequestsPerSecond: load.QuartilesOf(s.perRound), PerRound: s.perRound,
		P50Micros: load.Percentile(s.latencies, 0.5).Microseconds(), P99Micros: load.Percentile(s.latencies, 0.99).Microseconds(),
		ServerMicrosPerRequest: per(s.used.server), DatabaseMicrosPerRequest: per(s.used.database), ClientMicrosPerRequest: per(s.used.client),
		Requests: s.requests, Errors: s.errors,
	}
	if s.first != nil {
		f.FirstError = s.first.Error()
	}
	return f
}

// ratio is Cohort's throughput to another side's, round by round.
func (c *cellReport) ratio(to string) load.Quartiles {
	var ratios []float64
	cohort, other := c.sides[cohortName], c.sides[to]
	if cohort == nil || other == nil {
		return load.Quartiles{}
	}
	for i := range min(len(cohort.perRound), len(other.perRound)) {
		if other.perRound[i] > 0 {
			ratios = append(ratios, cohort.perRound[i]/other.perRound[i])
		}
	}
	return load.QuartilesOf(ratios)
}

func (c *cellReport) failed() bool {
	for _, s := range c.sides {
		if s.errors > 0 {
			return true
		}
	}
	return false
}

// kept is the report as it is written to a file.
type kept struct {
	Begun                      time.Time
	Machine, Database, Version string
	DatabaseSettings           string
	Users, Groups              int
	Rounds, Connections        int
	Slot                       string
	Void                       []string
	IdleMiB, LoadMiB           map[string]float64
	Cells                      []keptCell
	Bulks                      []*bulkReport `json:",omitempty"`
	Feed                       *feedReport   `json:",omitempty"`
	Logs                       []*logReport  `json:",omitempty"`
}

type keptCell struct {
	Name, Title string
	Mark        float64
	Reached     bool
	Failed      bool
	Ratio       load.Quartiles  // of the throughputs, round by round
	CPURatio    float64         // of the CPU time a request, server and database together
	RatioToSQL  *load.Quartiles `json:",omitempty"`
	Sides       map[string]figures
}

func (r *report) kept() kept {
	b := r.b
	k := kept{
		Begun: r.begun, Machine: r.machine, Version: version(b.root), Users: len(b.world.users), Groups: len(b.world.groups),
		Rounds: b.rounds, Connections: b.connections, Slot: b.slot.String(), Void: []string{}, IdleMiB: map[string]float64{}, LoadMiB: map[string]float64{},
	}
	//nolint:noctx // for the record only
	_ = b.world.db.QueryRow(`SELECT VERSION(), CONCAT('buffer pool ', @@innodb_buffer_pool_size DIV 1048576, ' MiB, flush at commit ',
		@@innodb_flush_log_at_trx_commit, ', binary log ', @@log_bin, ' synced ', @@sync_binlog)`).Scan(&k.Database, &k.DatabaseSettings)
	for _, s := range []*server{b.cohortServer, b.floorServer} {
		k.IdleMiB[s.name], k.LoadMiB[s.name] = mebibytes(s.idle), mebibytes(s.most)
	}
	k.Bulks, k.Feed, k.Logs = r.bulks, r.feed, r.logs
	for _, c := range r.cells {
		kc := keptCell{Name: c.cell.name, Title: c.cell.title, Mark: c.cell.mark, Failed: c.failed(), Ratio: c.ratio(floorName), Sides: map[string]figures{}}
		for name, s := range c.sides {
			kc.Sides[name] = s.figures()
		}
		if c.sides[sqlName] != nil {
			to := c.ratio(sqlName)
			kc.RatioToSQL = &to
		}
		kc.CPURatio = cpuRatio(kc.Sides[floorName], kc.Sides[cohortName])
		kc.Reached = !kc.Failed && kc.Ratio.Median >= kc.Mark
		if spread := kc.Sides[floorName].RequestsPerSecond.Spread(); spread > allowedSpread {
			k.Void = append(k.Void, fmt.Sprintf("%s: the floor's quartiles lie %.0f %% apart", c.cell.name, 100*spread))
		}
		k.Cells = append(k.Cells, kc)
	}
	return k
}

func cpuRatio(floor, cohort figures) float64 {
	spent := cohort.ServerMicrosPerRequest + cohort.DatabaseMicrosPerRequest
	if spent == 0 || cohort.Requests == 0 {
		return 0
	}
	return (floor.ServerMicrosPerRequest + floor.DatabaseMicrosPerRequest) / spent
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }

// version is the commit that was measured, as far as git knows.
func version(root string) string {
	command := exec.Command("git", "describe", "--always", "--dirty") //nolint:noctx // it is quick
	command.Dir = root
	out, err := command.Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// finish prints the report and keeps it. With marks it fails when the run is void or a cell had an error.
func (r *report) finish(marks bool) error {
	k := r.kept()
	k.print(marks)
	raw, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return err
	}
	file := filepath.Join(results, r.begun.UTC().Format("20060102T150405Z")+".json")
	if err := os.WriteFile(file, append(raw, '\n'), 0o644); err != nil {
		return err
	}
	fmt.Printf("Kept in bench/%s.\n", file)
	for _, c := range k.Cells {
		if c.Failed {
			return errors.New("a cell had errors: its figures mean nothing")
		}
	}
	if marks && len(k.Void) > 0 {
		return errors.New("the run is void: measure again when the machine has nothing else to do")
	}
	return nil
}

func (k kept) print(marks bool) {
	fmt.Printf("\n%s\nMySQL %s, %s\nCohort %s, %d users in %d groups; %d rounds of %s on %d connections\n\n",
		k.Machine, k.Database, k.DatabaseSettings, k.Version, k.Users, k.Groups, k.Rounds, k.Slot, k.Connections)
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tratio\tquartiles\tby CPU\tmark\t\treq/s\tp50 ms\tp99 ms\tCPU µs/req: server\tdatabase")
	for _, c := range k.Cells {
		fmt.Fprintf(table, "%s%s\n", c.Title, strings.Repeat("\t", 10))
		co, fl := c.Sides[cohortName], c.Sides[floorName]
		ratio := fmt.Sprintf("%.3f\t%.3f–%.3f\t%.3f", c.Ratio.Median, c.Ratio.Low, c.Ratio.High, c.CPURatio)
		if marks {
			ratio += fmt.Sprintf("\t%.2f\t%s", c.Mark, c.verdict())
		} else {
			ratio += "\t\t"
		}
		fmt.Fprintf(table, "  Cohort\t%s\t%s\n", ratio, co)
		fmt.Fprintf(table, "  floor\t\t\t\t\t\t%s\n", fl)
		if c.RatioToSQL != nil {
			sq := c.Sides[sqlName]
			fmt.Fprintf(table, "  floor without its index\t%.3f\t%.3f–%.3f\t%.3f\t\t\t%s\n", c.RatioToSQL.Median, c.RatioToSQL.Low, c.RatioToSQL.High, cpuRatio(sq, co), sq)
		}
	}
	_ = table.Flush()
	for _, c := range k.Cells {
		for name, s := range c.Sides {
			if s.Errors > 0 {
				fmt.Printf("%s: %d errors of %s, the first: %s\n", c.Name, s.Errors, name, s.FirstError)
			}
		}
	}
	for _, w := range k.Bulks {
		w.print()
	}
	if k.Feed != nil {
		k.Feed.print()
	}
	for _, w := range k.Logs {
		w.print()
	}
	idle, most := k.IdleMiB[cohortName], k.LoadMiB[cohortName]
	fmt.Printf("\nMemory of Cohort: %.0f MiB idle%s, %.0f MiB at most under load%s (floor: %.0f and %.0f MiB)\n",
		idle, memoryMark(marks, idle, idleMark), most, memoryMark(marks, most, loadMark), k.IdleMiB[floorName], k.LoadMiB[floorName])
	for _, why := range k.Void {
		fmt.Println("VOID:", why)
	}
}

func (f figures) String() string {
	return fmt.Sprintf("%.0f\t%.2f\t%.2f\t%.0f\t%.0f", f.RequestsPerSecond.Median, float64(f.P50Micros)/1000, float64(f.P99Micros)/1000,
		f.ServerMicrosPerRequest, f.DatabaseMicrosPerRequest)
}

func (c keptCell) verdict() string {
	switch {
	case c.Failed:
		return "VOID"
	case c.Reached:
		return "reached"
	}
	return "missed"
}

func memoryMark(marks bool, have float64, mark int) string {
	switch {
	case !marks:
		return ""
	case have < float64(mark):
		return fmt.Sprintf(" (mark %d: reached)", mark)
	}
	return fmt.Sprintf(" (mark %d: missed)", mark)
}
