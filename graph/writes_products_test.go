package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/models"
)

// newShop is a house in which $emea grants goto-room, so that $ann inherits it. goto-meeting is set on $ann, and
// goto-webinar, which has one seat, on $member. $boss is an admin in $emea.
func newShop(t testing.TB) *house {
	h := newHouse(t)
	h.ids["webinar"] = h.product("goto-webinar").String()
	h.ids["boss"] = h.person("boss@example.org", models.RoleAdmin).UserID.String()
	h.done("productUpdate", "product { id }", vars{"id": h.ids["webinar"], "seats": 1})
	h.done("groupMembersAdd", "results { outcome }", vars{"groupIds": []string{h.ids["emea"]}, "userIds": []string{h.ids["boss"]}})
	h.done("groupProductsSet", "impact { gaining }", vars{"groupId": h.ids["emea"], "productKeys": []string{"goto-room"}})
	for user, key := range map[string]string{"ann": "goto-meeting", "member": "goto-webinar"} {
		h.done("usersProductsSet", "impact { gaining }", vars{"selection": vars{"ids": []string{h.ids[user]}}, "productKeys": []string{key}, "mode": "ADD"})
	}
	return h
}

// has tells what a user has: each key, with how and where from, and the reasons of a suspension.
func (h *house) has(user string) string {
	h.t.Helper()
	data := h.must(`query ($id: ID!) { user(by: {id: $id}) { statusReasons hasNoProducts products { product { key } state direct blocked via { name } } } }`, vars{"id": h.ids[user]})
	list := []string{}
	for _, p := range get(data, "user.products").([]any) {
		words := []string{strings.TrimPrefix(get(p, "product.key").(string), "goto-")}
		if state := get(p, "state").(string); state != "ENABLED" {
			words = append(words, state)
		}
		if get(p, "direct") == true {
			words = append(words, "direct")
		}
		for _, via := range texts(p, "via.*.name") {
			words = append(words, "via "+via)
		}
		list = append(list, strings.Join(words, " "))
	}
	enabled := slices.ContainsFunc(get(data, "user.products").([]any), func(p any) bool { return get(p, "state") == "ENABLED" })
	if get(data, "user.hasNoProducts") == enabled {
		h.t.Errorf("has no products: %v, but %v", !enabled, list)
	}
	return strings.Join(append(list, texts(data, "user.statusReasons")...), ", ")
}

