package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const wholeGroup = `id name description priority directMemberCount memberCount depth`

func TestGroupCreate(t *testing.T) {
	h := newHouse(t)
	got := h.done("groupCreate", `group { `+wholeGroup+` parents { nodes { name } } members { nodes { email } } } groupEdge { cursor node { id } } parents { name memberCount children { totalCount } }`, vars{
		"name": "  Field Team ", "description": " Those\r\nwho travel\n", "priority": -7,
		"parentIds": []string{h.ids["sales"], h.ids["alone"], h.ids["sales"]}, "memberIds": []string{h.ids["ann"], h.ids["member"], h.ids["ann"]},
	})
	id := get(got, "group.id").(string)
	h.continues(got["groupEdge"], id, `{ groups(%ARGS%) { nodes { id } } }`, "groups")
	delete(got, "groupEdge")
	want := vars{
		"group": vars{
			"id": id, "name": "Field Team", "description": "Those\nwho travel", "priority": -7.0, "directMemberCount": 2.0, "memberCount": 2.0, "depth": 2.0,
			"parents": vars{"nodes": []any{vars{"name": "Alone"}, vars{"name": "Sales"}}},
			"members": vars{"nodes": []any{vars{"email": "ann@example.org"}, vars{"email": "member@example.org"}}},
		},
		"parents": []any{
			vars{"name": "Sales", "memberCount": 4.0, "children": vars{"totalCount": 2.0}},
			vars{"name": "Alone", "memberCount": 2.0, "children": vars{"totalCount": 1.0}},
		},
	}
	if diff := cmp.Diff(any(want), any(got)); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
	plain := h.done("groupCreate", `group { `+wholeGroup+` } parents { id }`, vars{"name": "Plain"})
	want = vars{
		"group":   vars{"id": get(plain, "group.id"), "name": "Plain", "description": "", "priority": 0.0, "directMemberCount": 0.0, "memberCount": 0.0, "depth": 1.0},
		"parents": []any{},
	}
	if diff := cmp.Diff(any(want), any(plain)); diff != "" {
		t.Errorf("with nothing but a name (-want +got):\n%s", diff)
	}
	refused := h.do("groupCreate", `group { id } groupEdge { cursor } parents { id } errors { code path params { name values } }`, vars{
		"name": "plain", "parentIds": []string{h.ids["sales"]},
	})
	want = vars{"group": nil, "groupEdge": nil, "parents": []any{}, "errors": []any{
		vars{"code": "NAME_TAKEN", "path": []any{"input", "name"}, "params": []any{vars{"name": "name", "values": []any{"Plain"}}}},
	}}
	if diff := cmp.Diff(any(want), any(refused)); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
}

// A field left out stays; null takes it away.
func TestGroupUpdate(t *testing.T) {
	for name, tt := range map[string]struct{ input, want vars }{
		"nothing":              {vars{}, vars{}},
		"the name":             {vars{"name": " Nord "}, vars{"name": "Nord"}},
		"the name's case":      {vars{"name": "NORTH"}, vars{"name": "NORTH"}},
		"the description":      {vars{"description": "a\tb\nc"}, vars{"description": "a\tb\nc"}},
		"no description":       {vars{"description": nil}, vars{"description": ""}},
		"an empty description": {vars{"description": " \n"}, vars{"description": ""}},
		"the priority":         {vars{"priority": 3}, vars{"priority": 3.0}},
		"no priority":          {vars{"priority": nil}, vars{"priority": 0.0}},
		"everything":           {vars{"name": "N", "description": "D", "priority": -1}, vars{"name": "N", "description": "D", "priority": -1.0}},
		"null for ifMatch":     {vars{"priority": 3, "ifMatch": nil}, vars{"priority": 3.0}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			start := a.done("groupCreate", `group { `+wholeGroup+` }`, vars{"name": "North", "description": "Up there", "priority": 9})["group"].(map[string]any)
			want, input := vars{}, vars{"id": start["id"]}
			for field, value := range start {
				want[field] = value
			}
			for field, value := range tt.want {
				want[field] = value
			}
			for field, value := range tt.input {
				input[field] = value
			}
			got := a.done("groupUpdate", `group { `+wholeGroup+` } parents { id } results { outcome }`, input)
			if diff := cmp.Diff(any(vars{"group": want, "parents": []any{}, "results": []any{}}), any(got)); diff != "" {
				t.Errorf("payload (-want +got):\n%s", diff)
			}
			if again := a.must(`query ($id: ID!) { group(by: {id: $id}) { `+wholeGroup+` } }`, vars{"id": start["id"]})["group"]; !cmp.Equal(any(want), again) {
				t.Errorf("read is %v", again)
			}
		})
	}
}

