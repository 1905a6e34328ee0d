package graph_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"cohort/auth"
	"cohort/models"
)

// crowd is an account with people and groups of whom many are alike in what lists sort by, and a group that
// everybody is in, directly or not, and that has every group below it.
func crowd(t testing.TB) (*api, models.GroupID, models.UserID) {
	t.Helper()
	a := newAPI(t)
	names := []string{"Ann", "ann", "Ánn", "Bob", "", "Zoë", "zoe", "Łukasz", "Straße", "strasse", "Éric", "eric", "Óscar"}
	in := models.UsersCreateInput{ErrorPolicy: models.ErrorPolicyRejectAll}
	for i := range 39 {
		in.Users = append(in.Users, &models.UserCreateInput{
			Email: fmt.Sprintf("%c%d@example.org", 'a'+rune(i*7%26), i), GivenName: names[i%len(names)], FamilyName: names[i/5%len(names)],
			Role: models.RoleMember, Locale: models.LocaleEn,
		})
	}
	made, err := a.directory.CreateUsers(context.Background(), a.operator(), in)
	if err != nil {
		t.Fatal(err)
	}
	var everybody []models.UserID
	for _, user := range made.Users {
		everybody = append(everybody, user.ID)
	}
	everybody = append(everybody, a.admin.UserID)
	top := a.group("Top", nil)
	for i := range 24 {
		accent := []string{"", "\u0301", "\u0308", "\u0300"}[i%4] // another name, in the same place
		in := models.GroupCreateInput{
			Name: []string{"Ann", "Bob", "Zoe", "Eric", "ōscar", "Ærø"}[i/4] + accent, Priority: int32(i % 3),
			ParentIds: []models.GroupID{top}, MemberIds: everybody[:i*5%len(everybody)],
		}
		if _, err := a.directory.CreateGroup(context.Background(), a.operator(), in); err != nil {
			t.Fatal(err)
		}
	}
	return a, top, everybody[0]
}

// listed are the lists of the crowd, with the entries of the whole list as an order that is worked out here.
var listed = map[string]struct{ query, kind string }{
	"users":                  {`{ list: users(%ARGS%) { %FIELDS% } }`, "User"},
	"groups":                 {`{ list: groups(%ARGS%) { %FIELDS% } }`, "Group"},
	"members":                {`{ group(by: {name: "Top"}) { list: members(%ARGS%) { %FIELDS% } } }`, "User"},
	"the user's groups":      {`{ user(by: {email: "a0@example.org"}) { list: groups(%ARGS%) { %FIELDS% } } }`, "Group"},
	"children":               {`{ group(by: {name: "Top"}) { list: children(%ARGS%) { %FIELDS% } } }`, "Group"},
	"descendants":            {`{ group(by: {name: "Top"}) { list: descendants(%ARGS%) { %FIELDS% } } }`, "Group"},
	"users of a filter":      {`{ list: users(filter: {not: {search: "ann"}}%ARGS%) { %FIELDS% } }`, "User"},
	"members by inheritance": {`{ group(by: {name: "Top"}) { list: members(relation: INHERITED%ARGS%) { %FIELDS% } } }`, "User"},
}

// page is the part of a list that some arguments ask for.
type page struct {
	ids, cursors   []string
	next, previous bool
	start, end     any
}

func (a *api) page(query, args string) page {
	a.t.Helper()
	if strings.Contains(query, "{%ARGS%") || strings.Contains(query, "(%ARGS%") {
		args = strings.TrimPrefix(args, ", ")
	}
	query = strings.ReplaceAll(strings.ReplaceAll(query, "%ARGS%", args), "%FIELDS%",
		"nodes { id } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }")
	list := get(a.must(query, nil), "list")
	for _, outer := range []string{"group", "user"} {
		if list == nil {
			list = get(a.must(query, nil), outer+".list")
		}
	}
	p := page{
		ids: texts(list, "nodes.*.id"), cursors: texts(list, "edges.*.cursor"),
		next: get(list, "pageInfo.hasNextPage").(bool), previous: get(list, "pageInfo.hasPreviousPage").(bool),
		start: get(list, "pageInfo.startCursor"), end: get(list, "pageInfo.endCursor"),
	}
	if !slices.Equal(p.ids, texts(list, "edges.*.node.id")) {
		a.t.Errorf("nodes and edges differ: %v", list)
	}
	return p
}

// key is what a row is sorted by, worked out from its fields.
func key(sort string, row map[string]any) any {
	fold := func(fields ...string) string {
		words := make([]string, len(fields))
		for i, f := range fields {
			words[i] = row[f].(string)
		}
		return models.Fold(strings.Join(words, " "))
	}
	switch {
	case strings.HasPrefix(sort, "NAME") && row["displayName"] != nil:
		return fold("displayName")
	case strings.HasPrefix(sort, "NAME"):
		return fold("name")
	case strings.HasPrefix(sort, "FAMILY_NAME"):
		return fold("familyName", "givenName")
	case strings.HasPrefix(sort, "EMAIL"):
		return fold("email")
	case strings.HasPrefix(sort, "PRIORITY"):
		return row["priority"]
	case strings.HasPrefix(sort, "DIRECT_MEMBER_COUNT"):
		return row["directMemberCount"]
	default:
		return moment(row["createdAt"].(string))
	}
}

