package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/models"
)

func TestNodes(t *testing.T) {
	h := newHouse(t)
	const one = `{ __typename id ... on User { email } ... on Group { name } ... on Account { userCount } }`
	data := h.must(h.fill(`{ nodes(ids: ["$sales", "$ann", "$absentUser", "$sales", "$account", "$foreignGroup", "$emea", "$foreignAccount", "$ann"]) `+one+` }`), nil)
	user := func(id string) any { return vars{"__typename": "User", "id": h.ids[id], "email": id + "@example.org"} }
	group := func(id, name string) any { return vars{"__typename": "Group", "id": h.ids[id], "name": name} }
	account := vars{"__typename": "Account", "id": h.ids["account"], "userCount": 4.0}
	want := []any{group("sales", "Sales"), user("ann"), nil, group("sales", "Sales"), account, nil, group("emea", "EMEA"), nil, user("ann")}
	if diff := cmp.Diff(any(want), data["nodes"]); diff != "" {
		t.Errorf("nodes (-want +got):\n%s", diff)
	}
	if empty := h.must(`{ nodes(ids: []) { id } }`, nil)["nodes"]; len(empty.([]any)) != 0 {
		t.Errorf("of no ids: %v", empty)
	}
	// node finds again whatever has handed out its id.
	for id, text := range h.ids {
		node := h.must(`query ($id: ID!) { node(id: $id) { id } }`, vars{"id": text})["node"]
		if strings.HasPrefix(id, "foreign") || strings.HasPrefix(id, "absent") {
			if node != nil {
				t.Errorf("%s: %v", id, node)
			}
		} else if get(node, "id") != text {
			t.Errorf("%s: %v", id, node)
		}
	}
}

func TestViewer(t *testing.T) {
	h := newHouse(t)
	const query = `{ viewer { role account { id name } user { id email role } viewerCanCreateUsers viewerCanCreateGroups viewerCanSetRoles } }`
	for who, role := range roles {
		viewer := get(h.as(h.callers[who]).must(query, nil), "viewer")
		email := h.must(`query ($id: ID!) { user(by: {id: $id}) { email } }`, vars{"id": h.ids[who]})
		want := vars{
			"role": string(role), "account": vars{"id": h.ids["account"], "name": get(viewer, "account.name")},
			"user":                 vars{"id": h.ids[who], "email": get(email, "user.email"), "role": string(role)},
			"viewerCanCreateUsers": who != "member", "viewerCanCreateGroups": who != "member", "viewerCanSetRoles": who == "super",
		}
		if diff := cmp.Diff(any(want), viewer); diff != "" {
			t.Errorf("%s (-want +got):\n%s", who, diff)
		}
	}
	if user := get(h.as(h.operator()).must(query, nil), "viewer.user"); user != nil {
		t.Errorf("the user of no person: %v", user)
	}
	limit := h.must(`{ account { maxGroupDepth userCount groupCount } }`, nil)
	if diff := cmp.Diff(any(vars{"maxGroupDepth": 5.0, "userCount": 4.0, "groupCount": 4.0}), limit["account"]); diff != "" {
		t.Errorf("account (-want +got):\n%s", diff)
	}
}

