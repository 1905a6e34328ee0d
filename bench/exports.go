package main

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"cohort/bench/load"
	"cohort/bench/machine"
	"cohort/export"
	"cohort/models"
)

// exportCell has all users exported, from the mutation until the job has ended and the file lies in the database. The other side is a program
// that writes the same rows to a file on disk.
const exportCell = "exports"

// How much longer than the other side an export may take, and how much memory the server may have meanwhile, in MiB.
const (
	exportXLSXMark   = 1.3       // excelize, with the rows in memory
	exportCSVMark    = 1.0 / 0.7 // encoding/csv, fed by database/sql
	exportMemoryMark = 150
)

// The columns of the timed exports, which both sides write; and those by which the memory is measured.
const (
	timedColumns  = "DISPLAY_NAME, EMAIL, GIVEN_NAME, FAMILY_NAME, LOCALE, ROLE, STATUS, PRODUCTS, GROUPS, CREATED_AT" // the usual ones
	ownColumns    = "DISPLAY_NAME, EMAIL, GIVEN_NAME, FAMILY_NAME, LOCALE, ROLE, STATUS, CREATED_AT"                   // of the users' own rows
	twentyColumns = timedColumns + ", UPDATED_AT, ID, STATUS_REASONS, HAS_NO_PRODUCTS, PERMISSIONS, DIRECT_PRODUCTS, INHERITED_PRODUCTS, WAITING_PRODUCTS, BLOCKED_PRODUCTS, DIRECT_GROUPS"
)

type exportsReport struct {
	Timed                  []*exportTimes
	Rows                   int
	PeakXLSX, PeakCSV, Was int64 // bytes of resident memory: at most while 20 columns are written, and before
}

// exportTimes is what one export came to.
type exportTimes struct {
	Name, Floor          string
	Mark                 float64
	Ratio                load.Quartiles // of the durations
	CohortSecs, FloorSec load.Quartiles

	format, columns     string
	plain               func(to io.Writer) error
	ratios, own, others []float64
}

