package roster

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"cohort/directory/nesting"
	"cohort/models"
)

// Person is what the roster keeps of a user.
type Person struct {
	ID  models.UserID
	Key string // that names are sorted by
}

// Difference is what happened between two numbers of the feed.
type Difference struct {
	Seq         int64
	Graph       *nesting.Graph
	Users       []Person // as they are now
	UsersGone   []models.UserID
	Groups      []*models.Group
	GroupsGone  []models.GroupID
	Memberships []Step // in the order of the feed
}

// Step is a membership that began or ended.
type Step struct {
	models.Pair
	Is bool
}

// New is the roster of an account without anybody.
func New() *Roster {
	return &Roster{userAt: map[models.UserID]int32{}, groupAt: map[models.GroupID]int32{}, Graph: nesting.New(0, nil)}
}

// Apply brings the roster forward. It must be alone with it.
func (r *Roster) Apply(d Difference) {
	r.applyGroups(d.Groups, d.GroupsGone)
	r.applyUsers(d.Users, d.UsersGone)
	for _, step := range d.Memberships {
		r.step(step)
	}
	if d.Graph.Version != r.Graph.Version {
		r.nest(d.Graph)
	}
	r.Seq, r.Graph = d.Seq, d.Graph
}

func (r *Roster) step(s Step) {
	u, known := r.userAt[s.User]
	g, there := r.groupAt[s.Group]
	switch {
	case !known || !there: // it went with one of the two
	case s.Is:
		r.join(u, g)
	default:
		r.leave(u, g)
	}
}

func (r *Roster) applyGroups(rows []*models.Group, gone []models.GroupID) {
	if len(rows)+len(gone) == 0 {
		return
	}
	for _, id := range gone {
		at, known := r.groupAt[id]
		if !known { // it came and went
			continue
		}
		for _, u := range slices.Clone(r.groups[at].direct) {
			r.leave(u, at)
		}
		r.detach(at)
		r.groups[at] = nil
		r.freeGroups = append(r.freeGroups, at)
		delete(r.groupAt, id)
	}
	for _, row := range rows {
		if at, known := r.groupAt[row.ID]; known {
			r.groups[at].row = row
			continue
		}
		at := take(&r.freeGroups, len(r.groups))
		if int(at) == len(r.groups) {
			r.groups = append(r.groups, nil)
		}
		r.groups[at], r.groupAt[row.ID] = &group{row: row, above: []int32{at}, below: []int32{at}}, at
	}
	r.groupOrder = r.groupOrder[:0]
	for _, at := range r.groupAt {
		r.groupOrder = append(r.groupOrder, at)
	}
	slices.SortFunc(r.groupOrder, func(a, b int32) int {
		return compare(r.groups[a].row.NameSort, r.groups[a].row.ID, r.groups[b].row.NameSort, r.groups[b].row.ID)
	})
	for rank, at := range r.groupOrder {
		r.groups[at].rank = int32(rank) //nolint:gosec // as many as there are slots
	}
}

// detach takes a group that is deleted out of the lists of those it lay in and of those that lay in it, until
// they are made anew.
func (r *Roster) detach(at int32) {
	same := func(other int32) bool { return other == at }
	for _, above := range r.groups[at].above {
		if above != at {
			r.groups[above].below = slices.DeleteFunc(r.groups[above].below, same)
		}
	}
	for _, below := range r.groups[at].below {
		if below != at {
			r.groups[below].above = slices.DeleteFunc(r.groups[below].above, same)
		}
	}
}

