package floor

import (
	"bytes"
	"math/bits"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
)

// index is an account in memory: users and groups by their ranks in the order of names, who is in what, and
// what lies in what. It is as of one number of the account's feed.
type index struct {
	mu           sync.RWMutex
	seq          int64
	graphVersion int64

	users    []row
	rankOf   map[[16]byte]int32
	groupsOf [][]int32 // of each user: the groups with a row of the user's own

	groups  []row
	groupOf map[[16]byte]int32
	direct  [][]int32 // of each group: its direct members, in order
	above   [][]int32 // of each group: itself and all it lies in, in order
	below   []set     // of each group: itself and all in it
	size    []int     // of each group: the direct members of all below, many of them twice
	counts  []atomic.Int32
}

type row struct {
	id        [16]byte
	key, name string
}

type set []uint64

func newSet(n int) set         { return make(set, (n+63)/64) }
func (s set) has(i int32) bool { return s[i>>6]&(1<<(i&63)) != 0 }
func (s set) add(i int32)      { s[i>>6] |= 1 << (i & 63) }

// count is how many effective members the group has.
func (x *index) count(group int32) int {
	if n := x.counts[group].Load(); n >= 0 {
		return int(n)
	}
	members := newSet(len(x.users))
	x.eachBelow(group, func(g int32) {
		for _, user := range x.direct[g] {
			members.add(user)
		}
	})
	n := 0
	for _, word := range members {
		n += bits.OnesCount64(word)
	}
	x.counts[group].Store(int32(n))
	return n
}

func (x *index) eachBelow(group int32, do func(int32)) {
	for i, word := range x.below[group] {
		for ; word != 0; word &= word - 1 {
			do(int32(i*64 + bits.TrailingZeros64(word)))
		}
	}
}

// members are the ranks of the group's first effective members behind a place, at most so many.
func (x *index) members(group int32, behind place, most int) []int32 {
	first := int32(sort.Search(len(x.users), func(i int) bool { return behind.before(x.users[i].key, x.users[i].id[:]) }))
	if x.size[group]*x.size[group] < most*len(x.users)/2 { // gathering all is less than walking until there are enough
		var all []int32
		x.eachBelow(group, func(g int32) {
			at, _ := slices.BinarySearch(x.direct[g], first)
			all = append(all, x.direct[g][at:]...)
		})
		slices.Sort(all)
		all = slices.Compact(all)
		return all[:min(most, len(all))]
	}
	found := make([]int32, 0, most)
	below := x.below[group]
	for rank := first; int(rank) < len(x.users) && len(found) < most; rank++ {
		if slices.ContainsFunc(x.groupsOf[rank], below.has) {
			found = append(found, rank)
		}
	}
	return found
}

func (x *index) isDirect(user, group int32) bool {
	_, found := slices.BinarySearch(x.groupsOf[user], group)
	return found
}

// find is where the id stands among the ranks.
func (x *index) find(ranks []int32, id []byte) int {
	return slices.IndexFunc(ranks, func(r int32) bool { return bytes.Equal(x.users[r].id[:], id) })
}