// What REPLACE, ADD and REMOVE make of ann, who has goto-meeting set and inherits goto-room.
func TestUsersProductsSet(t *testing.T) {
	yes, no := true, false
	for _, tt := range []struct {
		mode, keys string
		block      *bool
		outcome    string
		has        string
	}{
		{"ADD", "goto-meeting", nil, "UNCHANGED", "meeting direct, room via EMEA"},
		{"ADD", "goto-room", nil, "CHANGED", "meeting direct, room direct via EMEA"},
		{"ADD", "goto-webinar", nil, "NO_SEAT", "meeting direct, room via EMEA, webinar NO_SEAT direct"},
		{"ADD", "goto-room", &yes, "CHANGED", "meeting direct, room direct via EMEA"},
		{"REMOVE", "goto-meeting", nil, "CHANGED", "room via EMEA"},
		{"REMOVE", "goto-meeting", &yes, "CHANGED", "room via EMEA"},
		{"REMOVE", "goto-webinar", nil, "UNCHANGED", "meeting direct, room via EMEA"},
		{"REMOVE", "goto-room", nil, "REMAINS_VIA_GROUP", "meeting direct, room via EMEA"},
		{"REMOVE", "goto-room", &no, "REMAINS_VIA_GROUP", "meeting direct, room via EMEA"},
		{"REMOVE", "goto-room", &yes, "CHANGED", "meeting direct, room BLOCKED via EMEA"},
		{"REMOVE", "goto-meeting goto-room", &yes, "CHANGED", "room BLOCKED via EMEA, NO_PRODUCTS"},
		{"REPLACE", "goto-meeting", nil, "REMAINS_VIA_GROUP", "meeting direct, room via EMEA"},
		{"REPLACE", "goto-meeting", &yes, "CHANGED", "meeting direct, room BLOCKED via EMEA"},
		{"REPLACE", "goto-meeting goto-room", nil, "CHANGED", "meeting direct, room direct via EMEA"},
		{"REPLACE", "goto-room", &yes, "CHANGED", "room direct via EMEA"},
		{"REPLACE", "goto-webinar", &no, "NO_SEAT", "room via EMEA, webinar NO_SEAT direct"},
		{"REPLACE", "goto-webinar", &yes, "NO_SEAT", "room BLOCKED via EMEA, webinar NO_SEAT direct, NO_PRODUCTS"},
		{"REPLACE", "", &no, "REMAINS_VIA_GROUP", "room via EMEA"},
		{"REPLACE", "", &yes, "CHANGED", "room BLOCKED via EMEA, NO_PRODUCTS"},
	} {
		name := fmt.Sprint(tt.mode, " ", tt.keys, " blockInherited ")
		input := vars{"mode": tt.mode, "productKeys": strings.Fields(tt.keys)}
		if tt.block != nil {
			input["blockInherited"] = *tt.block
			name += fmt.Sprint(*tt.block)
		}
		t.Run(name, func(t *testing.T) {
			h := newShop(t)
			input["selection"] = vars{"ids": []string{h.ids["ann"]}}
			const counted = "counts { total changed unchanged remainViaGroup noSeat failed } impact { gaining losing withoutSeat suspended resumed notices welcomes } "
			const asked = "results { outcome user { id statusReasons } } job { status total done changed failed dryRun impact { gaining losing withoutSeat suspended resumed notices welcomes } results { nodes { outcome } } } " + counted
			input["dryRun"] = true
			var dry, done map[string]any
			h.unchanged(func() {
				dry = h.done("usersProductsSet", asked+"preview { "+counted+"rows { userId outcome user { status } } confirmToken }", input)
			})
			input["dryRun"] = false
			done = h.done("usersProductsSet", asked, input)
			for _, parts := range [][2]string{{"counts", "preview.counts"}, {"impact", "preview.impact"}, {"results.0.outcome", "preview.rows.0.outcome"}, {"results.0.user.id", "preview.rows.0.userId"}, {"job.impact", "preview.impact"}} {
				if diff := cmp.Diff(get(done, parts[0]), get(dry, parts[1])); diff != "" {
					t.Errorf("%s (-done +dry run):\n%s", parts[0], diff)
				}
			}
			if get(dry, "counts") != nil || get(dry, "job.dryRun") != true || get(dry, "job.total") != 0.0 || get(dry, "preview.confirmToken") != nil {
				t.Errorf("the dry run's payload %v", dry)
			}
			if get(done, "job.status") != "SUCCEEDED" || get(done, "job.done") != 1.0 || get(done, "job.results.nodes.0.outcome") != tt.outcome {
				t.Errorf("the job %v", get(done, "job"))
			}
			if got := get(done, "results.0.outcome"); got != tt.outcome {
				t.Errorf("outcome %v, want %s", got, tt.outcome)
			}
			if got := h.has("ann"); got != tt.has {
				t.Errorf("ann has %s, want %s", got, tt.has)
			}
			lost := strings.Contains(tt.has, "NO_PRODUCTS")
			if slices.Contains(texts(done, "results.0.user.statusReasons"), "NO_PRODUCTS") != lost || (get(done, "impact.suspended") == 1.0) != lost {
				t.Errorf("the payload tells otherwise: %v", done)
			}
		})
	}
}

