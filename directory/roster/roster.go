// Package roster holds an account's users and groups in memory, in the order of their names, with who is in
// what and what lies in what. It answers who belongs to a group, and where somebody belongs, without asking the
// database for more than the number of the last change.
package roster

import (
	"bytes"
	"cmp"
	"math/bits"
	"slices"
	"sort"
	"strings"
	"sync/atomic"

	"cohort/directory/nesting"
	"cohort/models"
)

// Roster is an account as of one number of its feed. Users and groups stand in slots, which they keep for as
// long as they exist; their rank is their place in the order of names, which shifts when others come and go.
type Roster struct {
	Seq   int64          // the last change that is in it
	Graph *nesting.Graph // the nesting at that moment

	users     []user
	freeUsers []int32
	userAt    map[models.UserID]int32
	userOrder []int32

	groups     []*group // nil where a slot is free
	freeGroups []int32
	groupAt    map[models.GroupID]int32
	groupOrder []int32

	memberships int
}

type user struct {
	id     models.UserID
	key    string // that names are sorted by
	rank   int32
	groups []int32 // with a row of the user's own
}

type group struct {
	row    *models.Group // never changed: others may hold it
	rank   int32
	direct []int32
	above  []int32      // itself and all it lies in, sorted
	below  []int32      // itself and all in it
	reach  int          // the direct members of all below, somebody in several of them as often
	count  atomic.Int32 // effective members; negative before somebody asks
}

// Place is one in the order of names, where somebody or something stood when a cursor was made.
type Place struct {
	Key string
	ID  [16]byte
}

func (p Place) compare(key string, id [16]byte) int {
	return cmp.Or(strings.Compare(p.Key, key), bytes.Compare(p.ID[:], id[:]))
}

// Window is a part of a list by name: what lies between two places, or before or behind one, and of that so many
// from the low end or from the high end.
type Window struct {
	Low, High *Place
	FromHigh  bool
	Most      int
}

// Member is an entry of a group's list of members.
type Member struct {
	User   models.UserID
	Key    string // that the list is sorted by
	Direct bool   // by a row in this very group
}

// Members are the members of a group in the order asked for: the highest first from the high end. None for a
// group that there is not.
func (r *Roster) Members(id models.GroupID, relation models.MembershipRelation, w Window) []Member {
	at, ok := r.groupAt[id]
	if !ok {
		return nil
	}
	low, high := w.ranks(len(r.userOrder), func(rank int) (string, [16]byte) {
		u := &r.users[r.userOrder[rank]]
		return u.key, u.id
	})
	g := r.groups[at]
	members := make([]Member, 0, min(w.Most, g.reach))
	add := func(u *user, member bool) bool {
		direct := slices.Contains(u.groups, at)
		if member && related(relation, direct) {
			members = append(members, Member{u.id, u.key, direct})
		}
		return len(members) < w.Most
	}
	// To gather all members costs what there are of them, to walk the users by name until enough are members
	// what there are of the others: the one is as good as the other where their product is that of the lists.
	if g.reach*g.reach < w.Most*len(r.userOrder)/2 {
		for _, rank := range inOrder(r.ranksBelow(g, low, high), w.FromHigh) {
			if !add(&r.users[r.userOrder[rank]], true) {
				break
			}
		}
		return members
	}
	in := r.mark(g.below)
	for i := range high - low {
		rank := low + i
		if w.FromHigh {
			rank = high - 1 - i
		}
		u := &r.users[r.userOrder[rank]]
		if !add(u, slices.ContainsFunc(u.groups, in.has)) {
			break
		}
	}
	return members
}

// ranksBelow are the ranks of a group's effective members within bounds, sorted, each once.
func (r *Roster) ranksBelow(g *group, low, high int) []int32 {
	ranks := make([]int32, 0, g.reach)
	for _, below := range g.below {
		for _, u := range r.groups[below].direct {
			if rank := r.users[u].rank; int(rank) >= low && int(rank) < high {
				ranks = append(ranks, rank)
			}
		}
	}
	slices.Sort(ranks)
	return slices.Compact(ranks)
}

// Count is how many Members there are.
func (r *Roster) Count(id models.GroupID, relation models.MembershipRelation) int {
	at, ok := r.groupAt[id]
	if !ok {
		return 0
	}
	g := r.groups[at]
	switch relation {
	case models.MembershipRelationDirect:
		return len(g.direct)
	case models.MembershipRelationInherited:
		return r.effective(g) - len(g.direct)
	default:
		return r.effective(g)
	}
}

func (r *Roster) effective(g *group) int {
	if n := g.count.Load(); n >= 0 {
		return int(n)
	}
	n := len(g.direct)
	if len(g.below) > 1 {
		in := newMarks(len(r.users))
		for _, below := range g.below {
			for _, u := range r.groups[below].direct {
				in.add(u)
			}
		}
		n = in.len()
	}
	g.count.Store(int32(n)) //nolint:gosec // as many as there are slots
	return n
}