// moment is a DateTime as a number, so that moments compare.
func moment(text string) float64 {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return float64(t.UnixMicro())
}

// inOrder sorts ids as the list should have them: by the key, and those alike by their ids.
func inOrder(sort string, ids []string, rows map[string]map[string]any) []string {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(x, y string) int {
		c := 0
		switch a := key(sort, rows[x]).(type) {
		case string:
			c = cmp.Compare(a, key(sort, rows[y]).(string))
		case float64:
			c = cmp.Compare(a, key(sort, rows[y]).(float64))
		}
		if c = cmp.Or(c, cmp.Compare(x, y)); strings.HasSuffix(sort, "_DESC") {
			c = -c
		}
		return c
	})
	return ids
}

// Every list in every order, walked forwards and backwards in pages of several sizes, is the one big read.
func TestPaging(t *testing.T) {
	a, _, _ := crowd(t)
	rows := map[string]map[string]any{}
	for _, query := range []string{
		`{ users(first: 100) { nodes { id displayName givenName familyName email createdAt } } }`,
		`{ groups(first: 100) { nodes { id name priority directMemberCount createdAt } } }`,
	} {
		for _, list := range a.must(query, nil) {
			for _, row := range get(list, "nodes").([]any) {
				rows[row.(map[string]any)["id"].(string)] = row.(map[string]any)
			}
		}
	}
	for list, what := range listed {
		for _, value := range contract(t).Types[what.kind+"Sort"].EnumValues {
			t.Run(list+" "+value.Name, func(t *testing.T) {
				t.Parallel()
				a, sort := a.in(t), ", sort: "+value.Name
				whole := a.page(what.query, ", first: 100"+sort)
				if len(whole.ids) < 20 {
					t.Fatalf("only %d entries", len(whole.ids))
				}
				if diff := gocmp.Diff(inOrder(value.Name, whole.ids, rows), whole.ids); diff != "" {
					t.Errorf("order (-want +got):\n%s", diff)
				}
				for _, size := range []int{1, 7, len(whole.ids) - 1, len(whole.ids)} {
					if size == 1 && list != "users" && list != "groups" {
						continue
					}
					a.walk(what.query, sort, size, whole)
				}
			})
		}
	}
}

// walk goes through a list both ways.
func (a *api) walk(query, sort string, size int, whole page) {
	a.t.Helper()
	n := len(whole.ids)
	var forwards, backwards []string
	for after, at := "", 0; ; {
		p := a.page(query, fmt.Sprintf(", first: %d%s%s", size, sort, after))
		a.lies(p, whole, at, min(at+size, n))
		if forwards = append(forwards, p.ids...); !p.next {
			break
		}
		after, at = fmt.Sprintf(`, after: "%s"`, p.end), at+len(p.ids)
	}
	for before, at := "", n; ; {
		p := a.page(query, fmt.Sprintf(", last: %d%s%s", size, sort, before))
		a.lies(p, whole, max(0, at-size), at)
		if backwards = append(slices.Clone(p.ids), backwards...); !p.previous {
			break
		}
		before, at = fmt.Sprintf(`, before: "%s"`, p.start), at-len(p.ids)
	}
	for way, got := range map[string][]string{"forwards": forwards, "backwards": backwards} {
		if diff := gocmp.Diff(whole.ids, got); diff != "" {
			a.t.Errorf("%s in pages of %d (-want +got):\n%s", way, size, diff)
		}
	}
}

// lies holds a page against the part of the whole list that it should be.
func (a *api) lies(p, whole page, from, to int) {
	a.t.Helper()
	want := page{
		ids: whole.ids[from:to], cursors: whole.cursors[from:to], previous: from > 0, next: to < len(whole.ids),
		start: whole.cursors[from], end: whole.cursors[to-1],
	}
	if diff := gocmp.Diff(want, p, gocmp.AllowUnexported(page{})); diff != "" {
		a.t.Fatalf("the page from %d to %d (-want +got):\n%s", from, to, diff)
	}
}

