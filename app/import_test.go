package app

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cohort/directory"
)

// The numbers of the reports, without what differs from run to run.
func counted(report string) (lines []string) {
	for line := range strings.Lines(report) {
		if strings.Contains(line, ".csv ") {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
	}
	return lines
}

// folder makes one with the three files.
func folder(t *testing.T, users, groups, memberships string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"users.csv":       "email,given_name,family_name,role,locale\n" + users,
		"groups.csv":      "name,description,parent\n" + groups,
		"memberships.csv": "group,email\n" + memberships,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const (
	goodUsers       = "ann@x.example,Ann,Lee,member,en\nbob@x.example,Bob,Poe,admin,fr\n"
	goodGroups      = "Staff,Everybody,\nCooks,The kitchen,Staff\n"
	goodMemberships = "Cooks,ann@x.example\nStaff,bob@x.example\n"
)

func TestImport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := folder(t, goodUsers, goodGroups, goodMemberships)
	w.fails(failure, []string{"no account yet", "--account"}, "import", good)

	first := w.must("import", good, "--account", "Acmé & Sons")
	for _, part := range []string{`Made the account "Acmé & Sons"`, "super-admin@acme-sons.invalid", `Imported into the account "Acmé & Sons" in `} {
		if !strings.Contains(first, part) {
			t.Errorf("the first run says\n%swant %q in it", first, part)
		}
	}
	if diff := cmp.Diff([]string{"users.csv 2 0 0 0", "groups.csv 2 0 0 0", "memberships.csv 2 0 0 0"}, counted(first)); diff != "" {
		t.Errorf("the first run (-want +got):\n%s", diff)
	}
	if strings.Contains(first, "Nothing changed") {
		t.Errorf("the first run says\n%s", first)
	}

	again := w.must("import", good) // the only account
	if diff := cmp.Diff([]string{"users.csv 0 0 2 0", "groups.csv 0 0 2 0", "memberships.csv 0 0 2 0"}, counted(again)); diff != "" {
		t.Errorf("the second run (-want +got):\n%s", diff)
	}
	if !strings.HasSuffix(again, "\nNothing changed.\n") || strings.Contains(again, "Made") {
		t.Errorf("the second run says\n%s", again)
	}

	changed := folder(t, strings.Replace(goodUsers, "Ann", "Anna", 1), "", "")
	third := w.must("import", changed, "--account", "ACMÉ & sons")
	if diff := cmp.Diff([]string{"users.csv 0 1 1 0", "groups.csv 0 0 0 0", "memberships.csv 0 0 0 0"}, counted(third)); diff != "" || strings.Contains(third, "Nothing changed") {
		t.Errorf("a changed row (-want +got):\n%s%s", diff, third)
	}
	w.must("account", "create", "Bee", "--admin", "bo@bee.example")
	w.fails(failure, []string{"several accounts", "--account"}, "import", good)
	w.fails(failure, []string{"there is no folder", "nowhere"}, "import", "nowhere")
	w.fails(misuse, []string{"<dir>"}, "import")
}

func TestImportRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must("account", "create", "Acme", "--admin", "ada@acme.example")
	bad := folder(t, goodUsers, goodGroups, goodMemberships+"Waiters,ann@x.example\n")
	for _, account := range []string{"Acme", "other"} {
		for _, flags := range [][]string{{}, {"--dry-run"}} {
			o := w.run(append([]string{"import", bad, "--account", account}, flags...)...)
			if o.code != failure || o.stdout != "" || !strings.Contains(o.stderr, "memberships.csv:4:1: ") || !strings.Contains(o.stderr, `"Waiters"`) ||
				!strings.HasSuffix(o.stderr, "\ncohort: 1 mistake: nothing is imported\n") {
				t.Errorf("into %s with %v: %+v", account, flags, o)
			}
		}
	}
	if list := w.must("account", "list"); strings.Contains(list, "other") {
		t.Errorf("a refused import leaves its account:\n%s", list)
	}
	token := strings.TrimSpace(w.must("token", "--user", "ada@acme.example"))
	s := w.start()
	if got := s.counts(token); got != "1 users, 0 groups" {
		t.Errorf("a refused import leaves %s", got)
	}

	// The good rows alone, and what is left out goes where it can be mended.
	left := filepath.Join(t.TempDir(), "left")
	o := w.run("import", bad, "--account", "Acme", "--refused", left)
	if o.code != failure || !strings.Contains(o.stderr, "memberships.csv:4:1: ") || !strings.Contains(o.stderr, left) {
		t.Errorf("with --refused: %+v", o)
	}
	if diff := cmp.Diff([]string{"users.csv 2 0 0 0", "groups.csv 2 0 0 0", "memberships.csv 2 0 0 1"}, counted(o.stdout)); diff != "" {
		t.Errorf("with --refused (-want +got):\n%s", diff)
	}
	if got := s.counts(token); got != "3 users, 2 groups" {
		t.Errorf("with --refused there are %s", got)
	}
	text, err := os.ReadFile(filepath.Join(left, "memberships.csv"))
	if err != nil || !strings.HasPrefix(string(text), "group,email,reason\nWaiters,ann@x.example,") {
		t.Errorf("the rows left out: %s, %v", text, err)
	}
	if info, err := os.Stat(filepath.Join(left, "memberships.csv")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of the rows left out: %v, %v", info, err)
	}
	w.fails(failure, []string{"--refused", "already"}, "import", bad, "--account", "Acme", "--refused", left)
	w.fails(failure, []string{"--refused", "already"}, "import", bad, "--account", "Acme", "--refused", bad)
}