// Belonging is an entry of a user's list of groups.
type Belonging struct {
	Group  *models.Group // must not be changed; its count of members is of some other moment
	Count  int32         // its direct members
	Direct bool
}

// GroupsOf are the groups of a user in the order asked for: the highest first from the high end. None for a user
// that there is not.
func (r *Roster) GroupsOf(id models.UserID, relation models.MembershipRelation, w Window) []Belonging {
	low, high := w.ranks(len(r.groupOrder), func(rank int) (string, [16]byte) {
		row := r.groups[r.groupOrder[rank]].row
		return row.NameSort, row.ID
	})
	var list []Belonging
	for _, rank := range inOrder(r.ranksAbove(id), w.FromHigh) {
		if int(rank) < low || int(rank) >= high || len(list) == w.Most {
			continue
		}
		at := r.groupOrder[rank]
		g := r.groups[at]
		direct := slices.Contains(r.users[r.userAt[id]].groups, at)
		if related(relation, direct) {
			list = append(list, Belonging{g.row, int32(len(g.direct)), direct}) //nolint:gosec // as many as there are slots
		}
	}
	return list
}

// ranksAbove are the ranks of the groups that a user is effectively in, sorted, each once.
func (r *Roster) ranksAbove(id models.UserID) []int32 {
	at, ok := r.userAt[id]
	if !ok {
		return nil
	}
	var ranks []int32
	for _, g := range r.users[at].groups {
		for _, above := range r.groups[g].above {
			ranks = append(ranks, r.groups[above].rank)
		}
	}
	slices.Sort(ranks)
	return slices.Compact(ranks)
}

// CountGroupsOf is how many GroupsOf there are.
func (r *Roster) CountGroupsOf(id models.UserID, relation models.MembershipRelation) int {
	at, ok := r.userAt[id]
	if !ok {
		return 0
	}
	direct := len(r.users[at].groups)
	switch relation {
	case models.MembershipRelationDirect:
		return direct
	case models.MembershipRelationInherited:
		return len(r.ranksAbove(id)) - direct
	default:
		return len(r.ranksAbove(id))
	}
}

// Direct are the groups that the user is a direct member of.
func (r *Roster) Direct(id models.UserID) []models.GroupID {
	at, ok := r.userAt[id]
	if !ok {
		return nil
	}
	ids := make([]models.GroupID, len(r.users[at].groups))
	for i, g := range r.users[at].groups {
		ids[i] = r.groups[g].row.ID
	}
	return ids
}

// Membership says how a user is a member of a group, without the path.
func (r *Roster) Membership(userID models.UserID, groupID models.GroupID) (how models.Membership) {
	u, known := r.userAt[userID]
	g, there := r.groupAt[groupID]
	if !known || !there {
		return how
	}
	for _, at := range r.users[u].groups {
		switch {
		case at == g:
			how.Direct = true
		case r.lies(at, g):
			how.Via = append(how.Via, r.groups[at].row.ID)
		}
	}
	slices.SortFunc(how.Via, nesting.Older)
	return how
}

// lies tells whether one group lies in the other, or is it.
func (r *Roster) lies(below, above int32) bool {
	_, found := slices.BinarySearch(r.groups[below].above, above)
	return found
}

func (r *Roster) isMember(u, g int32) bool {
	return slices.ContainsFunc(r.users[u].groups, func(at int32) bool { return r.lies(at, g) })
}

func related(relation models.MembershipRelation, direct bool) bool {
	switch relation {
	case models.MembershipRelationDirect:
		return direct
	case models.MembershipRelationInherited:
		return !direct
	default:
		return true
	}
}

// ranks are the first rank in the window and the first behind it.
func (w Window) ranks(n int, at func(rank int) (string, [16]byte)) (low, high int) {
	high = n
	if w.Low != nil {
		low = sort.Search(n, func(rank int) bool { return w.Low.compare(at(rank)) < 0 })
	}
	if w.High != nil {
		high = sort.Search(n, func(rank int) bool { return w.High.compare(at(rank)) <= 0 })
	}
	return low, max(low, high)
}

func inOrder(ranks []int32, fromHigh bool) []int32 {
	if fromHigh {
		slices.Reverse(ranks)
	}
	return ranks
}

// marks is a set of slots.
type marks []uint64

func newMarks(slots int) marks    { return make(marks, (slots+63)/64) }
func (m marks) has(at int32) bool { return m[at>>6]&(1<<(at&63)) != 0 }
func (m marks) add(at int32)      { m[at>>6] |= 1 << (at & 63) }
func (r *Roster) mark(groups []int32) marks {
	m := newMarks(len(r.groups))
	for _, at := range groups {
		m.add(at)
	}
	return m
}

func (m marks) len() (n int) {
	for _, word := range m {
		n += bits.OnesCount64(word)
	}
	return n
}
