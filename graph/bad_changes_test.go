package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"cohort/models"
)

// What is the same e-mail, or the same name, however it is written.
func TestDuplicates(t *testing.T) {
	h := newHouse(t)
	h.group("Café Straße", nil)
	h.group("Office", nil)
	h.person("zoë.strauß@example.org", models.RoleMember)
	names := map[string]string{
		"the same":             "Sales",
		"in capitals":          "SALES",
		"in small letters":     "sales",
		"in full width":        "Ｓａｌｅｓ",
		"with space around":    "  Sales\t",
		"with a joiner":        "Sal\u200des",
		"with a variation":     "Sales\ufe0e",
		"composed differently": "Cafe\u0301 Straße",
		"without the sharp s":  "CAFÉ STRASSE",
		"with a ligature":      "O\ufb03ce",
	}
	emails := map[string]string{
		"the same":             "ann@example.org",
		"in capitals":          "ANN@EXAMPLE.ORG",
		"the domain alone":     "ann@Example.Org",
		"in full width":        "ａｎｎ@example.org",
		"with space around":    " ann@example.org ",
		"composed differently": "zoe\u0308.strauß@example.org",
		"without the sharp s":  "ZOË.STRAUSS@example.org",
	}
	tests := map[string]refusal{}
	for how, name := range names {
		tests["create group: "+how] = refusal{request{mutation: "groupCreate", input: vars{"name": name}}, "NAME_TAKEN input.name", "another group has the name"}
		tests["rename group: "+how] = refusal{request{mutation: "groupUpdate", input: vars{"id": "$alone", "name": name}}, "NAME_TAKEN input.name", "another group has the name"}
	}
	for how, email := range emails {
		other := vars{"email": "other@example.org"}
		tests["create user: "+how] = refusal{request{mutation: "userCreate", input: vars{"email": email}}, "EMAIL_TAKEN input.email", "another user has the e-mail"}
		tests["create users: "+how] = refusal{request{mutation: "usersCreate", input: vars{"users": []vars{other, {"email": email}}}}, "EMAIL_TAKEN input.users.1.email", "another user has the e-mail"}
		tests["change user: "+how] = refusal{request{mutation: "userUpdate", input: vars{"id": "$member", "email": email}}, "EMAIL_TAKEN input.email", "another user has the e-mail"}
	}
	tests["twice in one list"] = refusal{
		request{mutation: "usersCreate", input: vars{"users": []vars{{"email": "twin@example.org"}, {"email": "TWIN@example.org"}}}},
		"EMAIL_TAKEN input.users.1.email", "another user has the e-mail TWIN@example.org",
	}
	h.refuses(tests)
	h.accepts(map[string]request{
		"accents count":                 {mutation: "groupCreate", input: vars{"name": "Cafe Straße"}},
		"an accent in an e-mail counts": {mutation: "userCreate", input: vars{"email": "ánn@example.org"}},
		"one's own name in capitals":    {mutation: "groupUpdate", input: vars{"id": "$emea", "name": "emea"}},
		"one's own e-mail in capitals":  {mutation: "userUpdate", input: vars{"id": "$ann", "email": "ANN@example.org"}},
	})
}

func absent[ID ~[16]byte](n int, text func(ID) string) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = text(models.NewID[ID]())
	}
	return ids
}

func users(n int) []string  { return absent(n, models.UserID.String) }
func groups(n int) []string { return absent(n, models.GroupID.String) }

