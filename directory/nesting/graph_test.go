package nesting_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"cohort/directory/nesting"
	"cohort/models"
)

// The groups of these tests have one letter; an earlier letter is an older group.
func group(letter byte) models.GroupID { return models.GroupID{15: letter} }

func letters(ids []models.GroupID) string {
	var b strings.Builder
	for _, id := range ids {
		b.WriteByte(id[15])
	}
	return b.String()
}

// edges reads "b<a c<b": b lies in a, c lies in b.
func edges(text string) (es []nesting.Edge) {
	for _, e := range strings.Fields(text) {
		es = append(es, nesting.Edge{Child: group(e[0]), Parent: group(e[2])})
	}
	return es
}

func all(text string) (ids []models.GroupID) {
	for i := range len(text) {
		ids = append(ids, group(text[i]))
	}
	return ids
}

func TestCheck(t *testing.T) {
	for name, tc := range map[string]struct {
		edges, add string
		limit      int
		want       models.ErrorCode
		loop       string
	}{
		"a first edge":                               {edges: "", add: "b<a", limit: 2},
		"a group in itself":                          {edges: "", add: "a<a", limit: 9, want: models.CodeCycle, loop: "aa"},
		"a loop of two":                              {edges: "b<a", add: "a<b", limit: 9, want: models.CodeCycle, loop: "bab"},
		"a loop of three":                            {edges: "b<a c<b", add: "a<c", limit: 9, want: models.CodeCycle, loop: "cbac"},
		"a loop by the shorter of two ways":          {edges: "b<a c<b d<c d<a", add: "a<d", limit: 9, want: models.CodeCycle, loop: "dad"},
		"a second parent is no loop":                 {edges: "b<a c<b", add: "c<a", limit: 3},
		"a diamond is no loop":                       {edges: "b<a c<a d<b", add: "d<c", limit: 3},
		"a chain just as long as allowed":            {edges: "b<a d<c", add: "c<b", limit: 4},
		"a chain one too long":                       {edges: "b<a d<c", add: "c<b", limit: 3, want: models.CodeTooDeep},
		"the longest chain counts, not the shortest": {edges: "b<a c<b c<a", add: "d<c", limit: 3, want: models.CodeTooDeep},
	} {
		t.Run(name, func(t *testing.T) {
			err := nesting.New(0, edges(tc.edges)).Check(edges(tc.add)[0], tc.limit)
			var got models.ErrorCode
			loop := ""
			var e *models.Error
			if errors.As(err, &e) {
				got = e.Code
				for _, p := range e.Params {
					if p.Name == "groupIds" {
						for _, text := range p.Values {
							id, err := models.ParseGroupID(text)
							if err != nil {
								t.Fatal(err)
							}
							loop += letters([]models.GroupID{id})
						}
					}
				}
			}
			if got != tc.want || loop != tc.loop {
				t.Errorf("got %q %q, want %q %q", got, loop, tc.want, tc.loop)
			}
		})
	}
}

func TestWays(t *testing.T) {
	for name, tc := range map[string]struct {
		edges, of, crumbs string
		depth, height     int
	}{
		"alone":                                 {edges: "", of: "a", crumbs: "", depth: 1, height: 1},
		"at the top":                            {edges: "b<a", of: "a", crumbs: "", depth: 1, height: 2},
		"in a chain":                            {edges: "b<a c<b d<c", of: "c", crumbs: "ab", depth: 3, height: 2},
		"the shortest way, the longest depth":   {edges: "c<b b<a d<c d<a", of: "d", crumbs: "a", depth: 4, height: 1},
		"the oldest parent where two are alike": {edges: "c<b c<a", of: "c", crumbs: "a", depth: 2, height: 1},
		"a shorter way beats an older parent":   {edges: "b<a d<b d<c", of: "d", crumbs: "c", depth: 3, height: 1},
		"oldest at each step, from below":       {edges: "c<a d<b e<c e<d", of: "e", crumbs: "ac", depth: 3, height: 1},
	} {
		t.Run(name, func(t *testing.T) {
			g := nesting.New(0, edges(tc.edges))
			of := group(tc.of[0])
			if got := letters(g.Breadcrumbs(of)); got != tc.crumbs {
				t.Errorf("breadcrumbs %q, want %q", got, tc.crumbs)
			}
			if got := g.Depth(of); got != tc.depth {
				t.Errorf("depth %d, want %d", got, tc.depth)
			}
			if got := g.Height(of); got != tc.height {
				t.Errorf("height %d, want %d", got, tc.height)
			}
		})
	}
}

