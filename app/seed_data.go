package app

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"cohort/models"
)

// seedDepth is how many groups the longest chain has, where there are so many.
const seedDepth = 8

// organisation is an invented one. The same sizes and number make the same rows, byte by byte. It is a folder
// as the import reads one: users.csv, groups.csv and memberships.csv, each row made up while it is read, so
// that the groups alone are held in memory.
//
// The groups lie in 8 levels: a few at the top, each of which holds nearly everybody by what lies in it, and
// most in the lower half. A third lie in several groups, some in a group and its parent both; a few of the
// lower ones stand at the top of a tree of their own. A few have many direct members, most have few.
type organisation struct {
	users, groups, memberships int
	seed                       uint64

	begins       []int // of each level, its first group
	names        []string
	descriptions []string
	parents      [][]int // of each group; they have smaller numbers
	direct       []int   // how many direct members each group has
}

// newOrganisation makes one up: of at least one user and one group, and at most as many memberships as there
// are pairs of them.
func newOrganisation(users, groups, memberships int, seed uint64) *organisation {
	o := &organisation{users: users, groups: groups, memberships: memberships, seed: seed}
	o.nest()
	o.share()
	return o
}

// random is a source of its own for each purpose, so that more users don't make other groups.
func (o *organisation) random(purpose, which int) *rand.Rand {
	return rand.New(rand.NewPCG(o.seed, uint64(purpose)<<32|uint64(which))) //nolint:gosec // it must be the same every time
}

const (
	forGroups = iota
	forSizes
	forUser
	forMembers
)

// nest lays the groups in levels, each group into some of the levels above.
func (o *organisation) nest() {
	r := o.random(forGroups, 0)
	shares := [seedDepth]float64{0.002, 0.01, 0.06, 0.14, 0.22, 0.26, 0.2, 0.108}
	for level, n := 0, 0; level < seedDepth && n < o.groups; level++ {
		o.begins = append(o.begins, n)
		n += max(1, int(shares[level]*float64(o.groups)))
	}
	level := 0
	for g := range o.groups {
		if level+1 < len(o.begins) && g == o.begins[level+1] {
			level++
		}
		locale := pickOne(r, models.AllLocale)
		team, place := pickOne(r, madeTeams[locale]), pickOne(r, madePlaces[locale])
		o.names = append(o.names, fmt.Sprintf("%s %s %d", team, place, g+1))
		o.descriptions = append(o.descriptions, fmt.Sprintf(madeDescription[locale], team, place))
		o.parents = append(o.parents, o.parentsAt(r, level, g))
	}
}

func (o *organisation) parentsAt(r *rand.Rand, level, g int) []int {
	if level == 0 {
		return nil
	}
	var parents []int
	add := func(from, until int) { // one of these
		if p := from + r.IntN(until-from); !slices.Contains(parents, p) {
			parents = append(parents, p)
		}
	}
	first := g == o.begins[level]
	switch {
	case first: // those make a chain through all levels
		parents = []int{o.begins[level-1]}
	case level > 2 && r.Float64() < 0.05:
		return nil
	default:
		add(o.begins[level-1], o.begins[level])
	}
	if level == 1 { // in most of those at the top
		for top := range o.begins[1] {
			if r.Float64() < 0.75 {
				add(top, top+1)
			}
		}
		return parents
	}
	for luck := r.Float64(); luck < 0.35; luck *= 3 {
		add(o.begins[1], o.begins[level])
	}
	if above := o.parents[parents[0]]; len(above) > 0 && r.Float64() < 0.05 {
		add(above[0], above[0]+1)
	}
	return parents
}

// share says how many of the direct memberships each group has.
func (o *organisation) share() {
	// The ranks are dealt at random, but those of the two upper levels have few members of their own.
	upper := 1
	if len(o.begins) > 2 {
		upper = o.begins[2]
	}
	ranks := make([]int, 0, o.groups)
	for _, i := range o.random(forSizes, 0).Perm(o.groups - upper) {
		ranks = append(ranks, upper+i)
	}
	for g := range upper {
		ranks = append(ranks, g)
	}
	weight := func(rank int) float64 { return math.Pow(float64(rank+3), -1.15) }
	sum := 0.0
	for rank := range ranks {
		sum += weight(rank)
	}
	o.direct = make([]int, o.groups)
	left := o.memberships
	for rank, g := range ranks {
		o.direct[g] = min(o.users, left, int(math.Round(weight(rank)/sum*float64(o.memberships))))
		left -= o.direct[g]
	}
	for i := 0; left > 0; i = (i + 1) % len(ranks) { // what rounding and the number of users left over
		if g := ranks[i]; o.direct[g] < o.users {
			o.direct[g]++
			left--
		}
	}
}

