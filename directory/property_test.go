package directory_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
	"pgregory.net/rapid"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store/storetest"
)

// oracle is the same directory told in the plainest way: sets of names, and recursion.
type oracle struct {
	users, groups map[string]bool
	member        map[[2]string]bool // user, group
	inside        map[[2]string]bool // child, parent
	limit         int
}

func (o *oracle) parents(g string) (ps []string) {
	for e := range o.inside {
		if e[0] == g {
			ps = append(ps, e[1])
		}
	}
	slices.Sort(ps)
	return ps
}

// liesIn tells whether a is b or lies in it.
func (o *oracle) liesIn(a, b string) bool {
	if a == b {
		return true
	}
	for _, p := range o.parents(a) {
		if o.liesIn(p, b) {
			return true
		}
	}
	return false
}

func (o *oracle) depth(g string) int {
	most := 0
	for _, p := range o.parents(g) {
		most = max(most, o.depth(p))
	}
	return most + 1
}

func (o *oracle) deepest() int {
	most := 0
	for g := range o.groups {
		most = max(most, o.depth(g))
	}
	return most
}

// distance is the number of steps from a up to b, or -1.
func (o *oracle) distance(a, b string) int {
	if a == b {
		return 0
	}
	least := -1
	for _, p := range o.parents(a) {
		if d := o.distance(p, b); d >= 0 && (least < 0 || d+1 < least) {
			least = d + 1
		}
	}
	return least
}

// via are the groups below g, not g itself, that u is a direct member of.
func (o *oracle) via(u, g string) []string {
	via := []string{}
	for c := range o.groups {
		if c != g && o.member[[2]string{u, c}] && o.liesIn(c, g) {
			via = append(via, c)
		}
	}
	slices.Sort(via)
	return via
}

func (o *oracle) fits(u, g string, relation models.MembershipRelation) bool {
	direct := o.member[[2]string{u, g}]
	inherited := len(o.via(u, g)) > 0
	switch relation {
	case models.MembershipRelationDirect:
		return direct
	case models.MembershipRelationInherited:
		return inherited && !direct
	default:
		return direct || inherited
	}
}

// steps is the number of groups on the shortest way from u to g, g included; 0 for no member.
func (o *oracle) steps(u, g string) int {
	least := 0
	for c := range o.groups {
		if d := o.distance(c, g); d >= 0 && o.member[[2]string{u, c}] && (least == 0 || d+1 < least) {
			least = d + 1
		}
	}
	return least
}

// world is a directory and its oracle, which know the same users and groups by name.
type world struct {
	oracle
	d       *directory.Directory // writes, and answers from memory where it can
	asked   *directory.Directory // what compare asks: d, or one that asks the database for everything
	db      *gorm.DB
	who     auth.Caller
	userID  map[string]models.UserID
	groupID map[string]models.GroupID
	name    map[[16]byte]string
	made    int
}

var relations = models.AllMembershipRelation

// TestPropertyNesting drives a random history of users, groups, memberships and nestings, and after each step
// compares everything that can be asked about them with the oracle.
func TestPropertyNesting(t *testing.T) {
	s := storetest.Open(t)
	rapid.Check(t, func(rt *rapid.T) {
		const limit = 4
		d, err := directory.New(s, directory.Options{MaxGroupDepth: limit})
		if err != nil {
			rt.Fatal(err)
		}
		plain, err := directory.New(s, directory.Options{MaxGroupDepth: limit, Memory: -1})
		if err != nil {
			rt.Fatal(err)
		}
		w := &world{
			oracle: oracle{map[string]bool{}, map[string]bool{}, map[[2]string]bool{}, map[[2]string]bool{}, limit},
			d:      d, db: s.Read, who: auth.OperatorOf(storetest.Account(t, s)),
			userID: map[string]models.UserID{}, groupID: map[string]models.GroupID{}, name: map[[16]byte]string{},
		}
		for range 3 {
			w.createUser(rt)
			w.createGroup(rt)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"create user":    w.createUser,
			"delete user":    w.deleteUser,
			"create group":   w.createGroup,
			"delete groups":  w.deleteGroups,
			"add members":    w.addMembers,
			"remove members": w.removeMembers,
			"user's groups":  w.updateUserGroups,
			"nest":           w.nest,
			"unnest":         w.unnest,
			"staged edit":    w.stagedEdit,
			"": func(rt *rapid.T) {
				for _, w.asked = range []*directory.Directory{d, plain} {
					w.compare(rt)
				}
			},
		})
	})
}