// The Save button: fields, members and parents in one go, and what happened to each.
func TestGroupUpdateSavesAll(t *testing.T) {
	h := newHouse(t)
	got := h.done("groupUpdate", `group { name memberCount directMemberCount parents { nodes { name } } }
		parents { name children { totalCount } } results { userId groupId outcome memberEdge { cursor direct node { id } via { name } path { name } } }`, vars{
		"id": h.ids["emea"], "name": "Europe",
		"addMemberIds": []string{h.ids["member"], h.ids["super"], h.ids["member"]}, "removeMemberIds": []string{h.ids["ann"], h.ids["admin"]},
		"addParentIds": []string{h.ids["alone"]}, "removeParentIds": []string{h.ids["sales"], h.ids["north"]},
	})
	var edges []any
	var outcomes []string
	for _, r := range got["results"].([]any) {
		name := ""
		for known, id := range h.ids {
			if id == get(r, "userId") {
				name = known
			}
		}
		outcomes = append(outcomes, name+" "+get(r, "outcome").(string))
		if edge := get(r, "memberEdge"); edge != nil {
			edges = append(edges, edge)
		}
		if get(r, "groupId") != h.ids["emea"] {
			t.Errorf("result %v", r)
		}
	}
	if diff := cmp.Diff([]string{"member ADDED", "super ADDED", "ann REMOVED", "admin NOT_MEMBER"}, outcomes); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if len(edges) != 2 {
		t.Fatalf("edges %v", edges)
	}
	for _, edge := range edges {
		h.continues(edge, get(edge, "node.id").(string), h.fill(`{ group(by: {id: "$emea"}) { members(%ARGS%) { nodes { id } } } }`), "group.members")
		if get(edge, "direct") != true || fmt.Sprint(texts(edge, "path.*.name")) != "[Europe]" {
			t.Errorf("edge %v", edge)
		}
	}
	delete(got, "results")
	want := vars{
		"group":   vars{"name": "Europe", "memberCount": 2.0, "directMemberCount": 2.0, "parents": vars{"nodes": []any{vars{"name": "Alone"}}}},
		"parents": []any{vars{"name": "Sales", "children": vars{"totalCount": 0.0}}, vars{"name": "Alone", "children": vars{"totalCount": 1.0}}},
	}
	if diff := cmp.Diff(any(want), any(got)); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
	again := h.done("groupUpdate", `results { outcome memberEdge { cursor } } parents { id }`, vars{
		"id": h.ids["emea"], "addMemberIds": []string{h.ids["member"]}, "removeMemberIds": []string{h.ids["ann"]}, "addParentIds": []string{h.ids["alone"]},
	})
	want = vars{"results": []any{vars{"outcome": "ALREADY_MEMBER", "memberEdge": nil}, vars{"outcome": "NOT_MEMBER", "memberEdge": nil}}, "parents": []any{}}
	if diff := cmp.Diff(any(want), any(again)); diff != "" {
		t.Errorf("again (-want +got):\n%s", diff)
	}
	// Turning an edge round in one go is no loop.
	h.done("groupUpdate", `parents { id }`, vars{"id": h.ids["emea"], "addParentIds": []string{h.ids["sales"]}})
	h.done("groupUnnest", `outcome`, vars{"parentId": h.ids["emea"], "childId": h.ids["north"]})
	turned := h.done("groupUpdate", `group { depth }`, vars{"id": h.ids["emea"], "removeParentIds": []string{h.ids["sales"], h.ids["alone"]}, "addParentIds": []string{h.ids["north"]}})
	if get(turned, "group.depth") != 2.0 {
		t.Errorf("turned round: %v", turned)
	}
}

// Nobody is deleted with a group, and its children stay.
func TestGroupDelete(t *testing.T) {
	h := newHouse(t)
	got := h.done("groupDelete", `deletedGroupId group { id } parents { name memberCount } children { name depth parents { totalCount } }`, vars{"id": h.ids["emea"]})
	want := vars{
		"deletedGroupId": h.ids["emea"], "group": nil,
		"parents":  []any{vars{"name": "Sales", "memberCount": 3.0}},
		"children": []any{vars{"name": "North", "depth": 1.0, "parents": vars{"totalCount": 0.0}}},
	}
	if diff := cmp.Diff(any(want), any(got)); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
	data := h.must(h.fill(`{ node(id: "$emea") { id } group(by: {name: "EMEA"}) { id } groups(filter: {search: "emea"}) { totalCount } account { userCount groupCount }
		user(by: {id: "$ann"}) { groups { totalCount } } users(filter: {group: {id: "$emea"}}) { totalCount } }`), nil)
	want = vars{
		"node": nil, "group": nil, "groups": vars{"totalCount": 0.0}, "account": vars{"userCount": 4.0, "groupCount": 3.0},
		"user": vars{"groups": vars{"totalCount": 0.0}}, "users": vars{"totalCount": 0.0},
	}
	if diff := cmp.Diff(any(want), any(data)); diff != "" {
		t.Errorf("afterwards (-want +got):\n%s", diff)
	}
	h.done("groupCreate", "group { id }", vars{"name": "EMEA"}) // the name is free again
}

