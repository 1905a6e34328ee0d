// Package app is the program: it reads the configuration, builds the database, the directory and the HTTP
// handler once, for the server as for the commands, and runs what the command line asks for.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"cohort/graph"
	"cohort/models"
)

// Environment is what the program has of the world around it.
type Environment struct {
	Args   []string                 // without the program's name
	Getenv func(name string) string // "" for a variable that is not set; nil for none at all
	Stdout io.Writer                // what was asked for
	Stderr io.Writer                // the log, errors, hints and progress
	Dir    string                   // where data/ is; the working directory by default

	// inspect sees every statement on the database; for tests.
	inspect func(ctx context.Context, sql string) error

	patience
}

// patience is how long the server waits for slow clients; for tests, which have less. 0 is the default.
type patience struct {
	headerWithin  time.Duration // 10 s
	requestWithin time.Duration // with its body: 30 s
	pace          graph.Pace
}

// The exit codes.
const (
	success = 0
	failure = 1
	misuse  = 2 // a command line or a variable that means nothing
)

// Run does what the command line asks for and returns the program's exit code: 0, 1 when it failed, and 2
// for a command line that means nothing. It says on Stderr what was wrong. The end of ctx stops it: a server
// finishes the requests in flight first.
func Run(ctx context.Context, e Environment) int {
	if e.Getenv == nil {
		e.Getenv = func(string) string { return "" }
	}
	log := &lines{to: e.Stderr}
	defer log.flush()
	command, done, err := parse(e, log)
	if err != nil {
		fmt.Fprintf(e.Stderr, "cohort: %v\nRun \"cohort --help\" for what there is.\n", err)
		return misuse
	}
	if done {
		return success
	}
	if err = command(ctx); err == nil {
		return success
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = errors.New("stopped before it was done")
	}
	log.flush() // what led to it comes first
	report(e.Stderr, err)
	return failure
}

// report prints what went wrong, a line for each mistake of a user.
func report(w io.Writer, err error) {
	if mistakes, rest := models.UserErrors(err); rest == nil {
		for _, m := range mistakes {
			fmt.Fprintf(w, "cohort: %v\n", m)
		}
		return
	}
	fmt.Fprintf(w, "cohort: %v\n", err)
}