// Between two cursors, from either end.
func TestPagesBetweenCursors(t *testing.T) {
	a, _, _ := crowd(t)
	whole := a.page(listed["users"].query, ", first: 100")
	rapid.Check(t, func(rt *rapid.T) {
		from, to := rapid.IntRange(-1, 39).Draw(rt, "after"), rapid.IntRange(0, 40).Draw(rt, "before")
		size := rapid.IntRange(1, 45).Draw(rt, "size")
		end := rapid.SampledFrom([]string{"first", "last"}).Draw(rt, "end")
		args := fmt.Sprintf(", %s: %d", end, size)
		if from >= 0 {
			args += fmt.Sprintf(`, after: "%s"`, whole.cursors[from])
		}
		if to < 40 {
			args += fmt.Sprintf(`, before: "%s"`, whole.cursors[to])
		}
		want := []string{}
		if from+1 < to {
			want = whole.ids[from+1 : to]
		}
		if end == "first" {
			want = want[:min(size, len(want))]
		} else {
			want = want[max(0, len(want)-size):]
		}
		got := a.page(listed["users"].query, args)
		if diff := gocmp.Diff(want, got.ids); diff != "" {
			rt.Errorf("page (-want +got):\n%s", diff)
		}
		if len(want) == 0 {
			return
		}
		if previous, next := want[0] != whole.ids[0], want[len(want)-1] != whole.ids[39]; got.previous != previous || got.next != next {
			rt.Errorf("more before: %v, want %v; more behind: %v, want %v", got.previous, previous, got.next, next)
		}
	})
}

// Who comes or goes between two pages makes nobody else be missed or shown twice.
func TestPagesOfAChangingList(t *testing.T) {
	a, _, _ := crowd(t)
	stay := map[string]bool{}
	for _, id := range a.page(listed["users"].query, ", first: 100").ids {
		stay[id] = true
	}
	seen := map[string]int{}
	for after, i := "", 0; ; i++ {
		p := a.page(listed["users"].query, ", first: 5"+after)
		for _, id := range p.ids {
			seen[id]++
		}
		if !p.next {
			break
		}
		after = fmt.Sprintf(`, after: "%s"`, p.end)
		if gone := p.ids[len(p.ids)-1]; gone != a.admin.UserID.String() { // the very row of the cursor
			a.done("userDelete", "deletedUserId", vars{"id": gone})
			delete(stay, gone)
		}
		for _, name := range []string{"AAA", "ann", "zzz"} { // before, among and behind
			a.done("userCreate", "user { id }", vars{"email": fmt.Sprintf("%s%d@new.example.org", name, i), "displayName": name})
		}
	}
	for id := range stay {
		if seen[id] != 1 {
			t.Errorf("%s was shown %d times", id, seen[id])
		}
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s was shown %d times", id, n)
		}
	}
}

func TestEmptyLists(t *testing.T) {
	a := newAPI(t)
	a.group("Alone", nil)
	for _, fields := range []string{"members", "parents", "children", "ancestors", "descendants"} {
		for _, args := range []string{"", "(last: 5)", "(first: 100)"} {
			data := a.must(`{ group(by: {name: "Alone"}) { `+fields+args+` { totalCount nodes { id } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }`, nil)
			want := vars{
				"totalCount": 0.0, "nodes": []any{}, "edges": []any{},
				"pageInfo": vars{"hasNextPage": false, "hasPreviousPage": false, "startCursor": nil, "endCursor": nil},
			}
			if diff := gocmp.Diff(any(want), get(data, "group."+fields)); diff != "" {
				t.Errorf("%s%s (-want +got):\n%s", fields, args, diff)
			}
		}
	}
}

// totalCount is that of the whole list, whatever page is shown.
func TestTotalCount(t *testing.T) {
	a, _, _ := crowd(t)
	for name, what := range listed {
		t.Run(name, func(t *testing.T) {
			a := a.in(t)
			whole := a.page(what.query, ", first: 100")
			for _, args := range []string{", first: 1", ", last: 3", fmt.Sprintf(`, first: 2, after: "%s"`, whole.cursors[4]), ", sort: CREATED_AT_DESC"} {
				list := what.query
				if strings.Contains(list, "(%ARGS%") {
					args = args[2:]
				}
				data := a.must(strings.ReplaceAll(strings.ReplaceAll(list, "%ARGS%", args), "%FIELDS%", "totalCount"), nil)
				got := get(data, "list.totalCount")
				for _, outer := range []string{"group", "user"} {
					if data[outer] != nil {
						got = get(data, outer+".list.totalCount")
					}
				}
				if got != float64(len(whole.ids)) {
					t.Errorf("%s: %v, want %d", args, got, len(whole.ids))
				}
			}
		})
	}
}

// Members page through their own groups like everybody else.
func TestMembersPage(t *testing.T) {
	a, _, user := crowd(t)
	const query = `{ viewer { user { groups(%ARGS%) { nodes { id } pageInfo { hasNextPage endCursor } } } } }`
	member := a.as(auth.Caller{Account: a.account, UserID: user, Role: models.RoleMember, Kind: auth.Person})
	var ids []string
	for after, more := "", true; more; {
		groups := get(member.must(strings.ReplaceAll(query, "%ARGS%", "first: 4"+after), nil), "viewer.user.groups")
		ids = append(ids, texts(groups, "nodes.*.id")...)
		more, after = get(groups, "pageInfo.hasNextPage").(bool), fmt.Sprintf(`, after: "%s"`, get(groups, "pageInfo.endCursor"))
	}
	want := a.page(listed["the user's groups"].query, ", first: 100").ids
	if diff := gocmp.Diff(want, ids); diff != "" {
		t.Errorf("groups (-as an admin sees them +as the member):\n%s", diff)
	}
}
