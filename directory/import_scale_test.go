package directory_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

var (
	importUsers = flag.Int("import.users", 2000, "users of the generated import; three times as many memberships, a fiftieth of groups")
	importInto  = flag.String("import.database", "", "where the generated import goes: a database of its own, which is kept. By default the tests'")
)

// TestImportScale imports a generated organisation, and again, and prints how long it took, how long the lock
// was held and how much memory it needed. It asserts the counts, and that memory does not grow with the files.
func TestImportScale(t *testing.T) {
	users, groups, memberships := *importUsers, max(*importUsers/50, 10), *importUsers*3
	dir := t.TempDir()
	generate(t, dir, users, groups, memberships)
	s := storetest.Open(t)
	if *importInto != "" {
		var err error
		if s, err = store.Open(t.Context(), store.Options{URL: *importInto}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	d, err := directory.New(s, directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	measure := func(what string, do func(directory.Import) *directory.ImportReport) *directory.ImportReport {
		memory := watchMemory()
		step, since := directory.ImportStep(""), time.Now()
		note := func(p directory.ImportProgress) {
			if now := p.Step + " " + directory.ImportStep(p.File); now != step {
				if step != "" {
					t.Logf("    %-24s %6.2f s", step, time.Since(since).Seconds())
				}
				step, since = now, time.Now()
			}
		}
		start := time.Now()
		report := do(directory.Import{Dir: os.DirFS(dir), Progress: note})
		note(directory.ImportProgress{})
		t.Logf("%s: %.1f s, lock held for %v at most, %d MB over idle at most", what, time.Since(start).Seconds(),
			report.LongestLock.Round(time.Millisecond), memory()>>20)
		return report
	}
	var account *models.Account
	name := models.NewID[models.AccountID]().String()
	first := measure("first import", func(in directory.Import) (report *directory.ImportReport) {
		account, _, report, err = d.ImportNew(t.Context(), directory.NewAccount{Name: name}, in)
		if err != nil {
			t.Fatal(err)
		}
		return report
	})
	want := directory.ImportReport{
		Accepted: true,
		Users:    directory.ImportCounts{Created: users}, Groups: directory.ImportCounts{Created: groups},
		Memberships: directory.ImportCounts{Created: memberships},
	}
	sameReport(t, &want, first)
	second := measure("the same again", func(in directory.Import) *directory.ImportReport {
		report, err := d.Import(t.Context(), auth.OperatorOf(account.ID), in)
		if err != nil {
			t.Fatal(err)
		}
		return report
	})
	sameReport(t, &directory.ImportReport{
		Accepted: true,
		Users:    directory.ImportCounts{Unchanged: users}, Groups: directory.ImportCounts{Unchanged: groups},
		Memberships: directory.ImportCounts{Unchanged: memberships},
	}, second)
}

// watchMemory samples what is in use until it is asked for the peak over the start.
func watchMemory() func() uint64 {
	inUse := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.Sys - m.HeapReleased
	}
	runtime.GC()
	idle := inUse()
	var peak atomic.Uint64
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			peak.Store(max(peak.Load(), inUse()))
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() uint64 {
		stop()
		<-done
		return peak.Load() - idle
	}
}

// generate writes an organisation whose groups nest eight deep, every tenth of them in two others.
func generate(t *testing.T, dir string, users, groups, memberships int) {
	t.Helper()
	file := func(name, header string, rows func(io.Writer)) {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		out := bufio.NewWriter(f)
		fmt.Fprintln(out, header)
		rows(out)
		if err := out.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	email := func(i int) string { return fmt.Sprintf("person.%06d@organisation.example", i) }
	file("users.csv", "email,given_name,family_name,role,locale", func(out io.Writer) {
		given := []string{"Ada", "Béla", "Chidi", "Zoë", "Søren", "Jürgen", "Inès", "Mário"}
		family := []string{"Abe", "Müller", "García", "Dubois", "de Vries", "Østergård", "Łukasiewicz"}
		locales := models.AllLocale
		for i := range users {
			role := "member"
			if i == 0 {
				role = "super_admin"
			}
			fmt.Fprintf(out, "%s,%s,%s-%d,%s,%s\n", email(i), given[i%len(given)], family[i%len(family)], i%997, role, locales[i%len(locales)])
		}
	})
	// Group i lies in group i/4 or so: a tree with the fan-out of four, some levels deep, and a second parent.
	level := func(i int) (n int) {
		for ; i > 0; i = (i - 1) / 2 {
			n++
		}
		return min(n, 7)
	}
	parent := func(i int) int {
		if level(i) < 7 {
			return (i - 1) / 2
		}
		return 31 + i%32
	}
	file("groups.csv", "name,description,parent", func(out io.Writer) {
		name := func(i int) string { return fmt.Sprintf("Team %05d", i) }
		for i := range groups {
			if i == 0 {
				fmt.Fprintf(out, "%s,All of it,\n", name(0))
				continue
			}
			fmt.Fprintf(out, "%s,\"Does things, number %d\",%s\n", name(i), i, name(parent(i)))
			if i%10 == 0 && level(i) > 2 {
				fmt.Fprintf(out, "%s,\"Does things, number %d\",%s\n", name(i), i, name(1+i%2))
			}
		}
	})
	file("memberships.csv", "group,email", func(out io.Writer) {
		for i := range memberships {
			user := i % users
			fmt.Fprintf(out, "team %05d,%s\n", (user*7+i/users*613)%groups, email(user))
		}
	})
}