// What must be refused, and then changes nothing.
func TestRefusedProducts(t *testing.T) {
	h := newShop(t)
	ann := vars{"ids": []string{"$ann"}}
	set := func(input vars) request {
		for name, value := range map[string]any{"selection": ann, "productKeys": []string{"goto-room"}} {
			if _, given := input[name]; !given {
				input[name] = value
			}
		}
		return request{mutation: "usersProductsSet", input: input}
	}
	few := set(vars{"errorPolicy": "REJECT_ALL", "selection": vars{"ids": []string{"$super", "$ann", "$boss"}}})
	few.as = "admin"
	h.refuses(map[string]refusal{
		"an unknown key":              {set(vars{"productKeys": []string{"goto-room", "goto-mars"}}), "NOT_FOUND input.productKeys.1", "product"},
		"a key in capitals":           {set(vars{"productKeys": []string{"GOTO-ROOM"}}), "NOT_FOUND input.productKeys.0", "product"},
		"the same key twice":          {set(vars{"productKeys": []string{"goto-room", "goto-meeting", "goto-room"}}), "CONFLICT input.productKeys.2", "twice"},
		"nothing to add":              {set(vars{"mode": "ADD", "productKeys": []string{}}), "REQUIRED input.productKeys", "at least one"},
		"nothing to remove":           {set(vars{"mode": "REMOVE", "productKeys": []string{}}), "REQUIRED input.productKeys", "at least one"},
		"none, of what is inherited":  {set(vars{"productKeys": []string{}}), "CHOOSE_INHERITED input.blockInherited", "1 of these users"},
		"none, of two who inherit":    {set(vars{"productKeys": []string{}, "selection": vars{"all": true}}), "CHOOSE_INHERITED input.blockInherited", "2 of these users"},
		"an empty selection":          {set(vars{"selection": vars{"ids": []string{}}}), "REQUIRED input.selection.ids", "empty"},
		"a selection that has moved":  {set(vars{"expectedCount": 2}), "STALE_SELECTION input.expectedCount", "expected to be 2 and is now 1"},
		"too few seats for all":       {set(vars{"errorPolicy": "REJECT_ALL", "productKeys": []string{"goto-webinar"}, "mode": "ADD"}), "NO_SEATS input.productKeys", "1 users"},
		"a foreign id among good":     {set(vars{"errorPolicy": "REJECT_ALL", "selection": vars{"ids": []string{"$ann", "$foreignUser"}}}), "NOT_FOUND input.selection.ids.1", "there is no user"},
		"an admin about admins":       {few, "FORBIDDEN input.selection.ids.0, FORBIDDEN input.selection.ids.2", "only super admins"},
		"an unknown key for a group":  {request{mutation: "groupProductsSet", input: vars{"groupId": "$emea", "productKeys": []string{"x"}}}, "NOT_FOUND input.productKeys.0", "product"},
		"a foreign group among good":  {request{mutation: "groupsProductsSet", input: vars{"selection": vars{"ids": []string{"$alone", "$foreignGroup"}}, "productKeys": []string{"goto-room"}}}, "NOT_FOUND input.selection.ids.1", "group"},
		"moved groups":                {request{mutation: "groupsProductsSet", input: vars{"selection": vars{"all": true}, "productKeys": []string{"goto-room"}, "expectedCount": 1}}, "STALE_SELECTION input.expectedCount", "is now 4"},
		"a block of what is set":      {request{mutation: "userProductBlocksSet", input: vars{"userId": "$ann", "productKeys": []string{"goto-room", "goto-meeting"}, "blocked": true}}, "CONFLICT input.productKeys.1", "is set on the user"},
		"no block at all":             {request{mutation: "userProductBlocksSet", input: vars{"userId": "$ann", "productKeys": []string{}, "blocked": true}}, "REQUIRED input.productKeys", "at least one"},
		"an admin blocks an admin's":  {request{as: "admin", mutation: "userProductBlocksSet", input: vars{"userId": "$boss", "productKeys": []string{"goto-room"}, "blocked": true}}, "FORBIDDEN input.userId", "only super admins"},
		"a key that is taken":         {request{mutation: "productCreate", input: vars{"key": "goto-room", "name": "X"}}, "KEY_TAKEN input.key", "goto-room"},
		"a key with a space":          {request{mutation: "productCreate", input: vars{"key": "goto room", "name": "X"}}, "INVALID input.key", "small letters"},
		"a key that is too long":      {request{mutation: "productCreate", input: vars{"key": strings.Repeat("x", 65), "name": "X"}}, "INVALID input.key", "at most 64"},
		"no key":                      {request{mutation: "productCreate", input: vars{"key": "", "name": "X"}}, "REQUIRED input.key", "key"},
		"fewer than no seats":         {request{mutation: "productCreate", input: vars{"key": "x", "name": "X", "seats": -1}}, "INVALID input.seats", "between 0"},
		"more seats than there are":   {request{mutation: "productCreate", input: vars{"key": "x", "name": "X", "seats": 10_000_001}}, "INVALID input.seats", "10000000"},
		"fewer seats than are in use": {request{mutation: "productUpdate", input: vars{"id": "$webinar", "seats": 0}}, "SEATS_IN_USE input.seats", "1 seats are in use"},
		"an old etag":                 {request{mutation: "productUpdate", input: vars{"id": "$webinar", "seats": 5, "ifMatch": "x"}}, "STALE input.ifMatch", "has changed"},
		"an old etag of a deletion":   {request{mutation: "productDelete", input: vars{"id": "$webinar", "ifMatch": "x"}}, "STALE input.ifMatch", "has changed"},
	})
	t.Run("both ids and all, in a variable", func(t *testing.T) {
		h := h.in(t)
		h.unchanged(func() {
			got := h.ask(h.admin, mutate("usersProductsSet", "errors { code }"), vars{"input": vars{"selection": vars{"ids": []string{h.ids["ann"]}, "all": true}, "productKeys": []string{"goto-room"}}})
			if wrong, _ := complaints(got); wrong == "" || got.Data["usersProductsSet"] != nil {
				t.Errorf("answer %s", got.Text)
			}
		})
	})
	t.Run("a summary of nobody", func(t *testing.T) {
		got := h.in(t).ask(h.admin, `{ usersProductsSummary(selection: {ids: []}) { users } }`, nil)
		if wrong, _ := complaints(got); !strings.HasPrefix(wrong, "BAD_USER_INPUT/REQUIRED usersProductsSummary") || !strings.Contains(got.Text, "selection.ids") || strings.Contains(got.Text, "input.") {
			t.Errorf("answer %s", got.Text)
		}
	})
}