// Open is that of fs.FS.
func (o *organisation) Open(name string) (fs.File, error) {
	files := map[string]iter.Seq[[]string]{"users.csv": o.userRows, "groups.csv": o.groupRows, "memberships.csv": o.membershipRows}
	if files[name] == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	f := &madeFile{name: name}
	f.next, f.stop = iter.Pull(files[name])
	f.rows = csv.NewWriter(&f.ready)
	return f, nil
}

func (o *organisation) userRows(yield func([]string) bool) {
	if !yield([]string{"email", "given_name", "family_name", "role", "locale"}) {
		return
	}
	for i := range o.users {
		u := o.user(i)
		if !yield([]string{u.Email, u.GivenName, u.FamilyName, strings.ToLower(string(u.Role)), strings.ToLower(string(u.Locale))}) {
			return
		}
	}
}

// user is one by its number. The first is the super admin, and one in a thousand is an admin.
func (o *organisation) user(i int) models.UserCreateInput {
	r := o.random(forUser, i)
	u := models.UserCreateInput{Locale: pickOne(r, models.AllLocale), Role: models.RoleMember}
	switch {
	case i == 0:
		u.Role = models.RoleSuperAdmin
	case i%1000 == 1:
		u.Role = models.RoleAdmin
	}
	given, family := madeGiven[u.Locale], madeFamily[u.Locale]
	u.GivenName, u.FamilyName = pickOne(r, given), pickOne(r, family)
	if r.Float64() < 0.3 {
		u.GivenName += " " + pickOne(r, given)
	}
	if u.Locale == models.LocaleEs || u.Locale == models.LocalePt {
		u.FamilyName += " " + pickOne(r, family)
	}
	u.Email = address(u.GivenName, u.FamilyName, i)
	return u
}

// address is an e-mail address that tells the number, so that no two are the same.
func address(given, family string, i int) string {
	word := func(name string) string {
		first, _, _ := strings.Cut(models.Fold(name), " ")
		return strings.Map(func(c rune) rune {
			if c >= 'a' && c <= 'z' || c == '-' {
				return c
			}
			return -1
		}, first)
	}
	return fmt.Sprintf("%s.%s.%d@example.org", word(given), word(family), i+1)
}

// groupRows have a row for each parent of a group.
func (o *organisation) groupRows(yield func([]string) bool) {
	if !yield([]string{"name", "description", "parent"}) {
		return
	}
	for g, name := range o.names {
		if len(o.parents[g]) == 0 && !yield([]string{name, o.descriptions[g], ""}) {
			return
		}
		for _, parent := range o.parents[g] {
			if !yield([]string{name, o.descriptions[g], o.names[parent]}) {
				return
			}
		}
	}
}

func (o *organisation) membershipRows(yield func([]string) bool) {
	if !yield([]string{"group", "email"}) {
		return
	}
	for g, n := range o.direct {
		// Steps of a length that has no divisor in common with the number of users come by everybody once.
		r := o.random(forMembers, g)
		at, step := r.IntN(o.users), 1+r.IntN(o.users)
		for divisor(step, o.users) != 1 {
			step++
		}
		for range n {
			if !yield([]string{o.names[g], o.user(at).Email}) {
				return
			}
			at = (at + step) % o.users
		}
	}
}

func divisor(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func pickOne[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// madeFile is a CSV file whose rows are made up while it is read.
type madeFile struct {
	name  string
	next  func() ([]string, bool)
	stop  func()
	rows  *csv.Writer
	ready bytes.Buffer
}

func (f *madeFile) Read(p []byte) (int, error) {
	for f.ready.Len() < len(p) {
		row, ok := f.next()
		if !ok {
			break
		}
		if err := cmp.Or(f.rows.Write(row), f.flush()); err != nil {
			return 0, err
		}
	}
	if f.ready.Len() == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return f.ready.Read(p)
}

func (f *madeFile) flush() error {
	f.rows.Flush()
	return f.rows.Error()
}

func (f *madeFile) Close() error {
	f.stop()
	return nil
}

// Stat is of little use: how long the file is shows when it is read.
func (f *madeFile) Stat() (fs.FileInfo, error) { return madeInfo(f.name), nil }

type madeInfo string

func (i madeInfo) Name() string     { return string(i) }
func (madeInfo) Size() int64        { return 0 }
func (madeInfo) Mode() fs.FileMode  { return 0o444 }
func (madeInfo) ModTime() time.Time { return time.Time{} }
func (madeInfo) IsDir() bool        { return false }
func (madeInfo) Sys() any           { return nil }