func (b *bench) measureExports(ctx context.Context) (*exportsReport, error) {
	defer b.dropExports(context.WithoutCancel(ctx))
	folder, err := os.MkdirTemp("", "bench-exports-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	rows, err := b.comparedExport(ctx)
	if err != nil {
		return nil, err
	}
	table, cells := asCells(rows)
	ownTable, ownCells := without(table, cells, 7, 8)
	const excelizeName, csvName = "excelize with the rows in memory", "encoding/csv fed by database/sql"
	rep := &exportsReport{Rows: len(cells), Timed: []*exportTimes{
		{Name: "XLSX, the usual columns", Floor: excelizeName, Mark: exportXLSXMark, format: "XLSX", columns: timedColumns, plain: func(to io.Writer) error { return byExcelize(to, table, cells) }},
		{Name: "XLSX, columns of users alone", Floor: excelizeName, Mark: exportXLSXMark, format: "XLSX", columns: ownColumns, plain: func(to io.Writer) error { return byExcelize(to, ownTable, ownCells) }},
		{Name: "CSV, the usual columns", Floor: csvName, Mark: exportCSVMark, format: "CSV", columns: timedColumns, plain: func(to io.Writer) error { return b.byDatabase(ctx, to) }},
	}}
	for round := range b.rounds + 1 {
		for _, one := range rep.Timed {
			plain, err := onDisk(filepath.Join(folder, one.format), one.plain)
			if err != nil {
				return nil, err
			}
			began := time.Now()
			if _, err := b.export(ctx, one.format, one.columns); err != nil {
				return nil, err
			}
			took := time.Since(began).Seconds()
			if round == 0 { // the first finds the machine cold
				continue
			}
			one.ratios, one.own, one.others = append(one.ratios, took/plain), append(one.own, took), append(one.others, plain)
			fmt.Printf("exports, round %d, %s: Cohort %.2f s, floor %.2f s, ratio %.2f\n", round, one.Name, took, plain, took/plain)
		}
	}
	for _, one := range rep.Timed {
		one.Ratio, one.CohortSecs, one.FloorSec = load.QuartilesOf(one.ratios), load.QuartilesOf(one.own), load.QuartilesOf(one.others)
	}
	if rep.Was, err = machine.RSS(b.cohortServer.pid()); err != nil {
		return nil, err
	}
	for format, peak := range map[string]*int64{"XLSX": &rep.PeakXLSX, "CSV": &rep.PeakCSV} {
		if *peak, err = b.peakOf(ctx, format); err != nil {
			return nil, err
		}
	}
	return rep, nil
}

// peakOf is the server's resident memory at most while it writes 20 columns.
func (b *bench) peakOf(ctx context.Context, format string) (int64, error) {
	if err := machine.ForgetPeak(b.cohortServer.pid()); err != nil {
		return 0, err
	}
	if _, err := b.export(ctx, format, twentyColumns); err != nil {
		return 0, err
	}
	return machine.Peak(b.cohortServer.pid())
}

// export has the account's users exported and returns the path of the file.
func (b *bench) export(ctx context.Context, format, columns string) (string, error) {
	var made struct {
		ExportCreate struct {
			Job    *struct{ ID string }
			Errors []struct{ Message string }
		}
	}
	err := b.askCohort("mutation Export { exportCreate(input: {what: {users: {selection: {all: true}, columns: ["+columns+"]}}, format: "+format+", locale: EN}) { job { id } errors { message } } }", nil, &made)
	if err != nil || made.ExportCreate.Job == nil {
		return "", errors.Join(err, fmt.Errorf("no export: %v", made.ExportCreate.Errors))
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var found struct {
			Job struct{ Status, ResultURL string }
		}
		if err := b.askCohort("query Job($id: ID!) { job(id: $id) { status resultUrl } }", map[string]any{"id": made.ExportCreate.Job.ID}, &found); err != nil {
			return "", err
		}
		switch found.Job.Status {
		case "QUEUED", "RUNNING":
		case "SUCCEEDED":
			return found.Job.ResultURL, nil
		default:
			return "", fmt.Errorf("the export is %s", found.Job.Status)
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-tick.C:
		}
	}
}

// comparedExport is what both sides write as CSV, which must be the same rows.
func (b *bench) comparedExport(ctx context.Context) ([][]string, error) {
	path, err := b.export(ctx, "CSV", timedColumns)
	if err != nil {
		return nil, err
	}
	answer, err := http.Get("http://" + b.cohortServer.address + path) //nolint:noctx // of our own server
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	own, err := csv.NewReader(answer.Body).ReadAll()
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := b.byDatabase(ctx, &text); err != nil {
		return nil, err
	}
	other, err := csv.NewReader(&text).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(own) != len(other) || len(own) < 2 {
		return nil, fmt.Errorf("an export of %d rows, and %d of the floor", len(own), len(other))
	}
	for i := range own[1:] {
		if !slices.Equal(own[i+1], other[i+1]) {
			return nil, fmt.Errorf("row %d of the export is %q, of the floor %q", i+1, own[i+1], other[i+1])
		}
	}
	return own, nil
}

func onDisk(path string, write func(io.Writer) error) (float64, error) {
	to, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	err = errors.Join(write(to), to.Close())
	return time.Since(began).Seconds(), err
}

// asCells are the rows as a program has them in memory: moments as such.
func asCells(rows [][]string) (table export.Table, cells [][]any) {
	for i, heading := range rows[0] {
		column := export.Column{Heading: heading, Kind: export.Text, Width: 24}
		if i == len(rows[0])-1 {
			column.Kind = export.Date
		}
		table.Columns = append(table.Columns, column)
	}
	table.Name = "Users"
	for _, row := range rows[1:] {
		line := make([]any, len(row))
		for i, text := range row {
			line[i] = text
		}
		if at, err := time.Parse(time.DateTime, row[len(row)-1]); err == nil {
			line[len(row)-1] = at
		}
		cells = append(cells, line)
	}
	return table, cells
}

// without leaves out columns.
func without(table export.Table, cells [][]any, columns ...int) (export.Table, [][]any) {
	less := func(n int, keep func(i int)) {
		for i := range n {
			if !slices.Contains(columns, i) {
				keep(i)
			}
		}
	}
	left := export.Table{Name: table.Name}
	less(len(table.Columns), func(i int) { left.Columns = append(left.Columns, table.Columns[i]) })
	rows := make([][]any, len(cells))
	for at, row := range cells {
		less(len(row), func(i int) { rows[at] = append(rows[at], row[i]) })
	}
	return left, rows
}

// byDatabase is what one would write by hand: what hangs on users is read first, as a whole, and then the users by name.
func (b *bench) byDatabase(ctx context.Context, to io.Writer) error {
	account := b.world.account[:]
	products, err := b.namesOf(ctx, `SELECT e.user_id, p.name, p.name_sort FROM entitlements e JOIN products p ON p.account_id = e.account_id AND p.id = e.product_id
		WHERE e.account_id = ? AND e.state = 'ENABLED'`)
	if err != nil {
		return err
	}
	groups, err := b.namesOf(ctx, `SELECT DISTINCT m.user_id, g.name, g.name_sort FROM memberships m
		JOIN group_closure c ON c.account_id = m.account_id AND c.descendant_id = m.group_id
		JOIN user_groups g ON g.account_id = c.account_id AND g.id = c.ancestor_id WHERE m.account_id = ?`)
	if err != nil {
		return err
	}
	rows, err := b.world.db.QueryContext(ctx, "SELECT id, display_name, email, given_name, family_name, locale, role, status, created_at FROM users WHERE account_id = ? ORDER BY name_sort, id", account)
	if err != nil {
		return err
	}
	defer rows.Close()
	w := csv.NewWriter(to)
	w.UseCRLF = true
	if err := w.Write(strings.Split("Name,E-mail,First name,Last name,Language,Role,Status,Products,Groups,Created (UTC)", ",")); err != nil {
		return err
	}
	var id models.UserID
	var at []byte
	record := make([]string, 10)
	for rows.Next() {
		if err := rows.Scan(&id, &record[0], &record[1], &record[2], &record[3], &record[4], &record[5], &record[6], &at); err != nil {
			return err
		}
		record[4], record[5], record[6] = words[record[4]], words[record[5]], words[record[6]]
		record[7], record[8], record[9] = joined(products[id]), joined(groups[id]), string(at[:len(time.DateTime)])
		if err := w.Write(record); err != nil {
			return err
		}
	}
	w.Flush()
	return errors.Join(rows.Err(), w.Error())
}

// words are English for what the rows have.
var words = map[string]string{
	"EN": "English", "FR": "French", "IT": "Italian", "DE": "German", "ES": "Spanish", "PT": "Portuguese", "NL": "Dutch",
	"SUPER_ADMIN": "Super admin", "ADMIN": "Admin", "MEMBER": "Member", "INVITED": "Invited", "ACTIVE": "Active", "SUSPENDED": "Suspended",
}

// sortedName is a name with what it is sorted by.
type sortedName struct{ sort, name string }

func (b *bench) namesOf(ctx context.Context, query string) (map[models.UserID][]sortedName, error) {
	rows, err := b.world.db.QueryContext(ctx, query, b.world.account[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found, known := map[models.UserID][]sortedName{}, map[string]sortedName{}
	var id models.UserID
	var name, sort sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&id, &name, &sort); err != nil {
			return nil, err
		}
		one, seen := known[string(name)]
		if !seen {
			one = sortedName{string(sort), string(name)}
			known[one.name] = one
		}
		found[id] = append(found[id], one)
	}
	return found, rows.Err()
}

func joined(names []sortedName) string {
	slices.SortFunc(names, func(a, b sortedName) int { return cmp.Compare(a.sort, b.sort) })
	var text strings.Builder
	for i, one := range names {
		if i > 0 {
			text.WriteString("; ")
		}
		text.WriteString(one.name)
	}
	return text.String()
}

func (b *bench) dropExports(ctx context.Context) {
	for _, query := range []string{
		"DELETE FROM export_parts WHERE account_id = ?", "DELETE FROM export_files WHERE account_id = ?", "DELETE FROM jobs WHERE account_id = ? AND kind = 'exportCreate'",
	} {
		if _, err := b.world.db.ExecContext(ctx, query, b.world.account[:]); err != nil {
			fmt.Printf("remove the exports: %v\n", err)
		}
	}
}

func (r *exportsReport) print() {
	fmt.Printf("\n%d users exported, from the mutation to the end of the job\n", r.Rows)
	for _, one := range r.Timed {
		fmt.Printf("  %s: %.2f (%.2f–%.2f) of the duration of %s (%.2f s, %.2f s), mark %.2f: %s\n", one.Name, one.Ratio.Median, one.Ratio.Low, one.Ratio.High, one.Floor,
			one.CohortSecs.Median, one.FloorSec.Median, one.Mark, reached(one.Ratio.Median <= one.Mark))
	}
	fmt.Printf("  memory while 20 columns are written: XLSX %.0f MiB, CSV %.0f MiB (%.0f before), mark %d: %s\n",
		mebibytes(r.PeakXLSX), mebibytes(r.PeakCSV), mebibytes(r.Was), exportMemoryMark, reached(max(r.PeakXLSX, r.PeakCSV) < exportMemoryMark<<20))
}