// Users whom the caller may not touch, and those that there are not, fail one by one and the rest goes on.
func TestProductsByAdmins(t *testing.T) {
	h := newShop(t)
	ids := []string{h.ids["super"], h.ids["ann"], h.ids["boss"], h.ids["foreignUser"]}
	got := h.as(h.callers["admin"]).done("usersProductsSet", "results { userId outcome } counts { total changed failed }",
		vars{"selection": vars{"ids": ids}, "productKeys": []string{"goto-room"}, "mode": "ADD", "expectedCount": 3})
	want := []string{"FORBIDDEN " + ids[0], "FORBIDDEN " + ids[2], "NOT_FOUND " + ids[3], "CHANGED " + ids[1]}
	results := []string{}
	for _, r := range got["results"].([]any) {
		results = append(results, fmt.Sprint(get(r, "outcome"), " ", get(r, "userId")))
	}
	if diff := cmp.Diff(want, results); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(vars{"total": 4.0, "changed": 1.0, "failed": 3.0}, got["counts"]); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	// What a group grants reaches admins as well, whoever grants it; without anything they are not suspended.
	if got := h.has("boss"); got != "room via EMEA" {
		t.Errorf("the admin has %s", got)
	}
	h.as(h.callers["admin"]).done("groupProductsSet", "impact { losing }", vars{"groupId": h.ids["emea"], "productKeys": []string{}})
	if got := h.has("boss"); got != "" {
		t.Errorf("the admin has %s", got)
	}
}

