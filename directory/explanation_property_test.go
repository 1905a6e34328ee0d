package directory_test

import (
	"context"
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"cohort/models"
)

// explain asks why a user has something, and holds the ways that it tells against the oracle: each begins where the user is a
// direct member, goes from group to parent and is as short as can be, and for each group that gives there is one for each
// direct membership that lies in it. It answers with the groups that give, and with what does without a group.
func (w *world) explain(t *rapid.T, u string, key models.AccessKey) (e *models.AccessExplanation, groups []string, others []models.AccessReasonKind) {
	t.Helper()
	e, err := w.d.ExplainAccess(context.Background(), w.who, w.userID[u], key)
	ok(t, err)
	same(t, "reasons", int(e.Count), len(e.Reasons))
	ways := map[string]map[string]bool{}
	for _, r := range e.Reasons {
		if r.Kind != models.AccessReasonKindGroup && r.Kind != models.AccessReasonKindGroupLock {
			others = append(others, r.Kind)
			continue
		}
		path := make([]string, len(r.Path))
		for i, id := range r.Path {
			if path[i] = w.name[id]; i > 0 && !w.inside[[2]string{path[i-1], path[i]}] {
				t.Fatalf("a way of %s: %s doesn't lie in %s", u, path[i-1], path[i])
			}
		}
		from, to := path[0], path[len(path)-1]
		if !w.member[[2]string{u, from}] || w.distance(from, to) != len(path)-1 || ways[to][from] {
			t.Fatalf("the way %v of %s", path, u)
		}
		if ways[to] == nil {
			ways[to] = map[string]bool{}
			groups = append(groups, to)
		}
		ways[to][from] = true
	}
	for to, from := range ways {
		var want []string
		for g := range w.groups {
			if w.member[[2]string{u, g}] && w.liesIn(g, to) {
				want = append(want, g)
			}
		}
		slices.Sort(want)
		same(t, "ways of "+u+" to "+to, strings.Join(want, " "), strings.Join(slices.Sorted(maps.Keys(from)), " "))
	}
	return e, groups, others
}

// checkWhy holds why users have products against what they have.
func (w *shop) checkWhy(t *rapid.T, st *contents) {
	for u := range w.users {
		for p := range w.products {
			key := [2]string{u, p}
			e, groups, others := w.explain(t, u, models.AccessKey{Product: &p})
			var want []string
			for g := range w.groups {
				if w.grants[[2]string{g, p}] && w.fits(u, g, models.MembershipRelationAll) {
					want = append(want, g)
				}
			}
			slices.Sort(want)
			slices.Sort(groups)
			same(t, "groups that give "+p+" to "+u, strings.Join(want, " "), strings.Join(groups, " "))
			state := st.entitled[models.Holding{User: w.userID[u], Product: w.productID[p]}].State
			same(t, u+" has "+p, state == models.ProductStateEnabled, e.Has)
			for kind, is := range map[models.AccessReasonKind]bool{
				models.AccessReasonKindDirect: w.direct[key], models.AccessReasonKindBlock: w.blocks[key], models.AccessReasonKindWaiting: state == models.ProductStateNoSeat,
			} {
				same(t, string(kind)+" among the reasons of "+u+" and "+p, is, slices.Contains(others, kind))
			}
		}
	}
}

// checkWhy holds why settings come to what they do against the oracle.
func (w *tuned) checkWhy(t *rapid.T) {
	for u := range w.users {
		for _, key := range tunable {
			e, groups, others := w.explain(t, u, models.AccessKey{Setting: &key})
			var want []string
			reasons := w.reasons(key, w.reach(u), w.holds(u, key))
			for _, r := range reasons {
				if r.group != "" {
					want = append(want, r.group)
				}
			}
			same(t, "groups that hold "+key+" for "+u, strings.Join(want, " "), strings.Join(groups, " "))
			same(t, "reasons of "+u+" for "+key, len(reasons), len(want)+len(others))
			same(t, key+" of "+u, reasons[0].value, e.Value.Text)
			for _, r := range e.Reasons {
				same(t, "counts", r.Counts, len(r.Path) > 0 && w.name[r.Path[len(r.Path)-1]] == reasons[0].group || len(r.Path) == 0 && reasons[0].group == "" && r == e.Reasons[0])
			}
		}
	}
}
