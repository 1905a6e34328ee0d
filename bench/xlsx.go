package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"cohort/bench/load"
	"cohort/export"

	"github.com/xuri/excelize/v2"
)

// xlsxCommand measures the writer of workbooks alone. It needs no database: the rows are in memory.
const xlsxCommand = "xlsx"

// xlsxMark is how much longer than excelize by itself the writer may take.
const xlsxMark = 1.3

// runXLSX has both sides write the same rows in turn, round by round, and says how much longer Cohort's writer takes.
func runXLSX(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet(xlsxCommand, flag.ContinueOnError)
	rounds := flags.Int("rounds", 7, "how often each side has its turn")
	users := flags.Int("users", 100_000, "rows")
	columns := flags.Int("columns", 20, "columns")
	if err := flags.Parse(args); err != nil {
		return err
	}
	table, rows := rowsInMemory(*users, *columns)
	folder, err := os.MkdirTemp("", "bench-xlsx-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	timed := func(name string, write func(io.Writer, export.Table, [][]any) error) (float64, error) {
		to, err := os.Create(filepath.Join(folder, name))
		if err != nil {
			return 0, err
		}
		began := time.Now()
		err = errors.Join(write(to, table, rows), to.Close())
		return time.Since(began).Seconds(), err
	}
	var ratios []float64
	for i := 0; i <= *rounds && ctx.Err() == nil; i++ {
		plain, err := timed("excelize.xlsx", byExcelize)
		if err != nil {
			return err
		}
		own, err := timed("cohort.xlsx", byBook)
		if err != nil {
			return err
		}
		if i == 0 {
			continue // the first finds the machine cold
		}
		ratios = append(ratios, own/plain)
		fmt.Printf("round %d: Cohort %.2f s, excelize %.2f s, ratio %.2f\n", i, own, plain, own/plain)
	}
	q := load.QuartilesOf(ratios)
	fmt.Printf("%d rows x %d columns: ratio %.2f (%.2f–%.2f), mark %.1f\n", *users, *columns, q.Median, q.Low, q.High, xlsxMark)
	return ctx.Err()
}

// rowsInMemory are as those of users: names, addresses, counts, moments, truths.
func rowsInMemory(users, columns int) (table export.Table, rows [][]any) {
	table.Name = "Users"
	kinds := []export.Kind{export.Text, export.Text, export.Number, export.Date, export.Truth}
	for i := range columns {
		table.Columns = append(table.Columns, export.Column{Heading: fmt.Sprintf("Column %d", i+1), Kind: kinds[i%len(kinds)], Width: 20})
	}
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range users {
		row := make([]any, columns)
		for j := range row {
			switch table.Columns[j].Kind {
			case export.Text:
				row[j] = fmt.Sprintf("somebody-%d-%d@acme.example", i, j)
			case export.Number:
				row[j] = i * j
			case export.Date:
				row[j] = begin.Add(time.Duration(i*j) * time.Second)
			case export.Truth:
				row[j] = i%2 == 0
			}
		}
		rows = append(rows, row)
	}
	return table, rows
}

// byExcelize writes as excelize's documentation shows it, with a style for the columns of dates, without which it makes one for each cell.
func byExcelize(to io.Writer, table export.Table, rows [][]any) (err error) {
	f := excelize.NewFile()
	defer func() { err = errors.Join(err, f.Close()) }()
	stream, err := f.NewStreamWriter("Sheet1")
	if err != nil {
		return err
	}
	date, err := f.NewStyle(&excelize.Style{NumFmt: 22})
	if err != nil {
		return err
	}
	heading := make([]any, len(table.Columns))
	for i, c := range table.Columns {
		heading[i] = c.Heading
		if c.Kind == export.Date {
			if err := stream.SetColStyle(i+1, i+1, date); err != nil {
				return err
			}
		}
	}
	if err := stream.SetRow("A1", heading); err != nil {
		return err
	}
	for i, row := range rows {
		at, err := excelize.CoordinatesToCellName(1, i+2)
		if err != nil {
			return err
		}
		if err := stream.SetRow(at, row); err != nil {
			return err
		}
	}
	if err := stream.Flush(); err != nil {
		return err
	}
	return f.Write(to)
}

func byBook(to io.Writer, table export.Table, rows [][]any) error {
	b := export.NewXLSX(to, export.Options{Title: "Users"})
	defer b.Discard()
	if err := b.Table(table); err != nil {
		return err
	}
	for _, row := range rows {
		if err := b.Row(row); err != nil {
			return err
		}
	}
	return b.Close()
}