func TestTooMany(t *testing.T) {
	h := newHouse(t)
	rows := func(n int) []vars {
		rows := []vars{}
		for i := range n {
			rows = append(rows, vars{"email": fmt.Sprintf("row%d@example.org", i)})
		}
		return rows
	}
	tests := map[string]refusal{
		"nodes": {
			request{query: `query ($ids: [ID!]!) { nodes(ids: $ids) { id } }`, variables: vars{"ids": users(251)}},
			"BAD_USER_INPUT/TOO_MANY nodes", "at most 250",
		},
		"users of checks": {
			request{query: `query ($ids: [ID!]!) { membershipChecks(userIds: $ids, groupIds: ["$sales"]) { isMember } }`, variables: vars{"ids": users(251)}},
			"BAD_USER_INPUT/TOO_MANY membershipChecks", "userIds: 251 at once, at most 250",
		},
		"groups of checks": {
			request{query: `query ($ids: [ID!]!) { membershipChecks(userIds: ["$ann"], groupIds: $ids) { isMember } }`, variables: vars{"ids": groups(251)}},
			"BAD_USER_INPUT/TOO_MANY membershipChecks", "groupIds: 251 at once, at most 250",
		},
		"no users to check": {
			request{query: `{ membershipChecks(userIds: [], groupIds: ["$sales"]) { isMember } }`},
			"BAD_USER_INPUT/REQUIRED membershipChecks", "userIds: name at least 1",
		},
		"no groups to check": {
			request{query: `{ membershipChecks(userIds: ["$ann"], groupIds: []) { isMember } }`},
			"BAD_USER_INPUT/REQUIRED membershipChecks", "groupIds: name at least 1",
		},
		"users to create":    {request{mutation: "usersCreate", input: vars{"users": rows(251)}}, "TOO_MANY input.users", "at most 250"},
		"no users to create": {request{mutation: "usersCreate", input: vars{"users": rows(0)}}, "REQUIRED input.users", "at least 1"},
		"groups of a row": {
			request{mutation: "usersCreate", input: vars{"users": []vars{{"email": "x@example.org", "groupIds": groups(251)}}}},
			"TOO_MANY input.users.0.groupIds", "at most 250",
		},
	}
	for _, l := range []struct {
		mutation, field string
		ids             func(int) []string
		rest            vars
		required        bool
	}{
		{"userCreate", "groupIds", groups, vars{"email": "x@example.org"}, false},
		{"userGroupsUpdate", "addGroupIds", groups, vars{"userId": "$ann"}, false},
		{"userGroupsUpdate", "removeGroupIds", groups, vars{"userId": "$ann"}, false},
		{"groupCreate", "parentIds", groups, vars{"name": "New"}, false},
		{"groupCreate", "memberIds", users, vars{"name": "New"}, false},
		{"groupUpdate", "addMemberIds", users, vars{"id": "$sales"}, false},
		{"groupUpdate", "removeMemberIds", users, vars{"id": "$sales"}, false},
		{"groupUpdate", "addParentIds", groups, vars{"id": "$sales"}, false},
		{"groupUpdate", "removeParentIds", groups, vars{"id": "$sales"}, false},
		{"mailRetry", "ids", mails, vars{}, true},
		{"groupMembersAdd", "groupIds", groups, vars{"userIds": []string{"$ann"}}, true},
		{"groupMembersAdd", "userIds", users, vars{"groupIds": []string{"$sales"}}, true},
		{"groupMembersRemove", "groupIds", groups, vars{"userIds": []string{"$ann"}}, true},
		{"groupMembersRemove", "userIds", users, vars{"groupIds": []string{"$sales"}}, true},
	} {
		with := func(n int) request {
			input := vars{l.field: l.ids(n)}
			for name, value := range l.rest {
				input[name] = value
			}
			return request{mutation: l.mutation, input: input}
		}
		name := l.mutation + " " + l.field
		tests[name] = refusal{with(251), "TOO_MANY input." + l.field, "251 at once, at most 250"}
		if l.required {
			tests[name+" empty"] = refusal{with(0), "REQUIRED input." + l.field, "at least 1"}
		}
	}
	h.refuses(tests)
	t.Run("as many as allowed", func(t *testing.T) {
		h := h.in(t)
		h.must(`query ($ids: [ID!]!) { nodes(ids: $ids) { id } }`, vars{"ids": users(250)})
		h.must(`query ($u: [ID!]!, $g: [ID!]!) { membershipChecks(userIds: $u, groupIds: $g) { isMember } }`, vars{"u": users(250), "g": groups(10)})
		h.done("usersCreate", "results { outcome }", vars{"users": rows(250)})
		h.done("groupMembersAdd", "results { outcome }", vars{"groupIds": groups(10), "userIds": users(250)})
	})
}