func TestGroupsDelete(t *testing.T) {
	for name, tt := range map[string]struct {
		selection vars
		deleted   string
		relatives string
	}{
		"by ids":               {vars{"ids": []string{"$north", "$sales", "$absentGroup", "$north"}}, "north sales", "EMEA"},
		"one in the middle":    {vars{"ids": []string{"$emea"}}, "emea", "Sales North"},
		"ids that are gone":    {vars{"ids": []string{"$absentGroup"}}, "", ""},
		"by a filter":          {vars{"matching": vars{"filter": vars{"hasParent": true}}}, "emea north", "Sales"},
		"by a filter but some": {vars{"matching": vars{"filter": vars{}, "exceptIds": []string{"$sales", "$absentGroup"}}}, "emea north alone", "Sales"},
		"all":                  {vars{"all": true}, "sales emea north alone", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			selection := vars{}
			for way, value := range tt.selection {
				selection[way] = value
			}
			got := h.send(request{query: `mutation ($s: GroupSelection!) { groupsDelete(input: {selection: $s}) { deletedGroupIds relatives { name memberCount children { nodes { id } } } errors { code } } }`, variables: vars{"s": selection}})
			if wrong, _ := complaints(got); wrong != "" {
				t.Fatal(wrong)
			}
			var deleted []string
			for _, id := range texts(any(got.Data), "groupsDelete.deletedGroupIds") {
				for known, text := range h.ids {
					if text == id {
						deleted = append(deleted, known)
					}
				}
			}
			if strings.Join(deleted, " ") != tt.deleted {
				t.Errorf("deleted %v, want %s", deleted, tt.deleted)
			}
			if relatives := strings.Join(texts(any(got.Data), "groupsDelete.relatives.*.name"), " "); relatives != tt.relatives {
				t.Errorf("relatives %s, want %s", relatives, tt.relatives)
			}
			left := h.must(`{ account { groupCount userCount } }`, nil)
			if n := len(strings.Fields(tt.deleted)); get(left, "account.groupCount") != float64(4-n) || get(left, "account.userCount") != 4.0 {
				t.Errorf("left %v", left)
			}
		})
	}
}

func TestNestAndUnnest(t *testing.T) {
	h := newHouse(t)
	const nest = `outcome parent { name memberCount } child { name depth } childEdge { cursor node { id } }`
	edge := vars{"parentId": h.ids["alone"], "childId": h.ids["emea"]}
	got := h.done("groupNest", nest, edge)
	h.continues(got["childEdge"], h.ids["emea"], h.fill(`{ group(by: {id: "$alone"}) { children(%ARGS%) { nodes { id } } } }`), "group.children")
	delete(got, "childEdge")
	want := vars{"outcome": "NESTED", "parent": vars{"name": "Alone", "memberCount": 1.0}, "child": vars{"name": "EMEA", "depth": 2.0}}
	if diff := cmp.Diff(any(want), any(got)); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
	want["outcome"], want["childEdge"] = "ALREADY_NESTED", nil
	if diff := cmp.Diff(any(want), any(h.done("groupNest", nest, edge))); diff != "" {
		t.Errorf("again (-want +got):\n%s", diff)
	}
	delete(want, "childEdge")
	want["outcome"], want["parent"] = "UNNESTED", vars{"name": "Alone", "memberCount": 0.0}
	if diff := cmp.Diff(any(want), any(h.done("groupUnnest", `outcome parent { name memberCount } child { name depth }`, edge))); diff != "" {
		t.Errorf("unnested (-want +got):\n%s", diff)
	}
	want["outcome"] = "NOT_NESTED"
	if diff := cmp.Diff(any(want), any(h.done("groupUnnest", `outcome parent { name memberCount } child { name depth }`, edge))); diff != "" {
		t.Errorf("unnested again (-want +got):\n%s", diff)
	}
	loop := h.do("groupNest", `outcome parent { id } child { id } childEdge { cursor } errors { code params { name values } }`, vars{"parentId": h.ids["north"], "childId": h.ids["sales"]})
	want = vars{"outcome": nil, "parent": nil, "child": nil, "childEdge": nil, "errors": []any{vars{"code": "CYCLE", "params": []any{
		vars{"name": "groupIds", "values": []any{h.ids["north"], h.ids["emea"], h.ids["sales"], h.ids["north"]}},
		vars{"name": "groupNames", "values": []any{"North", "EMEA", "Sales", "North"}},
	}}}}
	if diff := cmp.Diff(any(want), any(loop)); diff != "" {
		t.Errorf("a loop (-want +got):\n%s", diff)
	}
	deep := h.do("groupNest", `errors { code params { name values } }`, vars{"parentId": h.ids["north"], "childId": h.chainTop(3)})
	want = vars{"errors": []any{vars{"code": "TOO_DEEP", "params": []any{vars{"name": "depth", "values": []any{"6"}}, vars{"name": "limit", "values": []any{"5"}}}}}}
	if diff := cmp.Diff(any(want), any(deep)); diff != "" {
		t.Errorf("too deep (-want +got):\n%s", diff)
	}
}

// chainTop is chain, by its highest group.
func (h *house) chainTop(n int) string {
	h.t.Helper()
	h.chain(n)
	return get(h.must(`{ group(by: {name: "Chain 0"}) { id } }`, nil), "group.id").(string)
}
