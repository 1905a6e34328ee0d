package graph_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"cohort/models"
)

// town is 30 people and 10 groups, and beside them the same told in plain maps, which a filter is tried on by
// hand.
type town struct {
	*api
	users, groups []*resident // in the order of their age
}

// resident is a user or a group.
type resident struct {
	id, name             string
	words                []string // what a search finds it by
	status, role, locale string
	created              string
	parents              []*resident // of a group
	direct               []*resident // the groups that a user is a direct member of
}

func newTown(t testing.TB) *town {
	t.Helper()
	w := &town{api: newAPI(t)}
	// Each group with the groups it lies in: a diamond over 0, a chain below it, and three that stand apart.
	for i, parents := range [][]int{{}, {0}, {0}, {1, 2}, {3}, {1}, {}, {6}, {}, {4, 7}} {
		name := fmt.Sprintf("%s Group %d", []string{"Red", "Blue", "Green"}[i%3], i)
		g := &resident{name: name, words: strings.Fields(strings.ToLower(name))}
		var ids []models.GroupID
		for _, p := range parents {
			g.parents = append(g.parents, w.groups[p])
			id, err := models.ParseGroupID(w.groups[p].id)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		g.id = w.group(name, ids).String()
		w.groups = append(w.groups, g)
	}
	w.users = append(w.users, &resident{id: w.admin.UserID.String(), words: []string{"super", "example", "org", "super@example.org"}})
	for i := range 29 {
		first, last := []string{"Ann", "Bob", "Cid", "Dee"}[i%4], []string{"Ash", "Birch", "Cedar"}[i%3]
		in := models.UserCreateInput{
			Email: fmt.Sprintf("%s%d@example.org", strings.ToLower(first), i), GivenName: first, FamilyName: last,
			Role: models.AllRole[i%7%3], Locale: models.AllLocale[i%len(models.AllLocale)],
		}
		u := &resident{words: []string{strings.ToLower(first), strings.ToLower(last), in.Email, fmt.Sprint(strings.ToLower(first), i), "example", "org"}}
		for j, g := range w.groups {
			if (i*7+j*5)%11 < 2 {
				id, err := models.ParseGroupID(g.id)
				if err != nil {
					t.Fatal(err)
				}
				in.GroupIds, u.direct = append(in.GroupIds, id), append(u.direct, g)
			}
		}
		p, err := w.directory.CreateUser(context.Background(), w.operator(), in)
		if err != nil {
			t.Fatal(err)
		}
		u.id = p.User.ID.String()
		w.users = append(w.users, u)
		if i%4 == 0 {
			who := w.admin
			who.UserID = p.User.ID
			if err := w.directory.Activate(context.Background(), who); err != nil {
				t.Fatal(err)
			}
		}
		if i%5 == 0 {
			w.done("usersSuspend", "errors { code }", vars{"selection": vars{"ids": []string{u.id}}})
		}
	}
	for list, residents := range map[string][]*resident{
		`{ list: users(first: 100, sort: CREATED_AT_ASC) { nodes { id createdAt status role locale } } }`: w.users,
		`{ list: groups(first: 100, sort: CREATED_AT_ASC) { nodes { id createdAt } } }`:                   w.groups,
	} {
		for i, row := range get(w.must(list, nil), "list.nodes").([]any) {
			r := residents[i]
			if r.id != get(row, "id") {
				t.Fatalf("%v is not number %d", row, i)
			}
			r.created = get(row, "createdAt").(string)
			r.status, r.role, r.locale = fmt.Sprint(get(row, "status")), fmt.Sprint(get(row, "role")), fmt.Sprint(get(row, "locale"))
		}
	}
	return w
}

// above are the groups that one lies in, near and far.
func above(g *resident) (all []*resident) {
	for _, p := range g.parents {
		all = append(append(all, p), above(p)...)
	}
	return all
}

func related(relation string, direct, inherited bool) bool {
	switch relation {
	case "DIRECT":
		return direct
	case "INHERITED":
		return inherited && !direct
	}
	return direct || inherited
}

func memberOf(u, g *resident, relation string) bool {
	inherited := slices.ContainsFunc(u.direct, func(d *resident) bool { return slices.Contains(above(d), g) })
	return related(relation, slices.Contains(u.direct, g), inherited)
}

func (w *town) find(id any) *resident {
	for _, r := range slices.Concat(w.users, w.groups) {
		if r.id == id {
			return r
		}
	}
	return &resident{}
}

// fits tries a filter on one resident.
func (w *town) fits(r *resident, f vars) bool {
	for field, value := range f {
		if value == nil {
			continue
		}
		ok := true
		switch v := value.(type) {
		case string: // search
			for word := range strings.FieldsSeq(strings.ToLower(v)) {
				ok = ok && slices.ContainsFunc(r.words, func(known string) bool { return strings.HasPrefix(known, word) })
			}
		case []string:
			ok = slices.Contains(v, map[string]string{"status": r.status, "role": r.role, "locale": r.locale}[field])
		case bool:
			ok = (len(r.parents) > 0) == v
		case []vars:
			fitting := 0
			for _, part := range v {
				if w.fits(r, part) {
					fitting++
				}
			}
			ok = fitting == len(v) && field == "and" || fitting > 0 && field == "or"
		case vars:
			relation, _ := v["relation"].(string)
			switch field {
			case "not":
				ok = !w.fits(r, v)
			case "group":
				ok = memberOf(r, w.find(v["id"]), relation)
			case "member":
				ok = memberOf(w.find(v["id"]), r, relation)
			case "within":
				outer := w.find(v["id"])
				inherited := slices.ContainsFunc(r.parents, func(p *resident) bool { return slices.Contains(above(p), outer) })
				ok = related(relation, slices.Contains(r.parents, outer), inherited)
			case "createdAt":
				from, _ := v["from"].(string)
				until, _ := v["until"].(string)
				ok = (from == "" || moment(r.created) >= moment(from)) && (until == "" || moment(r.created) < moment(until))
			}
		}
		if !ok {
			return false
		}
	}
	return true
}

// filters draws a filter for users or for groups.
func (w *town) filters(kind string, depth int) *rapid.Generator[vars] {
	return rapid.Custom(func(rt *rapid.T) vars {
		id := func(residents []*resident, none string) string {
			if i := rapid.IntRange(0, len(residents)).Draw(rt, "of"); i < len(residents) {
				return residents[i].id
			}
			return none
		}
		relation := func(f vars) vars {
			if r := rapid.SampledFrom([]string{"", "DIRECT", "INHERITED", "ALL"}).Draw(rt, "relation"); r != "" {
				f["relation"] = r
			}
			return f
		}
		some := func(values ...string) []string {
			return append([]string{}, rapid.SliceOfNDistinct(rapid.SampledFrom(values), 0, 2, rapid.ID[string]).Draw(rt, "some")...)
		}
		words := rapid.SampledFrom([]string{"", "a", "ann", "AN b", "example", "bo c", "dee5", "xyz", "red", "gr 1", "GROUP", "blue group", "d a"})
		own := map[string]func() any{
			"search": func() any { return words.Draw(rt, "search") },
			"createdAt": func() any {
				moments := []*resident{w.users[3], w.users[11], w.users[22], w.groups[2], w.groups[7]}
				f := vars{}
				for _, end := range rapid.SampledFrom([][]string{{"from"}, {"until"}, {"from", "until"}}).Draw(rt, "ends") {
					f[end] = rapid.SampledFrom(moments).Draw(rt, end).created
				}
				return f
			},
		}
		if kind == "users" {
			own["status"] = func() any { return some("INVITED", "ACTIVE", "SUSPENDED") }
			own["role"] = func() any { return some("SUPER_ADMIN", "ADMIN", "MEMBER") }
			own["locale"] = func() any { return some("EN", "FR", "DE", "IT", "NL") }
			own["group"] = func() any { return relation(vars{"id": id(w.groups, models.NewID[models.GroupID]().String())}) }
		} else {
			own["hasParent"] = func() any { return rapid.Bool().Draw(rt, "hasParent") }
			own["member"] = func() any { return relation(vars{"id": id(w.users, models.NewID[models.UserID]().String())}) }
			own["within"] = func() any { return relation(vars{"id": id(w.groups, models.NewID[models.GroupID]().String())}) }
		}
		if depth < 4 {
			parts := func() any { return rapid.SliceOfN(w.filters(kind, depth+1), 0, 3).Draw(rt, "parts") }
			own["and"], own["or"] = parts, parts
			own["not"] = func() any { return w.filters(kind, depth+1).Draw(rt, "part") }
		}
		f := vars{}
		for _, field := range rapid.SliceOfNDistinct(rapid.SampledFrom(slices.Sorted(mapKeys(own))), 0, 3, rapid.ID[string]).Draw(rt, "fields") {
			if f[field] = own[field](); rapid.IntRange(0, 15).Draw(rt, "null") == 0 {
				f[field] = nil
			}
		}
		return f
	})
}

func size(f vars) int {
	n := 1
	for _, value := range f {
		switch v := value.(type) {
		case vars:
			n += size(v)
		case []vars:
			for _, part := range v {
				n += size(part)
			}
		}
	}
	return n
}

// Random filters, in each other, find whom a filter tried by hand finds: in the lists, in their counts, among
// members and among a user's groups.
func TestFiltersFindWhatFits(t *testing.T) {
	w := newTown(t)
	lists := map[string]struct {
		query string
		all   []*resident
	}{
		"users":    {`query ($f: UserFilter) { list: users(first: 100, filter: $f) { totalCount nodes { id } } }`, w.users},
		"groups":   {`query ($f: GroupFilter) { list: groups(first: 100, filter: $f) { totalCount nodes { id } } }`, w.groups},
		"members":  {`query ($f: UserFilter) { outer: group(by: {id: "` + w.groups[0].id + `"}) { list: members(first: 100, filter: $f) { totalCount nodes { id } } } }`, nil},
		"children": {`query ($f: GroupFilter) { outer: group(by: {id: "` + w.groups[0].id + `"}) { list: descendants(first: 100, filter: $f) { totalCount nodes { id } } } }`, nil},
		"of one":   {`query ($f: GroupFilter) { outer: user(by: {id: "` + w.users[5].id + `"}) { list: groups(first: 100, filter: $f) { totalCount nodes { id } } } }`, nil},
	}
	within := func(name string, fits func(*resident) bool) {
		l := lists[name]
		for _, r := range slices.Concat(w.users, w.groups) {
			if fits(r) {
				l.all = append(l.all, r)
			}
		}
		lists[name] = l
	}
	within("members", func(r *resident) bool { return memberOf(r, w.groups[0], "ALL") })
	within("children", func(r *resident) bool { return slices.Contains(above(r), w.groups[0]) })
	within("of one", func(r *resident) bool { return memberOf(w.users[5], r, "ALL") })
	kinds := map[string]string{"users": "users", "members": "users", "groups": "groups", "children": "groups", "of one": "groups"}
	for name, list := range lists {
		if len(list.all) < 2 {
			t.Fatalf("only %d in %s", len(list.all), name)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				f := w.filters(kinds[name], 1).Filter(func(f vars) bool { return size(f) <= 50 }).Draw(rt, "filter")
				want := []string{}
				for _, r := range list.all {
					if w.fits(r, f) {
						want = append(want, r.id)
					}
				}
				slices.Sort(want)
				data := w.ask(w.admin, list.query, vars{"f": f})
				if len(data.Errors) > 0 {
					rt.Fatalf("answer %s", data.Text)
				}
				answer := get(any(data.Data), "list")
				if answer == nil {
					answer = get(any(data.Data), "outer.list")
				}
				got := texts(answer, "nodes.*.id")
				slices.Sort(got)
				if diff := cmp.Diff(want, got); diff != "" {
					rt.Errorf("found (-want +got):\n%s", diff)
				}
				if n := get(answer, "totalCount"); n != float64(len(want)) {
					rt.Errorf("totalCount %v of %d", n, len(want))
				}
			})
		})
	}
}