// The same list may be asked for several times in one operation, with the same arguments or with others; each
// answers for itself.
func TestAliases(t *testing.T) {
	h := newHouse(t)
	h.done("groupMembersAdd", "errors { code }", vars{"groupIds": []string{h.ids["north"]}, "userIds": []string{h.ids["ann"], h.ids["member"]}})
	data := h.must(h.fill(`{
		groups(first: 5) { nodes {
			name
			all: members { totalCount nodes { email } }
			again: members { totalCount nodes { email } }
			direct: members(relation: DIRECT) { totalCount nodes { email } }
			inherited: members(relation: INHERITED) { totalCount nodes { email } }
			first: members(first: 1) { totalCount nodes { email } pageInfo { hasNextPage } }
			last: members(last: 1, sort: EMAIL_DESC) { nodes { email } pageInfo { hasPreviousPage } }
			ann: members(filter: {search: "ann"}) { totalCount nodes { email } }
			how: members(filter: {search: "ann"}) { edges { direct via { name } path { name } } }
			plain: members(filter: {search: "ann"}) { edges { direct } }
			...F
		} }
	} fragment F on Group { spread: members(filter: {search: "ann"}) { ...G } } fragment G on GroupMemberConnection { edges { ...H } } fragment H on GroupMemberEdge { path { name } }`), nil)
	byName := map[string]any{}
	for _, g := range get(data, "groups.nodes").([]any) {
		byName[get(g, "name").(string)] = g
	}
	for group, want := range map[string]vars{
		"Sales": {
			"all": "4 admin ann member super", "direct": "3 admin member super", "inherited": "1 ann", "first": "4 admin true", "last": "admin true",
			"ann": "1 ann", "how": "false [EMEA North] [EMEA Sales]", "plain": "false",
		},
		"EMEA":  {"all": "2 ann member", "direct": "1 ann", "inherited": "1 member", "first": "2 ann true", "last": "ann true", "ann": "1 ann", "how": "true [North] [EMEA]", "plain": "true"},
		"North": {"all": "2 ann member", "direct": "2 ann member", "inherited": "0", "first": "2 ann true", "last": "ann true", "ann": "1 ann", "how": "true [] [North]", "plain": "true"},
		"Alone": {"all": "0", "direct": "0", "inherited": "0", "first": "0 false", "last": "false", "ann": "0", "how": "", "plain": ""},
	} {
		g := byName[group]
		got := vars{}
		for name := range want {
			l := get(g, name)
			switch name {
			case "how":
				if edges := get(l, "edges").([]any); len(edges) > 0 {
					got[name] = fmt.Sprint(get(edges[0], "direct"), " ", texts(edges[0], "via.*.name"), " ", texts(edges[0], "path.*.name"))
				} else {
					got[name] = ""
				}
				continue
			case "plain":
				got[name] = strings.Join(texts(l, "edges.*.direct"), " ")
				continue
			}
			var words []string
			if n := get(l, "totalCount"); n != nil {
				words = append(words, fmt.Sprint(n))
			}
			for _, email := range texts(l, "nodes.*.email") {
				words = append(words, strings.TrimSuffix(email, "@example.org"))
			}
			for _, more := range []string{"hasNextPage", "hasPreviousPage"} {
				if v := get(l, "pageInfo."+more); v != nil {
					words = append(words, fmt.Sprint(v))
				}
			}
			got[name] = strings.Join(words, " ")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", group, diff)
		}
		if diff := cmp.Diff(get(g, "all"), get(g, "again")); diff != "" {
			t.Errorf("%s, asked for twice:\n%s", group, diff)
		}
		if diff := cmp.Diff(get(g, "how.edges.*.path"), get(g, "spread.edges.*.path")); diff != "" {
			t.Errorf("%s, by fragments:\n%s", group, diff)
		}
	}
}

// Lists, checks and the reverse lists say the same of how somebody is a member.
func TestMembershipsAgree(t *testing.T) {
	w := newTown(t)
	data := w.must(`query ($u: [ID!]!, $g: [ID!]!) { membershipChecks(userIds: $u, groupIds: $g) { userId groupId isMember direct via { id } path { id } } }`, vars{
		"u": idsOf(w.users), "g": idsOf(w.groups),
	})
	type how struct {
		Direct    bool
		Via, Path []string
	}
	read := func(edge any) how {
		return how{get(edge, "direct").(bool), texts(edge, "via.*.id"), texts(edge, "path.*.id")}
	}
	checks, lists, reverse := map[string]how{}, map[string]how{}, map[string]how{}
	for i, c := range get(data, "membershipChecks").([]any) {
		user, group := w.users[i/len(w.groups)], w.groups[i%len(w.groups)]
		if get(c, "userId") != user.id || get(c, "groupId") != group.id {
			t.Fatalf("check number %d is about %v and %v", i, get(c, "userId"), get(c, "groupId"))
		}
		if get(c, "isMember") != memberOf(user, group, "ALL") {
			t.Errorf("%v", c)
		}
		if get(c, "isMember") == true {
			checks[user.id+group.id] = read(c)
		}
	}
	for _, g := range w.groups {
		list := w.must(`query ($id: ID!) { group(by: {id: $id}) { members(first: 100) { edges { node { id } direct via { id } path { id } } } } }`, vars{"id": g.id})
		for _, edge := range get(list, "group.members.edges").([]any) {
			lists[get(edge, "node.id").(string)+g.id] = read(edge)
		}
	}
	for _, u := range w.users {
		list := w.must(`query ($id: ID!) { user(by: {id: $id}) { groups(first: 100) { edges { node { id } direct via { id } path { id } } } } }`, vars{"id": u.id})
		for _, edge := range get(list, "user.groups.edges").([]any) {
			reverse[u.id+get(edge, "node.id").(string)] = read(edge)
		}
	}
	if diff := cmp.Diff(checks, lists); diff != "" {
		t.Errorf("members (-checks +lists):\n%s", diff)
	}
	if diff := cmp.Diff(checks, reverse); diff != "" {
		t.Errorf("groups (-checks +lists):\n%s", diff)
	}
	if len(checks) < 40 {
		t.Errorf("only %d memberships", len(checks))
	}
}

