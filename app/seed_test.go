package app

import (
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"cohort/models"
)

// rows reads one of an organisation's files, without its header.
func rows(t rapid.TB, o *organisation, name string) [][]string {
	t.Helper()
	f, err := o.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return all[1:]
}

// The benchmark's figures can be compared only as long as its data stay the same: a change here is one of those.
func TestSeedMakesTheSameRows(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"users.csv":       "48d0be0a",
		"groups.csv":      "71a47b76",
		"memberships.csv": "e846f6bb",
	}
	got := map[string]string{}
	for name := range want {
		text, err := fs.ReadFile(newOrganisation(3000, 200, 9000, 1), name)
		if err != nil {
			t.Fatal(err)
		}
		got[name] = fmt.Sprintf("%x", sha256.Sum256(text))[:8]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("hashes (-want +got):\n%s", diff)
	}
	if slices.Equal(newOrganisation(50, 20, 80, 1).names, newOrganisation(50, 20, 80, 2).names) {
		t.Error("another number makes the same groups")
	}
}

func TestSeedIsAFolder(t *testing.T) {
	t.Parallel()
	o := newOrganisation(10, 5, 20, 1)
	if _, err := o.Open("other.csv"); err == nil {
		t.Error("a file that there is not opens")
	}
	text, err := fs.ReadFile(o, "users.csv")
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1, 7, 4096} {
		f, err := o.Open("users.csv")
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		for piece := make([]byte, size); ; {
			n, err := f.Read(piece)
			got = append(got, piece[:n]...)
			if err != nil {
				break
			}
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(string(text), string(got)); diff != "" {
			t.Errorf("in pieces of %d (-want +got):\n%s", size, diff)
		}
	}
}

func TestSeedHasTheShapeOfAnOrganisation(t *testing.T) {
	t.Parallel()
	o := newOrganisation(20_000, 2000, 60_000, 1)
	parents := map[string][]string{}
	for _, row := range rows(t, o, "groups.csv") {
		parents[row[0]] = append(parents[row[0]], row[2])
	}
	depth, above := map[string]int{}, map[string]map[string]bool{}
	several, diamonds, below := 0, 0, map[string]int{}
	for _, name := range o.names { // parents come first
		depth[name], above[name] = 1, map[string]bool{}
		ways := 0
		for _, parent := range parents[name] {
			if parent == "" {
				continue
			}
			depth[name] = max(depth[name], depth[parent]+1)
			ways += 1 + len(above[parent])
			above[name][parent] = true
			for a := range above[parent] {
				above[name][a] = true
			}
		}
		if len(parents[name]) > 1 {
			several++
		}
		if ways > len(above[name]) {
			diamonds++
		}
		for a := range above[name] {
			below[a]++
		}
	}
	deepest, tops := 0, 0
	for _, name := range o.names {
		deepest = max(deepest, depth[name])
		if parents[name][0] == "" && below[name] > 1500 {
			tops++
		}
	}
	if deepest != 8 || several < 500 || diamonds < 500 || tops != 4 {
		t.Errorf("%d deep, %d groups in several, %d more than once in another, %d tops over nearly all; want 8, over 500, over 500, 4", deepest, several, diamonds, tops)
	}

	members := map[string]int{}
	for _, row := range rows(t, o, "memberships.csv") {
		members[row[0]]++
	}
	sizes := slices.Sorted(func(yield func(int) bool) {
		for _, name := range o.names {
			if !yield(members[name]) {
				return
			}
		}
	})
	if median, most := sizes[1000], sizes[1999]; median > 10 || most < 3000 {
		t.Errorf("the median group has %d direct members and the largest %d; want few with many", median, most)
	}

	roles, locales := map[string]int{}, map[string]int{}
	for _, row := range rows(t, o, "users.csv") {
		roles[row[3]]++
		locales[row[4]]++
	}
	if diff := cmp.Diff(map[string]int{"super_admin": 1, "admin": 20, "member": 19_979}, roles); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
	for _, locale := range models.AllLocale {
		if n := locales[strings.ToLower(string(locale))]; n < 2000 {
			t.Errorf("%d users with the language %s", n, locale)
		}
	}
}

func TestPropertySeedRowsAreGood(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		users, groups := rapid.IntRange(1, 300).Draw(t, "users"), rapid.IntRange(1, 120).Draw(t, "groups")
		memberships := rapid.IntRange(0, min(2000, users*groups)).Draw(t, "memberships")
		o := newOrganisation(users, groups, memberships, rapid.Uint64().Draw(t, "seed"))

		known := map[string]bool{}
		for _, row := range rows(t, o, "users.csv") {
			email, err := models.Email(row[0])
			if err != nil || email != row[0] || known[models.Key(email)] {
				t.Fatalf("address %q: %v", row[0], err)
			}
			known[models.Key(email)] = true
		}
		names, pairs := map[string]bool{}, map[string]bool{}
		edges := map[string]bool{}
		for _, row := range rows(t, o, "groups.csv") {
			if row[2] != "" && !names[row[2]] || edges[row[0]+"\x00"+row[2]] {
				t.Fatalf("%q lies in %q, which is not there yet, or twice in it", row[0], row[2])
			}
			names[row[0]], edges[row[0]+"\x00"+row[2]] = true, true
		}
		for _, row := range rows(t, o, "memberships.csv") {
			if pair := row[0] + "\x00" + row[1]; !names[row[0]] || !known[row[1]] || pairs[pair] {
				t.Fatalf("membership %q is of unknown ones, or there twice", row)
			} else {
				pairs[pair] = true
			}
		}
		if len(known) != users || len(names) != groups || len(pairs) != memberships {
			t.Fatalf("%d users, %d groups, %d memberships", len(known), len(names), len(pairs))
		}
	})
}

func TestSeed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	size := []string{"seed", "--users", "60", "--groups", "12", "--memberships", "150"}
	if said := w.must(size...); !strings.Contains(said, `"Seed"`) || !strings.Contains(said, "60 users, 12 groups and 150 memberships") {
		t.Errorf("seed says %s", said)
	}
	token := strings.TrimSpace(w.must("token", "--user", "alice.macdonald.1@example.org"))
	s := w.start("serve")
	got := s.ask(token, `{ users(first: 1) { totalCount } groups(first: 1) { totalCount } viewer { role } }`)
	want := map[string]any{
		"users": map[string]any{"totalCount": 60.0}, "groups": map[string]any{"totalCount": 12.0},
		"viewer": map[string]any{"role": "SUPER_ADMIN"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what there is (-want +got):\n%s", diff)
	}

	w.must(size...) // doing it twice is doing it once
	if diff := cmp.Diff(want, s.ask(token, `{ users(first: 1) { totalCount } groups(first: 1) { totalCount } viewer { role } }`)); diff != "" {
		t.Errorf("what there is after the second run (-want +got):\n%s", diff)
	}
	w.must("account", "create", "Real", "--admin", "ann@real.example")
	w.fails(failure, []string{`"Real" already`, "--account"}, append(size, "--account", "Real")...)
}

func TestSeedRefusesSizes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tests := map[string]struct {
		args []string
		says string
	}{
		"nobody":                    {[]string{"--users", "0"}, "--users must lie between"},
		"no group":                  {[]string{"--groups", "0"}, "--groups must lie between"},
		"fewer than none":           {[]string{"--memberships=-1"}, "--memberships must lie between"},
		"more than there are pairs": {[]string{"--users", "3", "--groups", "4", "--memberships", "13"}, "at most 12"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w.fails(misuse, []string{tt.says}, append([]string{"seed"}, tt.args...)...)
		})
	}
}
