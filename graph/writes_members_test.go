package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// name is what the house calls an id.
func (h *house) name(id any) string {
	for _, known := range slices.Sorted(mapKeys(h.ids)) {
		if h.ids[known] == id {
			return known
		}
	}
	return fmt.Sprint(id)
}

func (h *house) idsOf(names string) []string {
	var ids []string
	for name := range strings.FieldsSeq(names) {
		ids = append(ids, h.ids[name])
	}
	return ids
}

// outcomes tells each pair of a payload: the group, the user and what happened.
func (h *house) outcomes(payload any) string {
	var lines []string
	for _, r := range get(payload, "results").([]any) {
		lines = append(lines, fmt.Sprintf("%s %s %s", h.name(get(r, "groupId")), h.name(get(r, "userId")), get(r, "outcome")))
	}
	return strings.Join(lines, ", ")
}

const pairs = `results { groupId userId outcome memberEdge { cursor direct node { id } via { name } path { name } } } groups { id directMemberCount memberCount } users { id }`

// Each pair is told what happened to it, group by group in the order of the input; ids that are there twice
// count once.
func TestMembersOutcomes(t *testing.T) {
	for name, tt := range map[string]struct{ mutation, groups, users, want string }{
		"add":              {"groupMembersAdd", "alone sales", "ann member", "alone ann ADDED, alone member ADDED, sales ann ADDED, sales member ALREADY_MEMBER"},
		"add twice":        {"groupMembersAdd", "alone alone", "ann ann ann", "alone ann ADDED"},
		"add the absent":   {"groupMembersAdd", "absentGroup alone foreignGroup", "ann absentUser foreignUser", "absentGroup ann NOT_FOUND, absentGroup absentUser NOT_FOUND, absentGroup foreignUser NOT_FOUND, alone ann ADDED, alone absentUser NOT_FOUND, alone foreignUser NOT_FOUND, foreignGroup ann NOT_FOUND, foreignGroup absentUser NOT_FOUND, foreignGroup foreignUser NOT_FOUND"},
		"add an inherited": {"groupMembersAdd", "sales", "ann", "sales ann ADDED"},
		"remove":           {"groupMembersRemove", "sales emea", "member ann", "sales member REMOVED, sales ann NOT_MEMBER, emea member NOT_MEMBER, emea ann REMOVED"},
		"remove twice":     {"groupMembersRemove", "emea emea", "ann ann", "emea ann REMOVED"},
		"remove absent":    {"groupMembersRemove", "sales absentGroup", "absentUser member", "sales absentUser NOT_FOUND, sales member REMOVED, absentGroup absentUser NOT_FOUND, absentGroup member NOT_FOUND"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			got := h.done(tt.mutation, pairs, vars{"groupIds": h.idsOf(tt.groups), "userIds": h.idsOf(tt.users)})
			if diff := cmp.Diff(tt.want, h.outcomes(got)); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
			for _, r := range got["results"].([]any) {
				if edge := get(r, "memberEdge"); (edge != nil) != (get(r, "outcome") == "ADDED") {
					t.Errorf("result %v", r)
				}
			}
			exists := func(id string) bool {
				return !strings.HasPrefix(h.name(id), "absent") && !strings.HasPrefix(h.name(id), "foreign")
			}
			for list, names := range map[string]string{"groups": tt.groups, "users": tt.users} {
				var want []string
				for _, id := range h.idsOf(names) {
					if exists(id) && !slices.Contains(want, id) {
						want = append(want, id)
					}
				}
				if diff := cmp.Diff(want, texts(got, list+".*.id")); diff != "" {
					t.Errorf("%s (-want +got):\n%s", list, diff)
				}
			}
		})
	}
}

// The entry of a new member is that of the group's list; counts are those of afterwards.
func TestMembersAddEdges(t *testing.T) {
	h := newHouse(t)
	got := h.done("groupMembersAdd", pairs, vars{"groupIds": h.idsOf("sales north"), "userIds": h.idsOf("ann")})
	for i, want := range []string{"true [EMEA North] [Sales]", "true [] [North]"} {
		edge := get(got, fmt.Sprintf("results.%d.memberEdge", i))
		group := h.ids[[]string{"sales", "north"}[i]]
		h.continues(edge, h.ids["ann"], `{ group(by: {id: "`+group+`"}) { members(%ARGS%) { nodes { id } } } }`, "group.members")
		if how := fmt.Sprint(get(edge, "direct"), " ", texts(edge, "via.*.name"), " ", texts(edge, "path.*.name")); how != want {
			t.Errorf("the edge says %s, want %s", how, want)
		}
	}
	want := []any{
		vars{"id": h.ids["sales"], "directMemberCount": 4.0, "memberCount": 4.0}, vars{"id": h.ids["north"], "directMemberCount": 1.0, "memberCount": 1.0},
	}
	if diff := cmp.Diff(any(want), got["groups"]); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	// Who leaves a group is still in it by the group below.
	got = h.done("groupMembersRemove", pairs, vars{"groupIds": h.idsOf("sales"), "userIds": h.idsOf("ann")})
	want = []any{vars{"id": h.ids["sales"], "directMemberCount": 3.0, "memberCount": 4.0}}
	if diff := cmp.Diff(any(want), got["groups"]); diff != "" {
		t.Errorf("groups after leaving (-want +got):\n%s", diff)
	}
	check := h.must(h.fill(`{ membershipChecks(userIds: ["$ann"], groupIds: ["$sales"]) { isMember direct via { name } path { name } } }`), nil)
	how := vars{"isMember": true, "direct": false, "via": []any{vars{"name": "EMEA"}, vars{"name": "North"}}, "path": []any{vars{"name": "EMEA"}, vars{"name": "Sales"}}}
	if diff := cmp.Diff(any([]any{how}), check["membershipChecks"]); diff != "" {
		t.Errorf("check (-want +got):\n%s", diff)
	}
}