func idsOf(residents []*resident) (ids []string) {
	for _, r := range residents {
		ids = append(ids, r.id)
	}
	return ids
}

// The neighbours are those of the list under every filter and sort, and none for who isn't in it.
func TestAdjacent(t *testing.T) {
	w := newTown(t)
	for i, g := range w.groups {
		w.done("groupUpdate", "group { id }", vars{"id": g.id, "priority": i / 3})
	}
	for _, filter := range []string{"", `filter: {search: "red"}, `, `filter: {hasParent: true, not: {search: "blue"}}, `, `filter: {or: []}, `} {
		for _, value := range contract(t).Types["GroupSort"].EnumValues {
			t.Run(filter+value.Name, func(t *testing.T) {
				args := filter + "sort: " + value.Name
				data := w.in(t).must(`{ list: groups(`+args+`) { nodes { id } } all: groups { nodes { id adjacent(`+args+`) { previous { id } next { id } } } } }`, nil)
				list := texts(data, "list.nodes.*.id")
				for _, g := range get(data, "all.nodes").([]any) {
					i := slices.Index(list, get(g, "id").(string))
					var previous, next any
					if i > 0 {
						previous = list[i-1]
					}
					if i >= 0 && i < len(list)-1 {
						next = list[i+1]
					}
					if get(g, "adjacent.previous.id") != previous || get(g, "adjacent.next.id") != next {
						t.Errorf("number %d of %v has %v", i, list, get(g, "adjacent"))
					}
				}
			})
		}
	}
}

// town hides newHouse's in; its subtests need the same.
func (w *town) in(t testing.TB) *town {
	b := *w
	b.api = w.api.in(t)
	return &b
}

// Where a group lies: how deep, under whom, and by which way.
func TestWhereGroupsLie(t *testing.T) {
	a := newAPI(t)
	ids := map[string]models.GroupID{}
	for _, g := range []struct{ name, in string }{
		{"Top", ""}, {"Left", "Top"}, {"Right", "Top"}, {"Low", "Right Left"}, {"Lower", "Low"}, {"Short", ""}, {"Both", "Lower Short"}, {"Near", "Lower Right"},
	} {
		var parents []models.GroupID
		for name := range strings.FieldsSeq(g.in) {
			parents = append(parents, ids[name])
		}
		ids[g.name] = a.group(g.name, parents)
	}
	names := func(v any, path string) string { return strings.Join(texts(v, path+".*.name"), " ") }
	for name, want := range map[string]struct {
		depth                                        float64
		breadcrumbs, parents, children, above, below string
	}{
		"Top":   {1, "", "", "Left Right", "", "Both Left Low Lower Near Right"},
		"Left":  {2, "Top", "Top", "Low", "Top", "Both Low Lower Near"},
		"Low":   {3, "Top Left", "Left Right", "Lower", "Left Right Top", "Both Lower Near"}, // Left is older than Right
		"Lower": {4, "Top Left Low", "Low", "Both Near", "Left Low Right Top", "Both Near"},
		"Short": {1, "", "", "Both", "", "Both"},
		"Both":  {5, "Short", "Lower Short", "", "Left Low Lower Right Short Top", ""}, // the shortest way
		"Near":  {5, "Top Right", "Lower Right", "", "Left Low Lower Right Top", ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := a.in(t).must(`query ($n: String!) { group(by: {name: $n}) { depth breadcrumbs { name } parents { nodes { name } } children { nodes { name } } ancestors { nodes { name } } descendants { nodes { name } } } }`, vars{"n": name})["group"]
			got := []string{
				names(g, "breadcrumbs"), names(g, "parents.nodes"), names(g, "children.nodes"), names(g, "ancestors.nodes"), names(g, "descendants.nodes"),
			}
			if diff := cmp.Diff([]string{want.breadcrumbs, want.parents, want.children, want.above, want.below}, got); diff != "" {
				t.Errorf("breadcrumbs, parents, children, ancestors, descendants (-want +got):\n%s", diff)
			}
			if get(g, "depth") != want.depth {
				t.Errorf("depth %v, want %v", get(g, "depth"), want.depth)
			}
		})
	}
}
