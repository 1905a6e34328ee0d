package floor

import (
	"encoding/json"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"

	"cohort/models"
)

func TestAppendText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "plain", `"quoted"`, `back\slash`, "tab\tand\nline", "Zoë O’Neill", "\x00\x1f", "木村 さくら", `<a href="x">&`} {
		raw := appendText(nil, []byte(text))
		var got string
		if err := json.Unmarshal(raw, &got); err != nil || got != text {
			t.Errorf("%q becomes %s, which is %q (%v)", text, raw, got, err)
		}
	}
}

func TestAppendID(t *testing.T) {
	t.Parallel()
	user, group := models.NewID[models.UserID](), models.NewID[models.GroupID]()
	got := string(appendID(appendID(nil, "user", user[:]), "group", group[:]))
	if want := strconv.Quote(user.String()) + strconv.Quote(group.String()); got != want {
		t.Errorf("ids are %s, want %s", got, want)
	}
}

func TestCursor(t *testing.T) {
	t.Parallel()
	want := place{"müller", models.NewID[models.UserID]()}
	if got, err := after(httptest.NewRequest("GET", "/?after="+Cursor(want.key, want.id), nil)); err != nil || got != want {
		t.Errorf("the cursor is of %v (%v), want %v", got, err, want)
	}
	if got, err := after(httptest.NewRequest("GET", "/", nil)); err != nil || got != (place{}) {
		t.Errorf("no cursor is %v (%v)", got, err)
	}
	for _, bad := range []string{"x", "AAAA", "%21%21"} {
		if _, err := after(httptest.NewRequest("GET", "/?after="+bad, nil)); err == nil {
			t.Errorf("the cursor %s is taken", bad)
		}
	}
}

// An index of any shape answers what looking at everything answers, also after memberships have come and gone.
func TestIndex(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		x, parents := randomIndex(r)
		x.close(parents)
		for range 30 {
			if r.IntN(2) == 0 {
				x.set(int32(r.IntN(len(x.users))), int32(r.IntN(len(x.groups))), r.IntN(3) > 0)
			}
			group, most := int32(r.IntN(len(x.groups))), 1+r.IntN(8)
			from := r.IntN(len(x.users) + 1)
			behind := place{}
			if from > 0 {
				behind = place{x.users[from-1].key, x.users[from-1].id}
			}
			var all, want []int32
			for user := range x.users {
				if slices.ContainsFunc(x.groupsOf[user], func(g int32) bool { return liesIn(parents, g, group) }) {
					all = append(all, int32(user))
					if user >= from && len(want) < most {
						want = append(want, int32(user))
					}
				}
			}
			if got := x.members(group, behind, most); !slices.Equal(got, want) {
				t.Fatalf("seed %d: members of %d from %d are %v, want %v", seed, group, from, got, want)
			}
			if got := x.count(group); got != len(all) {
				t.Fatalf("seed %d: group %d has %d members, want %d", seed, group, got, len(all))
			}
		}
	}
}

// randomIndex has groups whose parents have smaller numbers, and not yet its closure.
func randomIndex(r *rand.Rand) (*index, [][]int32) {
	x := &index{users: make([]row, 1+r.IntN(200)), groups: make([]row, 1+r.IntN(80))}
	x.groupsOf, x.direct = make([][]int32, len(x.users)), make([][]int32, len(x.groups))
	parents := make([][]int32, len(x.groups))
	for i := range x.users { // many have the same name
		x.users[i] = row{key: strconv.Itoa(1000 + i/5), id: [16]byte{0: byte(i >> 8), 1: byte(i)}}
	}
	for g := 1; g < len(parents); g++ {
		for range r.IntN(3) {
			if p := int32(r.IntN(g)); !slices.Contains(parents[g], p) {
				parents[g] = append(parents[g], p)
			}
		}
	}
	for user := range x.users {
		for g := range x.groups {
			if r.IntN(len(x.groups)) < 2 {
				x.groupsOf[user] = append(x.groupsOf[user], int32(g))
				x.direct[g] = append(x.direct[g], int32(user))
			}
		}
	}
	return x, parents
}

func liesIn(parents [][]int32, g, group int32) bool {
	return g == group || slices.ContainsFunc(parents[g], func(p int32) bool { return liesIn(parents, p, group) })
}