func (w *world) createUser(t *rapid.T) {
	if len(w.users) > 5 {
		t.Skip()
	}
	w.made++
	name := fmt.Sprintf("u%03d", w.made)
	p, err := w.d.CreateUser(context.Background(), w.who, models.UserCreateInput{Email: name + "@example.org", Locale: models.LocaleEn, Role: models.RoleMember})
	ok(t, err)
	w.users[name], w.userID[name], w.name[p.User.ID] = true, p.User.ID, name
}

func (w *world) deleteUser(t *rapid.T) {
	u := w.user(t)
	_, err := w.d.DeleteUser(context.Background(), w.who, models.UserDeleteInput{ID: w.userID[u]})
	ok(t, err)
	delete(w.users, u)
	maps.DeleteFunc(w.member, func(m [2]string, _ bool) bool { return m[0] == u })
}

func (w *world) createGroup(t *rapid.T) {
	if len(w.groups) > 6 {
		t.Skip()
	}
	w.made++
	name := fmt.Sprintf("g%03d", w.made)
	in := models.GroupCreateInput{Name: name}
	var parents, members []string
	if len(w.groups) > 0 {
		parents, members = w.someGroups(t), w.someUsers(t)
	}
	for _, p := range parents {
		in.ParentIds = append(in.ParentIds, w.groupID[p])
	}
	for _, u := range members {
		in.MemberIds = append(in.MemberIds, w.userID[u])
	}
	w.groups[name] = true
	for _, p := range parents {
		w.inside[[2]string{name, p}] = true
	}
	p, err := w.d.CreateGroup(context.Background(), w.who, in)
	if w.deepest() > w.limit {
		refused(t, err, models.CodeTooDeep)
		w.forget(name)
		return
	}
	ok(t, err)
	w.groupID[name], w.name[p.Group.ID] = p.Group.ID, name
	for _, u := range members {
		w.member[[2]string{u, name}] = true
	}
}

func (w *world) forget(g string) {
	delete(w.groups, g)
	maps.DeleteFunc(w.member, func(m [2]string, _ bool) bool { return m[1] == g })
	maps.DeleteFunc(w.inside, func(e [2]string, _ bool) bool { return e[0] == g || e[1] == g })
}

func (w *world) deleteGroups(t *rapid.T) {
	some := w.someGroups(t)
	if len(some) == 0 || len(some) > 2 {
		t.Skip()
	}
	var ids []models.GroupID
	for _, g := range some {
		ids = append(ids, w.groupID[g])
		w.forget(g)
	}
	p, err := w.d.DeleteGroups(context.Background(), w.who, models.GroupsDeleteInput{Selection: &models.GroupSelection{Ids: ids}})
	ok(t, err)
	same(t, "deleted", len(ids), len(p.DeletedGroupIds))
}

func (w *world) addMembers(t *rapid.T) {
	groups, users := w.someGroups(t), w.someUsers(t)
	p, err := w.d.AddMembers(context.Background(), w.who, models.GroupMembersAddInput{GroupIds: w.ids(groups), UserIds: w.userIDs(users)})
	if len(groups) == 0 || len(users) == 0 {
		refused(t, err, models.CodeRequired)
		return
	}
	ok(t, err)
	for _, r := range p.Results {
		pair := [2]string{w.name[r.UserID], w.name[r.GroupID]}
		want := models.MembershipOutcomeAdded
		if w.member[pair] {
			want = models.MembershipOutcomeAlreadyMember
		}
		same(t, "outcome", want, r.Outcome)
		same(t, "edge", want == models.MembershipOutcomeAdded, r.MemberEdge() != nil)
		w.member[pair] = true
	}
	for _, r := range p.Results {
		if r.MemberEdge() != nil {
			w.sameMembership(t, w.name[r.UserID], w.name[r.GroupID], r.MemberEdge().How)
		}
	}
}

func (w *world) removeMembers(t *rapid.T) {
	groups, users := w.someGroups(t), w.someUsers(t)
	p, err := w.d.RemoveMembers(context.Background(), w.who, models.GroupMembersRemoveInput{GroupIds: w.ids(groups), UserIds: w.userIDs(users)})
	if len(groups) == 0 || len(users) == 0 {
		refused(t, err, models.CodeRequired)
		return
	}
	ok(t, err)
	for _, r := range p.Results {
		pair := [2]string{w.name[r.UserID], w.name[r.GroupID]}
		want := models.MembershipOutcomeNotMember
		if w.member[pair] {
			want = models.MembershipOutcomeRemoved
		}
		same(t, "outcome", want, r.Outcome)
		delete(w.member, pair)
	}
}