func TestSelections(t *testing.T) {
	h := newHouse(t)
	tests := map[string]refusal{}
	kinds := map[string]func(int) []string{"usersSuspend": users, "usersResume": users, "groupsDelete": groups}
	for mutation, ids := range kinds {
		where := "input.selection"
		oneOf := "GRAPHQL_VALIDATION_FAILED variable.input.selection"
		select1 := func(selection vars, more ...any) request {
			input := vars{"selection": selection}
			for i := 0; i < len(more); i += 2 {
				input[more[i].(string)] = more[i+1]
			}
			return request{mutation: mutation, input: input}
		}
		tests[mutation+" of none of the ways"] = refusal{select1(vars{}), oneOf, "exactly one field"}
		tests[mutation+" of null"] = refusal{select1(vars{"ids": nil}), oneOf, "exactly one field"}
		tests[mutation+" of nulls"] = refusal{select1(vars{"ids": nil, "matching": nil, "all": nil}), oneOf, "exactly one field"}
		tests[mutation+" of two ways"] = refusal{select1(vars{"ids": ids(1), "all": true}), oneOf, "exactly one field"}
		tests[mutation+" of two ways, one empty"] = refusal{select1(vars{"ids": []any{}, "matching": vars{"filter": vars{}}}), oneOf, "exactly one field"}
		tests[mutation+" of a way and a null"] = refusal{select1(vars{"ids": ids(1), "all": nil}), oneOf, "exactly one field"}
		tests[mutation+" of all: false"] = refusal{select1(vars{"all": false}), "INVALID " + where + ".all", "all takes true"}
		tests[mutation+" of no ids"] = refusal{select1(vars{"ids": []any{}}), "REQUIRED " + where + ".ids", "empty selection"}
		tests[mutation+" of too many ids"] = refusal{select1(vars{"ids": ids(10_001)}), "TOO_MANY " + where + ".ids", "at most 10000"}
		tests[mutation+" but for too many ids"] = refusal{select1(vars{"matching": vars{"filter": vars{}, "exceptIds": ids(10_001)}}), "TOO_MANY " + where + ".matching.exceptIds", "at most 10000"}
		tests[mutation+" of a filter that is wrong"] = refusal{select1(vars{"matching": vars{"filter": vars{"createdAt": vars{}}}}), "REQUIRED " + where + ".matching.filter.createdAt", "from, until or both"}
		tests[mutation+" of a search that is too long"] = refusal{select1(vars{"matching": vars{"filter": vars{"search": strings.Repeat("x", 201)}}}), "TOO_LONG " + where + ".matching.filter.search", "at most 200"}
		tests[mutation+" of more than expected"] = refusal{select1(vars{"all": true}, "expectedCount", 3), "STALE_SELECTION input.expectedCount", "expected to be 3 and is now 4"}
		tests[mutation+" of fewer than expected"] = refusal{select1(vars{"matching": vars{"filter": vars{}}}, "expectedCount", 5), "STALE_SELECTION input.expectedCount", "expected to be 5 and is now 4"}
		tests[mutation+" of ids that are gone"] = refusal{select1(vars{"ids": ids(2)}, "expectedCount", 2), "STALE_SELECTION input.expectedCount", "expected to be 2 and is now 0"}
		tests[mutation+" of a number below none"] = refusal{select1(vars{"all": true}, "expectedCount", -1), "STALE_SELECTION input.expectedCount", "expected to be -1"}
		for what, literal := range map[string]string{"none": `{}`, "two": `{ids: [], all: true}`, "null": `{all: null}`} {
			tests[mutation+" of "+what+" as a literal"] = refusal{
				request{query: `mutation { ` + mutation + `(input: {selection: ` + literal + `}) { errors { code message path } } }`},
				"GRAPHQL_VALIDATION_FAILED", "Selection",
			}
		}
	}
	h.refuses(tests)
	t.Run("as many as allowed", func(t *testing.T) {
		h := h.in(t)
		h.done("usersSuspend", "counts { total }", vars{"selection": vars{"ids": users(10_000)}})
		h.done("groupsDelete", "deletedGroupIds", vars{"selection": vars{"ids": groups(10_000)}})
	})
}