func (r *Roster) applyUsers(rows []Person, gone []models.UserID) {
	if len(rows)+len(gone) == 0 {
		return
	}
	out := newMarks(len(r.users) + len(rows)) // no more where they stand in the order
	for _, id := range gone {
		at, known := r.userAt[id]
		if !known { // it came and went
			continue
		}
		for _, g := range slices.Clone(r.users[at].groups) {
			r.leave(at, g)
		}
		out.add(at)
		r.users[at] = user{}
		r.freeUsers = append(r.freeUsers, at)
		delete(r.userAt, id)
	}
	var put []int32
	for _, row := range rows {
		at, known := r.userAt[row.ID]
		if known && r.users[at].key == row.Key {
			continue
		}
		if !known {
			at = take(&r.freeUsers, len(r.users))
			if int(at) == len(r.users) {
				r.users = append(r.users, user{})
			}
			r.users[at].id, r.userAt[row.ID] = row.ID, at
		}
		r.users[at].key = row.Key
		out.add(at)
		put = append(put, at)
	}
	r.reorder(put, out)
}

// reorder takes some users out of the order and puts some into it, by one pass over all.
func (r *Roster) reorder(put []int32, out marks) {
	byName := func(a, b int32) int {
		return compare(r.users[a].key, r.users[a].id, r.users[b].key, r.users[b].id)
	}
	slices.SortFunc(put, byName)
	order := make([]int32, 0, len(r.userAt))
	for _, at := range r.userOrder {
		if out.has(at) {
			continue
		}
		for len(put) > 0 && byName(put[0], at) < 0 {
			order, put = append(order, put[0]), put[1:]
		}
		order = append(order, at)
	}
	r.userOrder = append(order, put...)
	for rank, at := range r.userOrder {
		r.users[at].rank = int32(rank) //nolint:gosec // as many as there are slots
	}
}

func (r *Roster) join(u, at int32) {
	if slices.Contains(r.users[u].groups, at) {
		return
	}
	for _, above := range r.groups[at].above {
		g := r.groups[above]
		g.reach++
		if n := g.count.Load(); n >= 0 && !r.isMember(u, above) {
			g.count.Store(n + 1)
		}
	}
	r.memberships++
	r.users[u].groups = append(r.users[u].groups, at)
	r.groups[at].direct = append(r.groups[at].direct, u)
}

func (r *Roster) leave(u, at int32) {
	if !drop(&r.users[u].groups, at) {
		return
	}
	r.memberships--
	drop(&r.groups[at].direct, u)
	for _, above := range r.groups[at].above {
		g := r.groups[above]
		g.reach--
		if n := g.count.Load(); n >= 0 && !r.isMember(u, above) {
			g.count.Store(n - 1)
		}
	}
}

// nest computes what lies above and below each group.
func (r *Roster) nest(graph *nesting.Graph) {
	seen := make([]int32, len(r.groups)) // the group, plus one, that came by last
	for _, g := range r.groups {
		if g != nil {
			g.above, g.below, g.reach = nil, nil, 0
			g.count.Store(-1)
		}
	}
	for at, g := range r.groups {
		if g == nil {
			continue
		}
		here := int32(at) //nolint:gosec // as many as there are slots
		g.above = append(g.above, here)
		seen[at] = here + 1
		for i := 0; i < len(g.above); i++ {
			above := r.groups[g.above[i]]
			above.below = append(above.below, here)
			above.reach += len(g.direct)
			for _, parent := range graph.Parents(above.row.ID) {
				if p, ok := r.groupAt[parent]; ok && seen[p] != here+1 {
					seen[p] = here + 1
					g.above = append(g.above, p)
				}
			}
		}
		slices.Sort(g.above)
	}
}

func compare[ID ~[16]byte](aKey string, a ID, bKey string, b ID) int {
	return cmp.Or(strings.Compare(aKey, bKey), bytes.Compare(a[:], b[:]))
}

// take is a free slot, or the one behind the last.
func take(free *[]int32, slots int) int32 {
	if n := len(*free); n > 0 {
		at := (*free)[n-1]
		*free = (*free)[:n-1]
		return at
	}
	return int32(slots) //nolint:gosec // accounts are smaller
}

// drop removes one entry of a list without an order; false when it isn't there.
func drop(list *[]int32, entry int32) bool {
	at := slices.Index(*list, entry)
	if at < 0 {
		return false
	}
	last := len(*list) - 1
	(*list)[at] = (*list)[last]
	*list = (*list)[:last]
	return true
}