func (w *world) updateUserGroups(t *rapid.T) {
	u, add, remove := w.user(t), w.someGroups(t), w.someGroups(t)
	_, err := w.d.UpdateUserGroups(context.Background(), w.who, models.UserGroupsUpdateInput{
		UserID: w.userID[u], AddGroupIds: w.ids(add), RemoveGroupIds: w.ids(remove),
	})
	if overlap(add, remove) {
		refused(t, err, models.CodeConflict)
		return
	}
	ok(t, err)
	for _, g := range remove {
		delete(w.member, [2]string{u, g})
	}
	for _, g := range add {
		w.member[[2]string{u, g}] = true
	}
}

func (w *world) nest(t *rapid.T) {
	parent, child := w.group(t), w.group(t)
	p, err := w.d.Nest(context.Background(), w.who, models.GroupNestInput{ParentID: w.groupID[parent], ChildID: w.groupID[child]})
	edge := [2]string{child, parent}
	switch {
	case w.inside[edge]:
		ok(t, err)
		same(t, "outcome", models.NestingOutcomeAlreadyNested, *p.Outcome)
		return
	case w.liesIn(parent, child):
		e := refused(t, err, models.CodeCycle)
		w.sameLoop(t, e, parent, child)
		return
	}
	w.inside[edge] = true
	if w.deepest() > w.limit {
		delete(w.inside, edge)
		refused(t, err, models.CodeTooDeep)
		return
	}
	ok(t, err)
	same(t, "outcome", models.NestingOutcomeNested, *p.Outcome)
}

// sameLoop holds the path of a refusal against the oracle: each group lies in the next, from the parent round
// to the parent.
func (w *world) sameLoop(t *rapid.T, e *models.Error, parent, child string) {
	var loop []string
	for _, param := range e.Params {
		if param.Name == "groupNames" {
			loop = param.Values
		}
	}
	if len(loop) < 2 || loop[0] != parent || loop[len(loop)-1] != parent || loop[len(loop)-2] != child {
		t.Fatalf("loop %v does not lead from %s through %s back", loop, parent, child)
	}
	for i := range len(loop) - 2 {
		if !w.inside[[2]string{loop[i], loop[i+1]}] {
			t.Fatalf("loop %v: %s does not lie in %s", loop, loop[i], loop[i+1])
		}
	}
	same(t, "length of the loop", w.distance(parent, child)+2, len(loop))
}

func (w *world) unnest(t *rapid.T) {
	parent, child := w.group(t), w.group(t)
	p, err := w.d.Unnest(context.Background(), w.who, models.GroupUnnestInput{ParentID: w.groupID[parent], ChildID: w.groupID[child]})
	ok(t, err)
	want := models.NestingOutcomeNotNested
	if w.inside[[2]string{child, parent}] {
		want = models.NestingOutcomeUnnested
	}
	same(t, "outcome", want, *p.Outcome)
	delete(w.inside, [2]string{child, parent})
}

func (w *world) stagedEdit(t *rapid.T) {
	g, addP, removeP, addM, removeM := w.group(t), w.someGroups(t), w.someGroups(t), w.someUsers(t), w.someUsers(t)
	_, err := w.d.UpdateGroup(context.Background(), w.who, models.GroupUpdateInput{
		ID: w.groupID[g], AddParentIds: w.ids(addP), RemoveParentIds: w.ids(removeP), AddMemberIds: w.userIDs(addM), RemoveMemberIds: w.userIDs(removeM),
	})
	if overlap(addP, removeP) || overlap(addM, removeM) {
		refused(t, err, models.CodeConflict)
		return
	}
	before := maps.Clone(w.inside)
	for _, p := range removeP {
		delete(w.inside, [2]string{g, p})
	}
	var wrong []models.ErrorCode
	for _, p := range addP {
		edge := [2]string{g, p}
		switch {
		case w.inside[edge]:
		case w.liesIn(p, g):
			wrong = append(wrong, models.CodeCycle)
		default:
			if w.inside[edge] = true; w.deepest() > w.limit {
				delete(w.inside, edge)
				wrong = append(wrong, models.CodeTooDeep)
			}
		}
	}
	if wrong != nil {
		w.inside = before
		refused(t, err, wrong[0])
		return
	}
	ok(t, err)
	for _, u := range removeM {
		delete(w.member, [2]string{u, g})
	}
	for _, u := range addM {
		w.member[[2]string{u, g}] = true
	}
}

