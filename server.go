// Cohort administers the people of an account: users, groups, and groups inside groups. See README.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"cohort/app"
)

//go:generate go tool gqlgen generate
//go:generate go run ./internal/hoist graph/generated/exec.go

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(app.Run(ctx, app.Environment{
		Args: os.Args[1:], Getenv: os.Getenv, Stdout: os.Stdout, Stderr: os.Stderr,
	}))
}
