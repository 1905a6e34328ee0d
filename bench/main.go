// Bench measures Cohort against hand-written handlers that answer the same from the same tables. README.md
// says what it measures and how to read it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"cohort/bench/floor"
)

// settings are what a run may choose.
type settings struct {
	database                   string
	root                       string // of Cohort's sources
	account                    string
	users, groups, memberships int // of an account that is not there yet
	rounds, connections        int
	slot, lead                 time.Duration
	only                       *regexp.Regexp
	sql, marks                 bool
	profile                    time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if len(os.Args) > 1 && os.Args[1] == floorCommand {
		err = serveFloor(ctx)
	} else if len(os.Args) > 1 && os.Args[1] == xlsxCommand {
		err = runXLSX(ctx, os.Args[2:])
	} else {
		err = command(ctx, os.Args[1:])
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	var s settings
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&s.database, "database", os.Getenv("COHORT_BENCH_DATABASE"), "`URL` of the database, mysql://user:password@host:port/database (COHORT_BENCH_DATABASE)")
	flags.StringVar(&s.root, "root", "..", "`folder` of Cohort's sources")
	flags.StringVar(&s.account, "account", "Bench", "`name` of the account; made by `cohort seed` where it is missing")
	flags.IntVar(&s.users, "users", 100_000, "users of an account that is made")
	flags.IntVar(&s.groups, "groups", 2_000, "groups of an account that is made")
	flags.IntVar(&s.memberships, "memberships", 300_000, "memberships of an account that is made")
	flags.IntVar(&s.rounds, "rounds", 7, "how often each server has its turn")
	flags.DurationVar(&s.slot, "slot", 3*time.Second, "how long a turn is")
	flags.DurationVar(&s.lead, "lead", 300*time.Millisecond, "what is not counted before a turn")
	flags.IntVar(&s.connections, "connections", 16, "connections that ask at once")
	flags.BoolVar(&s.sql, "sql", false, "measure the floor without its index in memory, too")
	flags.BoolVar(&s.marks, "marks", true, "fail when the run is void, and say which marks are reached")
	flags.DurationVar(&s.profile, "profile", 0, "instead of measuring, profile each cell of Cohort for so long")
	flags.Func("only", "measure the cells that `regexp` matches alone", func(text string) (err error) {
		s.only, err = regexp.Compile(text)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	return run(ctx, s)
}

// The floor is a process of its own: this program again, with this argument, and the rest in the environment,
// since all see the arguments of a process.
const (
	floorCommand  = "floor"
	floorListen   = "BENCH_FLOOR_LISTEN"
	floorDatabase = "BENCH_FLOOR_DATABASE"
	floorSecret   = "BENCH_FLOOR_SECRET" //nolint:gosec // the name of it
)

func serveFloor(ctx context.Context) error {
	database, err := floor.Database(os.Getenv(floorDatabase))
	if err != nil {
		return err
	}
	f, err := floor.New(ctx, database, []byte(os.Getenv(floorSecret)), slog.Default())
	if err != nil {
		return err
	}
	server := &http.Server{Addr: os.Getenv(floorListen), Handler: f.Handler(), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err = server.ListenAndServe(); errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, f.Close())
}