// compare asks everything and holds it against the oracle.
func (w *world) compare(t *rapid.T) {
	ctx := context.Background()
	users, groups := slices.Sorted(maps.Keys(w.users)), slices.Sorted(maps.Keys(w.groups))
	userIDs, groupIDs := w.userIDs(users), w.ids(groups)
	for _, relation := range relations {
		byGroup, err := w.asked.MembersOf(ctx, w.who, groupIDs, directory.MemberQuery{Relation: relation, Sort: models.UserSortNameAsc}, models.PageArgs{First: new(int32(100))}, directory.Paths)
		ok(t, err)
		plain, err := w.asked.MembersOf(ctx, w.who, groupIDs, directory.MemberQuery{Relation: relation, Sort: models.UserSortNameAsc}, models.PageArgs{First: new(int32(100))}, directory.Direct)
		ok(t, err)
		for i := range plain {
			for j, e := range plain[i].Edges {
				same(t, "direct without paths", byGroup[i].Edges[j].How.Direct, e.How.Direct)
			}
		}
		counts, err := w.asked.CountMembers(ctx, w.who, groupIDs, relation, nil)
		ok(t, err)
		for i, g := range groups {
			want, got := []string{}, []string{}
			for _, u := range users {
				if w.fits(u, g, relation) {
					want = append(want, u)
				}
			}
			for _, e := range byGroup[i].Edges {
				got = append(got, w.name[e.Node.ID])
				w.sameMembership(t, w.name[e.Node.ID], g, e.How)
			}
			same(t, fmt.Sprintf("%s members of %s", relation, g), want, got)
			same(t, fmt.Sprintf("count of %s members of %s", relation, g), len(want), counts[i])
		}
		byUser, err := w.asked.GroupsOf(ctx, w.who, userIDs, directory.MembershipQuery{Relation: relation, Sort: models.GroupSortNameAsc}, models.PageArgs{First: new(int32(100))}, directory.Paths)
		ok(t, err)
		plainer, err := w.asked.GroupsOf(ctx, w.who, userIDs, directory.MembershipQuery{Relation: relation, Sort: models.GroupSortNameAsc}, models.PageArgs{First: new(int32(100))}, directory.Direct)
		ok(t, err)
		for i := range plainer {
			for j, e := range plainer[i].Edges {
				same(t, "direct without paths", byUser[i].Edges[j].How.Direct, e.How.Direct)
			}
		}
		for i, u := range users {
			want, got := []string{}, []string{}
			for _, g := range groups {
				if w.fits(u, g, relation) {
					want = append(want, g)
				}
			}
			for _, e := range byUser[i].Edges {
				got = append(got, w.name[e.Node.ID])
				w.sameMembership(t, u, w.name[e.Node.ID], e.How)
			}
			same(t, fmt.Sprintf("%s groups of %s", relation, u), want, got)
		}
	}
	if len(users) > 0 && len(groups) > 0 {
		checks, err := w.asked.Checks(ctx, w.who, userIDs, groupIDs, directory.Paths)
		ok(t, err)
		for _, c := range checks {
			u, g := w.name[c.UserID], w.name[c.GroupID]
			same(t, "check of "+u+" in "+g, w.fits(u, g, models.MembershipRelationAll), c.IsMember())
			w.sameMembership(t, u, g, c.How)
		}
	}
	w.compareGroups(t, groups, groupIDs)
}

func (w *world) compareGroups(t *rapid.T, groups []string, groupIDs []models.GroupID) {
	ctx := context.Background()
	depths, err := w.asked.Depths(ctx, w.who, groupIDs)
	ok(t, err)
	rows, err := w.asked.GroupsByID(ctx, w.who, groupIDs)
	ok(t, err)
	crumbs, err := w.asked.Breadcrumbs(ctx, w.who, groupIDs)
	ok(t, err)
	for i, g := range groups {
		same(t, "depth of "+g, w.depth(g), int(depths[i]))
		direct := 0
		for m := range w.member {
			if m[1] == g {
				direct++
			}
		}
		same(t, "direct count of "+g, direct, int(rows[i].DirectMemberCount))
		way := []string{}
		for _, crumb := range crumbs[i] {
			way = append(way, w.name[crumb.ID])
		}
		same(t, "breadcrumbs of "+g, w.breadcrumbs(g), way)
	}
	w.compareClosure(t, groups)
	for kin, related := range map[directory.Kin]func(g, other string) bool{
		directory.Parents:     func(g, other string) bool { return w.inside[[2]string{g, other}] },
		directory.Children:    func(g, other string) bool { return w.inside[[2]string{other, g}] },
		directory.Ancestors:   func(g, other string) bool { return g != other && w.liesIn(g, other) },
		directory.Descendants: func(g, other string) bool { return g != other && w.liesIn(other, g) },
	} {
		lists, err := w.asked.Relatives(ctx, w.who, groupIDs, kin, directory.GroupQuery{Sort: models.GroupSortNameAsc}, models.PageArgs{First: new(int32(100))})
		ok(t, err)
		for i, g := range groups {
			want, got := []string{}, []string{}
			for _, other := range groups {
				if related(g, other) {
					want = append(want, other)
				}
			}
			for _, e := range lists[i].Edges {
				got = append(got, w.name[e.Node.ID])
			}
			same(t, string(kin)+" of "+g, want, got)
		}
	}
}