func TestMembership(t *testing.T) {
	for name, tc := range map[string]struct {
		edges, direct, in string
		isDirect          bool
		via, path         string
	}{
		"no member": {edges: "b<a", direct: "c", in: "a"},
		"a member of the parent is none of the child": {edges: "b<a", direct: "a", in: "b"},
		"direct":                              {edges: "b<a", direct: "a", in: "a", isDirect: true, path: "a"},
		"inherited":                           {edges: "b<a", direct: "b", in: "a", via: "b", path: "ba"},
		"both":                                {edges: "b<a", direct: "ba", in: "a", isDirect: true, via: "b", path: "a"},
		"by two ways, the shorter is shown":   {edges: "b<a c<b d<a", direct: "cd", in: "a", via: "cd", path: "da"},
		"by two as short, the older is shown": {edges: "b<a c<a", direct: "cb", in: "a", via: "bc", path: "ba"},
		"through a diamond":                   {edges: "b<a c<a d<b d<c", direct: "d", in: "a", via: "d", path: "dba"},
	} {
		t.Run(name, func(t *testing.T) {
			how := nesting.New(0, edges(tc.edges)).Membership(all(tc.direct), group(tc.in[0]))
			if how.Direct != tc.isDirect || letters(how.Via) != tc.via || letters(how.Path) != tc.path {
				t.Errorf("got direct %v via %q path %q", how.Direct, letters(how.Via), letters(how.Path))
			}
		})
	}
}

// TestPropertyDifference holds the step from one closure to the next against two closures made whole.
func TestPropertyDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Edges lead from a larger letter to a smaller one, so there is no loop.
		edge := rapid.Custom(func(t *rapid.T) nesting.Edge {
			child := rapid.ByteRange('b', 'h').Draw(t, "child")
			return nesting.Edge{Child: group(child), Parent: group(rapid.ByteRange('a', child-1).Draw(t, "parent"))}
		})
		before := nesting.New(0, nil).With(rapid.SliceOf(edge).Draw(t, "before"), nil)
		add, remove := rapid.SliceOf(edge).Draw(t, "add"), rapid.SliceOf(edge).Draw(t, "remove")
		after := before.With(add, remove)
		gone, fresh := before.Difference(after, append(add, remove...))
		stored := closure(before)
		for _, l := range gone {
			if d, ok := stored[[2]models.GroupID{l.Ancestor, l.Descendant}]; !ok || d != l.Distance {
				t.Fatalf("%v is to go, and is not there", l)
			}
			delete(stored, [2]models.GroupID{l.Ancestor, l.Descendant})
		}
		for _, l := range fresh {
			if _, ok := stored[[2]models.GroupID{l.Ancestor, l.Descendant}]; ok {
				t.Fatalf("%v is to come, and is there already", l)
			}
			stored[[2]models.GroupID{l.Ancestor, l.Descendant}] = l.Distance
		}
		if diff := cmp.Diff(closure(after), stored); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestPropertyUpward holds what is told from below against the same told from above, and what is permitted against a search.
func TestPropertyUpward(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		edge := rapid.Custom(func(t *rapid.T) nesting.Edge {
			child := rapid.ByteRange('b', 'h').Draw(t, "child")
			return nesting.Edge{Child: group(child), Parent: group(rapid.ByteRange('a', child-1).Draw(t, "parent"))}
		})
		some := rapid.SliceOfDistinct(rapid.SampledFrom(all("abcdefgh")), rapid.ID)
		// Among them often a longer way by an older parent.
		ladder := rapid.SampledFrom([]string{"b<a c<b d<a e<c e<d", ""}).Draw(t, "ladder")
		g := nesting.New(0, edges(ladder)).With(rapid.SliceOf(edge).Draw(t, "edges"), nil)
		direct, granting := some.Draw(t, "direct"), some.Draw(t, "granting")
		for i, id := range granting {
			g = g.Permitting(id, []string{"x", "y"}[:1+i%2])
		}
		up, by := g.Upward(), g.PermittedBy(direct...)
		for _, id := range all("abcdefgh") {
			want, got := g.Membership(direct, id), up.Membership(direct, id)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("in %s (-from above +from below):\n%s", letters([]models.GroupID{id}), diff)
			}
			for _, key := range []string{"x", "y"} {
				gives := want.IsMember() && slices.Contains(g.Permissions(id), key)
				if gives != slices.Contains(by[key], id) {
					t.Fatalf("%s by %s: %v", key, letters([]models.GroupID{id}), gives)
				}
			}
		}
	})
}

func closure(g *nesting.Graph) map[[2]models.GroupID]int {
	pairs := map[[2]models.GroupID]int{}
	for _, a := range all("abcdefgh") {
		for d, distance := range g.Below(a) {
			pairs[[2]models.GroupID{a, d}] = distance
		}
	}
	return pairs
}