// From the user's own page: all or nothing, those to add first.
func TestUserGroupsUpdate(t *testing.T) {
	h := newHouse(t)
	got := h.done("userGroupsUpdate", `user { id groups { nodes { name } } } groups { name memberCount } results { groupId userId outcome memberEdge { direct } }`, vars{
		"userId": h.ids["ann"], "addGroupIds": h.idsOf("alone emea north alone"), "removeGroupIds": h.idsOf("sales"),
	})
	if diff := cmp.Diff("alone ann ADDED, emea ann ALREADY_MEMBER, north ann ADDED, sales ann NOT_MEMBER", h.outcomes(got)); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	delete(got, "results")
	want := vars{
		"user":   vars{"id": h.ids["ann"], "groups": vars{"nodes": []any{vars{"name": "Alone"}, vars{"name": "EMEA"}, vars{"name": "North"}, vars{"name": "Sales"}}}},
		"groups": []any{vars{"name": "Alone", "memberCount": 1.0}, vars{"name": "EMEA", "memberCount": 1.0}, vars{"name": "North", "memberCount": 1.0}, vars{"name": "Sales", "memberCount": 4.0}},
	}
	if diff := cmp.Diff(any(want), any(got)); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
	refused := h.do("userGroupsUpdate", `user { id } groups { id } results { outcome } errors { code path }`, vars{
		"userId": h.ids["ann"], "addGroupIds": h.idsOf("sales absentGroup foreignGroup"), "removeGroupIds": h.idsOf("alone absentGroup"),
	})
	want = vars{"user": nil, "groups": []any{}, "results": []any{}, "errors": []any{
		vars{"code": "CONFLICT", "path": []any{"input", "removeGroupIds", "1"}},
	}}
	if diff := cmp.Diff(any(want), any(refused)); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	refused = h.do("userGroupsUpdate", `user { id } errors { code path }`, vars{
		"userId": h.ids["absentUser"], "addGroupIds": h.idsOf("sales absentGroup"), "removeGroupIds": h.idsOf("alone foreignGroup"),
	})
	want = vars{"user": nil, "errors": []any{
		vars{"code": "NOT_FOUND", "path": []any{"input", "userId"}},
		vars{"code": "NOT_FOUND", "path": []any{"input", "addGroupIds", "1"}},
		vars{"code": "NOT_FOUND", "path": []any{"input", "removeGroupIds", "1"}},
	}}
	if diff := cmp.Diff(any(want), any(refused)); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	nothing := h.done("userGroupsUpdate", `user { id } groups { id } results { outcome }`, vars{"userId": h.ids["ann"]})
	if diff := cmp.Diff(any(vars{"user": vars{"id": h.ids["ann"]}, "groups": []any{}, "results": []any{}}), any(nothing)); diff != "" {
		t.Errorf("nothing to do (-want +got):\n%s", diff)
	}
}

// The kept count of direct members is the number of rows, whatever was done.
func TestDirectMemberCounts(t *testing.T) {
	h := newHouse(t)
	h.done("groupMembersAdd", "errors { code }", vars{"groupIds": h.idsOf("sales emea north alone"), "userIds": h.idsOf("ann member super absentUser")})
	h.done("groupMembersRemove", "errors { code }", vars{"groupIds": h.idsOf("sales emea"), "userIds": h.idsOf("member admin")})
	h.done("userGroupsUpdate", "errors { code }", vars{"userId": h.ids["admin"], "addGroupIds": h.idsOf("north alone"), "removeGroupIds": h.idsOf("emea")})
	h.done("groupUpdate", "errors { code }", vars{"id": h.ids["alone"], "addMemberIds": h.idsOf("ann member"), "removeMemberIds": h.idsOf("super")})
	h.done("userDelete", "deletedUserId", vars{"id": h.ids["ann"]})
	h.done("groupDelete", "deletedGroupId", vars{"id": h.ids["emea"]})
	for _, g := range get(h.must(`{ groups { nodes { name directMemberCount members(relation: DIRECT) { totalCount nodes { id } } } } }`, nil), "groups.nodes").([]any) {
		n := get(g, "directMemberCount")
		if n != get(g, "members.totalCount") || n != float64(len(get(g, "members.nodes").([]any))) {
			t.Errorf("%v", g)
		}
	}
}