// compareClosure holds the stored distances against the oracle.
func (w *world) compareClosure(t *rapid.T, groups []string) {
	var rows []models.GroupClosureRow
	ok(t, w.db.Where("account_id = ?", w.who.Account).Find(&rows).Error)
	want, got := map[[2]string]int{}, map[[2]string]int{}
	for _, a := range groups {
		for _, b := range groups {
			if d := w.distance(a, b); d >= 0 {
				want[[2]string{a, b}] = d
			}
		}
	}
	for _, row := range rows {
		got[[2]string{w.name[row.DescendantID], w.name[row.AncestorID]}] = row.Distance
	}
	same(t, "closure", want, got)
}

// breadcrumbs are the shortest way from the top, by the oldest parent; names grow with age.
func (w *world) breadcrumbs(g string) []string {
	best := []string{}
	for i, p := range w.parents(g) {
		if way := append(w.breadcrumbs(p), p); i == 0 || len(way) < len(best) {
			best = way
		}
	}
	return best
}

func (w *world) sameMembership(t *rapid.T, u, g string, how models.Membership) {
	same(t, "direct "+u+" in "+g, w.member[[2]string{u, g}], how.Direct)
	via := []string{}
	for _, id := range how.Via {
		via = append(via, w.name[id])
	}
	same(t, "via of "+u+" in "+g, w.via(u, g), via)
	same(t, "length of the path of "+u+" to "+g, w.steps(u, g), len(how.Path))
	for i := range how.Path {
		at := w.name[how.Path[i]]
		switch {
		case i == 0 && !w.member[[2]string{u, at}]:
			t.Fatalf("the path of %s to %s starts at %s", u, g, at)
		case i > 0 && !w.inside[[2]string{w.name[how.Path[i-1]], at}]:
			t.Fatalf("the path of %s to %s goes through %s, where it does not lead", u, g, at)
		case i == len(how.Path)-1 && at != g:
			t.Fatalf("the path of %s to %s ends at %s", u, g, at)
		}
	}
}

func (w *world) user(t *rapid.T) string {
	if len(w.users) == 0 {
		t.Skip()
	}
	return rapid.SampledFrom(slices.Sorted(maps.Keys(w.users))).Draw(t, "user")
}

func (w *world) group(t *rapid.T) string {
	if len(w.groups) == 0 {
		t.Skip()
	}
	return rapid.SampledFrom(slices.Sorted(maps.Keys(w.groups))).Draw(t, "group")
}

func (w *world) someUsers(t *rapid.T) []string  { return some(t, w.users, "users") }
func (w *world) someGroups(t *rapid.T) []string { return some(t, w.groups, "groups") }

func some(t *rapid.T, names map[string]bool, label string) []string {
	if len(names) == 0 {
		return nil
	}
	return rapid.SliceOfNDistinct(rapid.SampledFrom(slices.Sorted(maps.Keys(names))), 0, min(3, len(names)), rapid.ID).Draw(t, label)
}

func (w *world) ids(names []string) (ids []models.GroupID) {
	for _, name := range names {
		ids = append(ids, w.groupID[name])
	}
	return ids
}

func (w *world) userIDs(names []string) (ids []models.UserID) {
	for _, name := range names {
		ids = append(ids, w.userID[name])
	}
	return ids
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}

func ok(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused expects an error with the code.
func refused(t *rapid.T, err error, code models.ErrorCode) *models.Error {
	t.Helper()
	var errs models.Errors
	var one *models.Error
	switch {
	case errors.As(err, &errs):
		one = errs[0]
	case !errors.As(err, &one):
		t.Fatalf("got %v, want %s", err, code)
	}
	if one.Code != code {
		t.Fatalf("got %s (%s), want %s", one.Code, one, code)
	}
	return one
}

func same(t *rapid.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}
