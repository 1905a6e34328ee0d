package jobs_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

var (
	long  = flag.Bool("long", false, "run kills at length")
	lives = flag.String("live", "", "what TestKill starts this program again with")
)

// TestMain bounds the random histories of an ordinary run; -rapid.checks asks for more.
func TestMain(m *testing.M) {
	flag.Parse()
	if *lives != "" {
		if err := live(*lives); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		if err := flag.Set("rapid.checks", "15"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