// First come, first served; a freed seat goes to the first in line, whatever frees it.
func TestSeats(t *testing.T) {
	for name, free := range map[string]func(h *house){
		"taken away": func(h *house) {
			h.done("usersProductsSet", "counts { total }", vars{"selection": vars{"ids": []string{h.ids["member"]}}, "productKeys": []string{"goto-webinar"}, "mode": "REMOVE"})
		},
		"user deleted": func(h *house) { h.done("userDelete", "deletedUserId", vars{"id": h.ids["member"]}) },
		"one seat more": func(h *house) {
			h.done("productUpdate", "product { seatsUsed }", vars{"id": h.ids["webinar"], "seats": 2})
		},
		"seats for all": func(h *house) {
			h.done("productUpdate", "product { seatsUsed }", vars{"id": h.ids["webinar"], "seats": nil})
		},
		"product blocked": func(h *house) {
			h.done("usersProductsSet", "counts { total }", vars{"selection": vars{"ids": []string{h.ids["member"]}}, "productKeys": []string{}, "blockInherited": true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newShop(t)
			for _, user := range []string{"boss", "ann"} { // in this order, which isn't that of their ids
				h.done("usersProductsSet", "counts { noSeat }", vars{"selection": vars{"ids": []string{h.ids[user]}}, "productKeys": []string{"goto-webinar"}, "mode": "ADD"})
			}
			// A group is joined for all that no seat is free.
			h.done("groupProductsSet", "impact { withoutSeat }", vars{"groupId": h.ids["alone"], "productKeys": []string{"goto-webinar"}})
			h.done("groupMembersAdd", "results { outcome }", vars{"groupIds": []string{h.ids["alone"]}, "userIds": []string{h.ids["admin"]}})
			line := func() []string {
				data := h.must(`query ($id: ID!) { users(filter: {product: {id: $id, state: NO_SEAT}}, sort: EMAIL_ASC) { nodes { email } } product(by: {id: $id}) { waiting } }`, vars{"id": h.ids["webinar"]})
				emails := texts(data, "users.nodes.*.email")
				if get(data, "product.waiting") != float64(len(emails)) {
					t.Errorf("%v wait, %v are in line", get(data, "product.waiting"), emails)
				}
				return emails
			}
			if diff := cmp.Diff([]string{"admin@example.org", "ann@example.org", "boss@example.org"}, line()); diff != "" {
				t.Errorf("line (-want +got):\n%s", diff)
			}
			free(h)
			want := []string{"admin@example.org", "ann@example.org"}
			if name == "seats for all" {
				want = []string{}
			}
			if diff := cmp.Diff(want, line()); diff != "" {
				t.Errorf("line afterwards (-want +got):\n%s", diff)
			}
			if got := h.has("boss"); !strings.HasSuffix(got, "webinar direct") {
				t.Errorf("the first in line has %s", got)
			}
		})
	}
}

// The boxes of a screen about many users.
func TestUsersProductsSummary(t *testing.T) {
	h := newShop(t)
	h.done("usersProductsSet", "counts { noSeat }", vars{"selection": vars{"ids": []string{h.ids["ann"]}}, "productKeys": []string{"goto-webinar"}, "mode": "ADD"})
	data := h.must(`query ($ids: [ID!]!) { usersProductsSummary(selection: {ids: $ids}) { users products { product { key } tick enabled waiting direct } } }`,
		vars{"ids": []string{h.ids["ann"], h.ids["boss"], h.ids["absentUser"]}})
	lines := []string{fmt.Sprint(get(data, "usersProductsSummary.users"))}
	for _, p := range get(data, "usersProductsSummary.products").([]any) {
		lines = append(lines, fmt.Sprint(get(p, "product.key"), " ", get(p, "tick"), " ", get(p, "enabled"), " ", get(p, "waiting"), " ", get(p, "direct")))
	}
	want := []string{"2", "goto-meeting MIXED 1 0 1", "goto-room TICKED 2 0 0", "goto-webinar MIXED 0 1 1"}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}

// Every way in which a member can lose the last product, and have it back by the way that leads back.
func TestWaysToLoseAProduct(t *testing.T) {
	emea := []string{"$emea"}
	for name, tt := range map[string]struct{ lose, regain request }{
		"the grant ends": {
			request{mutation: "groupProductsSet", input: vars{"groupId": "$sales", "productKeys": []string{"goto-room"}, "mode": "REMOVE"}},
			request{mutation: "groupProductsSet", input: vars{"groupId": "$sales", "productKeys": []string{"goto-room"}}},
		},
		"many grants end": {
			request{mutation: "groupsProductsSet", input: vars{"selection": vars{"all": true}, "productKeys": []string{}}},
			request{mutation: "groupsProductsSet", input: vars{"selection": vars{"ids": emea}, "productKeys": []string{"goto-room"}}},
		},
		"unnested": {
			request{mutation: "groupUnnest", input: vars{"parentId": "$sales", "childId": "$emea"}},
			request{mutation: "groupNest", input: vars{"parentId": "$sales", "childId": "$emea"}},
		},
		"taken out of the parent on the group's page": {
			request{mutation: "groupUpdate", input: vars{"id": "$emea", "removeParentIds": []string{"$sales"}}},
			request{mutation: "groupUpdate", input: vars{"id": "$emea", "addParentIds": []string{"$sales"}}},
		},
		"the group deleted": {
			request{mutation: "groupDelete", input: vars{"id": "$emea"}},
			request{mutation: "groupMembersAdd", input: vars{"groupIds": []string{"$sales"}, "userIds": []string{"$ann"}}},
		},
		"the granting group deleted": {
			request{mutation: "groupsDelete", input: vars{"selection": vars{"ids": []string{"$sales"}}}},
			request{mutation: "groupProductsSet", input: vars{"groupId": "$emea", "productKeys": []string{"goto-room"}}},
		},
		"removed from the group": {
			request{mutation: "groupMembersRemove", input: vars{"groupIds": emea, "userIds": []string{"$ann"}}},
			request{mutation: "groupMembersAdd", input: vars{"groupIds": emea, "userIds": []string{"$ann"}}},
		},
		"removed on the user's page": {
			request{mutation: "userGroupsUpdate", input: vars{"userId": "$ann", "removeGroupIds": emea}},
			request{mutation: "userGroupsUpdate", input: vars{"userId": "$ann", "addGroupIds": emea}},
		},
		"removed on the group's page": {
			request{mutation: "groupUpdate", input: vars{"id": "$emea", "removeMemberIds": []string{"$ann"}}},
			request{mutation: "groupCreate", input: vars{"name": "New", "parentIds": []string{"$sales"}, "memberIds": []string{"$ann"}}},
		},
		"blocked": {
			request{mutation: "userProductBlocksSet", input: vars{"userId": "$ann", "productKeys": []string{"goto-room"}, "blocked": true}},
			request{mutation: "userProductBlocksSet", input: vars{"userId": "$ann", "productKeys": []string{"goto-room"}, "blocked": false}},
		},
		"no product any more": {
			request{mutation: "productDelete", input: vars{"id": "$room"}},
			request{mutation: "usersProductsSet", input: vars{"selection": vars{"ids": []string{"$ann"}}, "productKeys": []string{"goto-meeting"}}},
		},
		"an admin no more": {
			request{mutation: "userRoleSet", input: vars{"id": "$ann", "role": "MEMBER"}},
			request{mutation: "userRoleSet", input: vars{"id": "$ann", "role": "ADMIN"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.done("groupProductsSet", "impact { gaining }", vars{"groupId": h.ids["sales"], "productKeys": []string{"goto-room"}})
			if name == "an admin no more" {
				h.done("userRoleSet", "user { id }", vars{"id": h.ids["ann"], "role": "ADMIN"})
				h.done("groupMembersRemove", "results { outcome }", vars{"groupIds": []string{h.ids["emea"]}, "userIds": []string{h.ids["ann"]}})
			}
			for _, step := range []struct {
				request
				suspended bool
			}{{tt.lose, true}, {tt.regain, false}} {
				if wrong, first := complaints(h.send(step.request)); wrong != "" {
					t.Fatalf("%s refused: %s %s", step.mutation, wrong, first)
				}
				if has := h.has("ann"); strings.Contains(has, string(models.SuspensionReasonNoProducts)) != step.suspended {
					t.Errorf("after %s ann has %q", step.mutation, has)
				}
			}
		})
	}
}
