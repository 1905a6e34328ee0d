package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"

	"cohort/bench/load"
)

// pprofListen tells the profiled build of Cohort where to answer with its profiles.
const pprofListen = "BENCH_PPROF_LISTEN"

// profileAll keeps Cohort busy with each cell in turn, and keeps a profile of its CPU time and of what it
// allocates, under results/. The account stays as it is but for the log and the feed, to which writes add.
func (b *bench) profileAll(ctx context.Context) error {
	r := rand.New(rand.NewPCG(1, 2))
	cohort := side{cohortName, b.cohortServer, ""}
	before, err := b.world.state(ctx)
	if err != nil {
		return err
	}
	if err := b.holding(ctx, func() error { return b.profileCells(ctx, cohort, r) }); err != nil {
		return err
	}
	b.stopAll()
	return b.world.restore(context.WithoutCancel(ctx), before)
}

func (b *bench) profileCells(ctx context.Context, cohort side, r *rand.Rand) error {
	for _, c := range b.chosen() {
		asks := map[string][]*load.Ask{}
		if !c.writes {
			var err error
			if asks, err = b.compare(ctx, c, []side{cohort}, r); err != nil {
				return err
			}
		}
		rep := newReport(b)
		b.slot = b.profile
		got := make(chan error, 1)
		go func() { got <- b.fetchProfile(ctx, c.name) }()
		err := b.turn(ctx, c, cohort, asks[cohortName], r, rep)
		if errProfile := <-got; errProfile != nil {
			return errProfile
		}
		if err != nil {
			return err
		}
		f := rep.cells[0].sides[cohortName].figures()
		fmt.Printf("\n=== %s: %.0f requests a second, CPU µs a request: server %.0f, database %.0f, client %.0f; %d errors %s\n", c.title,
			f.RequestsPerSecond.Median, f.ServerMicrosPerRequest, f.DatabaseMicrosPerRequest, f.ClientMicrosPerRequest, f.Errors, f.FirstError)
		if err := top(ctx, b.program, profileFile(c.name)); err != nil {
			return err
		}
	}
	return nil
}

func profileFile(cell string) string { return filepath.Join(results, "cpu-"+cell+".pprof") }

func (b *bench) fetchProfile(ctx context.Context, cell string) error {
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%.0f", b.pprof, max(1, (b.profile-b.lead).Seconds()))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(profileFile(cell), raw, 0o644)
}

func top(ctx context.Context, program, profile string) error {
	command := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-cum", "-nodecount=60", program, profile)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	return command.Run()
}