func TestContradictions(t *testing.T) {
	h := newHouse(t)
	h.refuses(map[string]refusal{
		"a group in itself":             {request{mutation: "groupNest", input: vars{"parentId": "$sales", "childId": "$sales"}}, "CYCLE input.parentId", "a group can't lie in itself: Sales → Sales"},
		"a group in itself, by saving":  {request{mutation: "groupUpdate", input: vars{"id": "$sales", "name": "New", "addParentIds": []string{"$sales"}}}, "CYCLE input.addParentIds.0", "a group can't lie in itself"},
		"a group in its child":          {request{mutation: "groupNest", input: vars{"parentId": "$emea", "childId": "$sales"}}, "CYCLE input.parentId", "EMEA → Sales → EMEA"},
		"a group in its grandchild":     {request{mutation: "groupUpdate", input: vars{"id": "$sales", "addParentIds": []string{"$alone", "$north"}}}, "CYCLE input.addParentIds.1", "North → EMEA → Sales → North"},
		"a member to add and to remove": {request{mutation: "groupUpdate", input: vars{"id": "$sales", "addMemberIds": []string{"$ann"}, "removeMemberIds": []string{"$member", "$ann"}}}, "CONFLICT input.removeMemberIds.1", "both to be added and to be removed"},
		"a parent to add and to remove": {request{mutation: "groupUpdate", input: vars{"id": "$north", "addParentIds": []string{"$alone"}, "removeParentIds": []string{"$alone"}}}, "CONFLICT input.removeParentIds.0", "both"},
		"a group to join and to leave":  {request{mutation: "userGroupsUpdate", input: vars{"userId": "$ann", "addGroupIds": []string{"$alone"}, "removeGroupIds": []string{"$alone"}}}, "CONFLICT input.removeGroupIds.0", "both"},
		"a priority too high":           {request{mutation: "groupCreate", input: vars{"name": "New", "priority": 1_000_001}}, "INVALID input.priority", "between -1000000 and 1000000"},
		"a priority too low":            {request{mutation: "groupUpdate", input: vars{"id": "$sales", "priority": -1_000_001}}, "INVALID input.priority", "between -1000000 and 1000000"},
		"another etag of a user":        {request{mutation: "userUpdate", input: vars{"id": "$ann", "givenName": "X", "ifMatch": "x"}}, "STALE input.ifMatch", "the user has changed"},
		"an empty etag":                 {request{mutation: "userUpdate", input: vars{"id": "$ann", "givenName": "X", "ifMatch": ""}}, "STALE input.ifMatch", "the user has changed"},
		"another etag, to delete":       {request{mutation: "userDelete", input: vars{"id": "$ann", "ifMatch": "x"}}, "STALE input.ifMatch", "the user has changed"},
		"another etag of a group":       {request{mutation: "groupUpdate", input: vars{"id": "$sales", "name": "X", "ifMatch": "x"}}, "STALE input.ifMatch", "the group has changed"},
		"another etag, group to delete": {request{mutation: "groupDelete", input: vars{"id": "$sales", "ifMatch": "x"}}, "STALE input.ifMatch", "the group has changed"},
		"good changes with a bad one":   {request{mutation: "groupUpdate", input: vars{"id": "$alone", "name": "X", "addMemberIds": []string{"$ann"}, "addParentIds": []string{"$absentGroup"}}}, "NOT_FOUND input.addParentIds.0", "no such group"},
		"too deep, all at once":         {request{mutation: "groupCreate", input: vars{"name": "New", "parentIds": []string{h.chain(5)}}}, "TOO_DEEP input.parentIds.0", "would have 6 groups, at most 5"},
	})
	h.accepts(map[string]request{
		"the highest priority": {mutation: "groupCreate", input: vars{"name": "High", "priority": 1_000_000}},
		"the lowest priority":  {mutation: "groupCreate", input: vars{"name": "Low", "priority": -1_000_000}},
	})
}

// chain nests so many new groups in each other and gives the lowest one's id.
func (h *house) chain(n int) string {
	var parents []models.GroupID
	for i := range n {
		parents = []models.GroupID{h.group(fmt.Sprintf("Chain %d", i), parents)}
	}
	return parents[0].String()
}

// Somebody was faster: the payload has the object as it is now, all of it.
func TestStaleCarriesThePresent(t *testing.T) {
	const user, group = "user { id givenName etag }", "group { id name etag }"
	for mutation, object := range map[string]string{"userUpdate": "user", "userDelete": "user", "groupUpdate": "group", "groupDelete": "group"} {
		t.Run(mutation, func(t *testing.T) {
			h := newHouse(t)
			h.done("userUpdate", user, vars{"id": h.ids["ann"], "givenName": "Anna"})
			h.done("groupUpdate", group, vars{"id": h.ids["sales"], "description": "All of them"})
			input, selection, now := vars{"id": h.ids["ann"], "ifMatch": "old"}, user, `{ user(by: {id: "$ann"}) { id givenName etag } }`
			if object == "group" {
				input["id"], selection, now = h.ids["sales"], group, `{ group(by: {id: "$sales"}) { id name etag } }`
			}
			payload := h.do(mutation, selection+" errors { code params { name } }", input)
			if got := fmt.Sprint(payload["errors"]); got != "[map[code:STALE params:[]]]" {
				t.Errorf("errors %s", got)
			}
			if got, want := fmt.Sprint(payload[object]), fmt.Sprint(h.must(h.fill(now), nil)[object]); got != want {
				t.Errorf("the payload has %s, now is %s", got, want)
			}
			input["ifMatch"] = get(payload, object+".etag")
			h.done(mutation, "errors { code }", input)
		})
	}
}