// Without another name the folder for what is left out is `refused`, where the command is run.
func TestImportKeepGood(t *testing.T) {
	w := newWorld(t)
	bad := folder(t, goodUsers, goodGroups, goodMemberships+"Waiters,ann@x.example\n")
	t.Chdir(t.TempDir())
	o := w.run("import", bad, "--account", "Acme", "--keep-good")
	if o.code != failure || !strings.HasSuffix(o.stderr, "\ncohort: 1 mistake: rows are left out, which are in refused now\n") {
		t.Errorf("%+v", o)
	}
	if text, err := os.ReadFile("refused/memberships.csv"); err != nil || !strings.Contains(string(text), "Waiters,ann@x.example,") {
		t.Errorf("the rows left out: %s, %v", text, err)
	}
}

func TestImportDryRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out := w.must("import", folder(t, goodUsers, goodGroups, goodMemberships), "--account", "Acme", "--dry-run")
	if diff := cmp.Diff([]string{"users.csv 2 0 0 0", "groups.csv 2 0 0 0", "memberships.csv 2 0 0 0"}, counted(out)); diff != "" {
		t.Errorf("a dry run (-want +got):\n%s", diff)
	}
	if !strings.HasSuffix(out, "\nThis is what would happen. Nothing was written.\n") || strings.Contains(out, "Made") {
		t.Errorf("a dry run says\n%s", out)
	}
	if list := w.must("account", "list"); list != "" {
		t.Errorf("a dry run leaves an account:\n%s", list)
	}
}

func TestFirstSuperAdminOfImport(t *testing.T) {
	tests := map[string]struct{ users, flag, want string }{
		"given":        {users: "sue@x.example,Sue,Ray,super_admin,de\n", flag: "boss@acme.example", want: "boss@acme.example"},
		"in users.csv": {users: "sue@x.example,Sue,Ray,super_admin,de\n", want: "sue@x.example"},
		"nobody":       {want: "super-admin@acme.invalid"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			args := []string{"import", folder(t, goodUsers+tt.users, goodGroups, goodMemberships), "--account", "Acme"}
			if tt.flag != "" {
				args = append(args, "--admin", tt.flag)
			}
			if out := w.must(args...); !strings.Contains(out, "with the super admin "+tt.want+" (user_") {
				t.Errorf("it says\n%s", out)
			}
			w.must("token", "--user", tt.want)
		})
	}
	newWorld(t).fails(failure, []string{"--admin:", "e-mail"}, "import", folder(t, goodUsers, "", ""), "--account", "Acme", "--admin", "nobody")
}

func TestSlug(t *testing.T) {
	for name, want := range map[string]string{
		"k8s": "k8s", "Acmé & Sons": "acme-sons", "日本": "account", "--": "account", strings.Repeat("ab ", 30): strings.Repeat("ab-", 13) + "a",
	} {
		if got := slug(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 6281: "6,281", 1234567: "1,234,567", -123456: "-123,456"} {
		if got := thousands(n); got != want {
			t.Errorf("%d is written %s, want %s", n, got, want)
		}
	}
}

func TestProgressIsSeldom(t *testing.T) {
	var said bytes.Buffer
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	lines := &progressLines{to: &said, now: func() time.Time { return now }, last: now}
	for i := range 30 {
		now = now.Add(100 * time.Millisecond)
		step, total := directory.ImportReads, 0
		if i >= 15 {
			step, total = directory.ImportWrites, 30_000
		}
		lines.hear(directory.ImportProgress{Step: step, File: "users.csv", Done: i * 1000, Total: total})
	}
	want := "users.csv: 9,000 read\nusers.csv: 19,000 of 30,000 written\nusers.csv: 29,000 of 30,000 written\n"
	if diff := cmp.Diff(want, said.String()); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
}
