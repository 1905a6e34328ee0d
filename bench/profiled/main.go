// Profiled is Cohort with its profiles to be read over HTTP, for the benchmark alone.
package main

import (
	"context"
	"fmt"
	"net/http"
	_ "net/http/pprof"
	"os"
	"os/signal"
	"syscall"
	"time"

	"cohort/app"
)

func main() {
	if address := os.Getenv("BENCH_PPROF_LISTEN"); address != "" {
		server := &http.Server{Addr: address, ReadHeaderTimeout: 10 * time.Second} // what pprof's import has put on the default handler
		go func() { fmt.Fprintln(os.Stderr, "profiles:", server.ListenAndServe()) }()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(app.Run(ctx, app.Environment{Args: os.Args[1:], Getenv: os.Getenv, Stdout: os.Stdout, Stderr: os.Stderr}))
}
