package app

import (
	"context"
	"flag"
	"os"
	"testing"
)

// reborn has this program be the server itself, for tests that kill it.
const reborn = "COHORT_TEST_SERVE"

var long = flag.Bool("long", false, "kill at length")

func TestMain(m *testing.M) {
	if os.Getenv(reborn) != "" {
		os.Exit(Run(context.Background(), Environment{Args: []string{"serve"}, Getenv: os.Getenv, Stdout: os.Stdout, Stderr: os.Stderr, Dir: "."}))
	}
	flag.Parse()
	os.Exit(m.Run())
}
