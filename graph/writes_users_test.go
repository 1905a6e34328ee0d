package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const wholeUser = `id email givenName familyName displayName locale role status statusReasons`

// continues checks that an edge stands in a list where its cursor says.
func (h *house) continues(edge any, id, query, path string) {
	h.t.Helper()
	if got := get(edge, "node.id"); got != id {
		h.t.Errorf("the edge is of %v, want %s", got, id)
	}
	all := texts(h.must(strings.ReplaceAll(query, "%ARGS%", "first: 100"), nil), path+".nodes.*.id")
	at := slices.Index(all, id)
	if at < 0 {
		h.t.Fatalf("%s isn't in the list %v", id, all)
	}
	for args, want := range map[string][]string{"first: 100, after": all[at+1:], "last: 100, before": all[:at]} {
		args := fmt.Sprintf(`%s: "%s"`, args, get(edge, "cursor"))
		if diff := cmp.Diff(want, texts(h.must(strings.ReplaceAll(query, "%ARGS%", args), nil), path+".nodes.*.id")); diff != "" {
			h.t.Errorf("%s (-want +got):\n%s", args, diff)
		}
	}
}

func TestUserCreate(t *testing.T) {
	h := newHouse(t)
	got := h.done("userCreate", `user { `+wholeUser+` etag groups { nodes { name } } } userEdge { cursor node { id } } groups { name directMemberCount memberCount }`, vars{
		"email": "  Bea.Moe@Example.org ", "givenName": " Bea ", "familyName": "Mo\u0065\u0301", "locale": "FR", "role": "ADMIN",
		"groupIds": []string{h.ids["sales"], h.ids["north"], h.ids["sales"]},
	})
	id := get(got, "user.id").(string)
	h.continues(got["userEdge"], id, `{ users(%ARGS%) { nodes { id } } }`, "users")
	delete(got, "userEdge")
	want := vars{
		"user": vars{
			"id": id, "email": "Bea.Moe@Example.org", "givenName": "Bea", "familyName": "Moé", "displayName": "Bea Moé", "locale": "FR", "role": "ADMIN",
			"status": "INVITED", "statusReasons": []any{}, "etag": get(got, "user.etag"),
			"groups": vars{"nodes": []any{vars{"name": "EMEA"}, vars{"name": "North"}, vars{"name": "Sales"}}},
		},
		"groups": []any{
			vars{"name": "Sales", "directMemberCount": 4.0, "memberCount": 5.0}, vars{"name": "North", "directMemberCount": 1.0, "memberCount": 1.0},
		},
	}
	if diff := cmp.Diff(any(want), any(got)); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
	plain := h.done("userCreate", `user { `+wholeUser+` } groups { id }`, vars{"email": "plain@example.org"})
	want = vars{
		"user": vars{
			"id": get(plain, "user.id"), "email": "plain@example.org", "givenName": "", "familyName": "", "displayName": "plain@example.org", "locale": "EN",
			"role": "MEMBER", "status": "INVITED", "statusReasons": []any{},
		},
		"groups": []any{},
	}
	if diff := cmp.Diff(any(want), any(plain)); diff != "" {
		t.Errorf("with nothing but an e-mail (-want +got):\n%s", diff)
	}
	refused := h.do("userCreate", `user { id } userEdge { cursor } groups { id } errors { code params { name values } }`, vars{"email": "ANN@example.org"})
	want = vars{"user": nil, "userEdge": nil, "groups": []any{}, "errors": []any{
		vars{"code": "EMAIL_TAKEN", "params": []any{vars{"name": "email", "values": []any{"ANN@example.org"}}}},
	}}
	if diff := cmp.Diff(any(want), any(refused)); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
}

func TestUsersCreate(t *testing.T) {
	rows := []vars{
		{"email": "one@example.org", "groupIds": []string{"$alone"}},
		{"email": "not an address"},
		{"email": "two@example.org"},
		{"email": "ann@example.org", "groupIds": []string{"$absentGroup"}},
		{"email": "ONE@example.org"},
	}
	const selection = `users { email } results { index outcome user { email } } errors { code path }`
	errs := []any{
		vars{"code": "INVALID_EMAIL", "path": []any{"input", "users", "1", "email"}},
		vars{"code": "EMAIL_TAKEN", "path": []any{"input", "users", "3", "email"}},
		vars{"code": "NOT_FOUND", "path": []any{"input", "users", "3", "groupIds", "0"}},
		vars{"code": "EMAIL_TAKEN", "path": []any{"input", "users", "4", "email"}},
	}
	for policy, want := range map[string]vars{
		"REJECT_ALL":    {"users": []any{}, "outcomes": "NOT_DONE REFUSED NOT_DONE REFUSED REFUSED"},
		"REJECT_FAILED": {"users": []any{vars{"email": "one@example.org"}, vars{"email": "two@example.org"}}, "outcomes": "CREATED REFUSED CREATED REFUSED REFUSED"},
	} {
		t.Run(policy, func(t *testing.T) {
			h := newHouse(t)
			input := vars{"errorPolicy": policy}
			for _, row := range rows {
				filled := vars{"email": row["email"]}
				if ids, ok := row["groupIds"].([]string); ok {
					filled["groupIds"] = []string{h.ids[ids[0][1:]]}
				}
				input["users"] = append(asRows(input["users"]), filled)
			}
			got := h.do("usersCreate", selection, input)
			if diff := cmp.Diff(any(errs), got["errors"]); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want["users"], got["users"]); diff != "" {
				t.Errorf("users (-want +got):\n%s", diff)
			}
			if outcomes := strings.Join(texts(got, "results.*.outcome"), " "); outcomes != want["outcomes"] {
				t.Errorf("outcomes %s, want %s", outcomes, want["outcomes"])
			}
			for i, r := range got["results"].([]any) {
				if created := get(r, "outcome") == "CREATED"; get(r, "index") != float64(i) || created != (get(r, "user.email") == rows[i]["email"]) {
					t.Errorf("result %d: %v", i, r)
				}
			}
			n := map[string]float64{"REJECT_ALL": 0, "REJECT_FAILED": 1}[policy]
			if alone := h.must(`{ group(by: {name: "Alone"}) { memberCount } }`, nil); get(alone, "group.memberCount") != n {
				t.Errorf("members %v", alone)
			}
		})
	}
	t.Run("only good ones", func(t *testing.T) {
		h := newHouse(t)
		got := h.done("usersCreate", `users { email } results { outcome }`, vars{"users": []vars{{"email": "one@example.org"}, {"email": "two@example.org"}}})
		want := vars{
			"users":   []any{vars{"email": "one@example.org"}, vars{"email": "two@example.org"}},
			"results": []any{vars{"outcome": "CREATED"}, vars{"outcome": "CREATED"}},
		}
		if diff := cmp.Diff(any(want), any(got)); diff != "" {
			t.Errorf("payload (-want +got):\n%s", diff)
		}
	})
}

func asRows(v any) []vars {
	rows, _ := v.([]vars)
	return rows
}

// A field left out stays; null takes it away, or is refused where there must be something. What lists show is
// the chosen name, else given and family name, else the e-mail.
func TestUserUpdate(t *testing.T) {
	start := vars{"email": "lee@example.org", "givenName": "Ann", "familyName": "Lee", "locale": "FR"}
	for name, tt := range map[string]struct{ chosen, input, want vars }{
		"nothing":                    {nil, vars{}, vars{}},
		"the given name":             {nil, vars{"givenName": "Bea"}, vars{"givenName": "Bea", "displayName": "Bea Lee"}},
		"the family name":            {nil, vars{"familyName": "Moe"}, vars{"familyName": "Moe", "displayName": "Ann Moe"}},
		"no given name":              {nil, vars{"givenName": nil}, vars{"givenName": "", "displayName": "Lee"}},
		"an empty given name":        {nil, vars{"givenName": "  "}, vars{"givenName": "", "displayName": "Lee"}},
		"no names at all":            {nil, vars{"givenName": nil, "familyName": ""}, vars{"givenName": "", "familyName": "", "displayName": "lee@example.org"}},
		"no names, another e-mail":   {nil, vars{"givenName": nil, "familyName": nil, "email": "x@example.org"}, vars{"givenName": "", "familyName": "", "email": "x@example.org", "displayName": "x@example.org"}},
		"the e-mail":                 {nil, vars{"email": "Lee@Example.org"}, vars{"email": "Lee@Example.org"}},
		"a chosen name":              {nil, vars{"displayName": "Captain"}, vars{"displayName": "Captain"}},
		"a chosen name stays":        {vars{"displayName": "Captain"}, vars{"givenName": "Bea", "email": "x@example.org"}, vars{"givenName": "Bea", "email": "x@example.org", "displayName": "Captain"}},
		"a chosen name taken away":   {vars{"displayName": "Captain"}, vars{"displayName": nil}, vars{"displayName": "Ann Lee"}},
		"a chosen name made empty":   {vars{"displayName": "Captain"}, vars{"displayName": "", "givenName": "Bea"}, vars{"givenName": "Bea", "displayName": "Bea Lee"}},
		"the language":               {nil, vars{"locale": "NL"}, vars{"locale": "NL"}},
		"no language":                {nil, vars{"locale": nil}, vars{"locale": "EN"}},
		"everything":                 {nil, vars{"email": "b@example.org", "givenName": "B", "familyName": "M", "displayName": "BM", "locale": "PT"}, vars{"email": "b@example.org", "givenName": "B", "familyName": "M", "displayName": "BM", "locale": "PT"}},
		"ifMatch of null is no wish": {nil, vars{"givenName": "Bea", "ifMatch": nil}, vars{"givenName": "Bea", "displayName": "Bea Lee"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			created := get(a.done("userCreate", `user { `+wholeUser+` etag createdAt updatedAt }`, start), "user").(map[string]any)
			if tt.chosen != nil {
				chosen := vars{"id": created["id"]}
				for field, value := range tt.chosen {
					chosen[field] = value
				}
				created = get(a.done("userUpdate", `user { `+wholeUser+` etag createdAt updatedAt }`, chosen), "user").(map[string]any)
			}
			input := vars{"id": created["id"]}
			for field, value := range tt.input {
				input[field] = value
			}
			got := get(a.done("userUpdate", `user { `+wholeUser+` etag createdAt updatedAt }`, input), "user").(map[string]any)
			if again := a.must(`query ($id: ID!) { user(by: {id: $id}) { `+wholeUser+` etag createdAt updatedAt } }`, vars{"id": created["id"]})["user"]; !cmp.Equal(any(got), again) {
				t.Errorf("the payload has %v, read is %v", got, again)
			}
			if changed := len(tt.want) > 0; (got["etag"] != created["etag"]) != changed || (got["updatedAt"] != created["updatedAt"]) != changed {
				t.Errorf("etag and updatedAt %v, before %v", got, created)
			}
			want := vars{}
			for field, value := range created {
				if want[field] = value; field == "etag" || field == "updatedAt" {
					want[field] = got[field]
				}
			}
			for field, value := range tt.want {
				want[field] = value
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("user (-want +got):\n%s", diff)
			}
		})
	}
}

// Who is deleted is nowhere any more; the groups say so.
func TestUserDelete(t *testing.T) {
	h := newHouse(t)
	h.done("groupMembersAdd", "errors { code }", vars{"groupIds": []string{h.ids["sales"]}, "userIds": []string{h.ids["ann"]}})
	got := h.done("userDelete", `deletedUserId user { id } groups { name directMemberCount memberCount members { nodes { id } } }`, vars{"id": h.ids["ann"]})
	if got["deletedUserId"] != h.ids["ann"] || got["user"] != nil || strings.Contains(fmt.Sprint(got["groups"]), h.ids["ann"]) {
		t.Errorf("payload %v", got)
	}
	counts := map[string]string{}
	for _, g := range got["groups"].([]any) {
		counts[get(g, "name").(string)] = fmt.Sprint(get(g, "directMemberCount"), get(g, "memberCount"))
	}
	if diff := cmp.Diff(map[string]string{"Sales": "3 3", "EMEA": "0 0"}, counts); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	data := h.must(h.fill(`{
		node(id: "$ann") { id } user(by: {email: "ann@example.org"}) { id } users(filter: {search: "ann"}) { totalCount }
		account { userCount } membershipChecks(userIds: ["$ann"], groupIds: ["$sales"]) { isMember }
		groups(filter: {member: {id: "$ann"}}) { totalCount }
	}`), nil)
	want := vars{
		"node": nil, "user": nil, "users": vars{"totalCount": 0.0}, "account": vars{"userCount": 3.0},
		"membershipChecks": []any{vars{"isMember": false}}, "groups": vars{"totalCount": 0.0},
	}
	if diff := cmp.Diff(any(want), any(data)); diff != "" {
		t.Errorf("afterwards (-want +got):\n%s", diff)
	}
	h.done("userCreate", "user { id }", vars{"email": "ann@example.org"}) // the address is free again
}

// What each bulk change says of each user, and how many.
func TestSuspendAndResume(t *testing.T) {
	h := newHouse(t)
	const selection = `results { outcome user { email status statusReasons } } counts { total changed unchanged failed }`
	line := func(payload map[string]any) string {
		var words []string
		for _, r := range payload["results"].([]any) {
			email, _ := get(r, "user.email").(string)
			words = append(words, fmt.Sprintf("%s:%v%v%v", strings.TrimSuffix(email, "@example.org"), get(r, "outcome"), get(r, "user.status"), texts(r, "user.statusReasons")))
		}
		return strings.Join(words, " ") + fmt.Sprint(get(payload, "counts.total"), get(payload, "counts.changed"), get(payload, "counts.unchanged"), get(payload, "counts.failed"))
	}
	ids := func(names ...string) vars {
		var list []string
		for _, name := range names {
			list = append(list, h.ids[name])
		}
		return vars{"ids": list}
	}
	if err := h.directory.Activate(t.Context(), h.callers["member"]); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		mutation  string
		selection vars
		want      string
	}{
		{"usersSuspend", ids("ann", "absentUser", "member", "ann"), ":NOT_FOUND<nil>[] ann:CHANGEDSUSPENDED[MANUAL] member:CHANGEDSUSPENDED[MANUAL]3 2 0 1"},
		{"usersSuspend", ids("member"), "member:UNCHANGEDSUSPENDED[MANUAL]1 0 1 0"},
		{"usersResume", ids("member", "admin"), "member:CHANGEDACTIVE[] admin:UNCHANGEDINVITED[]2 1 1 0"},
		{"usersResume", vars{"matching": vars{"filter": vars{"status": []string{"SUSPENDED"}}}}, "ann:CHANGEDINVITED[]1 1 0 0"},
		{"usersSuspend", vars{"matching": vars{"filter": vars{"role": []string{"MEMBER"}}, "exceptIds": []string{h.ids["member"], h.ids["absentUser"]}}}, "ann:CHANGEDSUSPENDED[MANUAL]1 1 0 0"},
		{"usersResume", vars{"all": true}, "super:UNCHANGEDINVITED[] admin:UNCHANGEDINVITED[] member:UNCHANGEDACTIVE[] ann:CHANGEDINVITED[]4 1 3 0"},
		{"usersSuspend", vars{"matching": vars{"filter": vars{"search": "nobody"}}}, "0 0 0 0"},
	} {
		if got := line(h.done(step.mutation, selection, vars{"selection": step.selection})); got != step.want {
			t.Errorf("%s of %v:\n%s, want\n%s", step.mutation, step.selection, got, step.want)
		}
	}
	got := h.done("usersSuspend", `results { outcome } counts { total changed failed } job { status }`, vars{"selection": vars{"ids": append([]string{h.ids["ann"]}, users(999)...)}})
	if results := texts(got, "results.*.outcome"); len(results) != 1000 || slices.Index(results, "CHANGED") != 999 {
		t.Errorf("%d results, those that failed first: %v", len(results), slices.Compact(results))
	}
	if diff := cmp.Diff(any(vars{"total": 1000.0, "changed": 1.0, "failed": 999.0}), got["counts"]); diff != "" || get(got, "job.status") != "PARTLY_FAILED" {
		t.Errorf("job %v, counts (-want +got):\n%s", get(got, "job"), diff)
	}
	got = h.done("usersResume", `results { outcome } counts { total } job { status total done }`, vars{"selection": vars{"ids": append(users(1000), h.ids["ann"])}})
	want := map[string]any{"results": []any{}, "counts": map[string]any{"total": 1001.0}, "job": map[string]any{"status": "QUEUED", "total": 1001.0, "done": 0.0}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("one user more than fits into one transaction (-want +got):\n%s", diff)
	}
}

// The fingerprint follows what userUpdate and groupUpdate edit, and nothing else.
func TestEtags(t *testing.T) {
	userTag, groupTag := `{ user(by: {id: "$ann"}) { tag: etag at: updatedAt } }`, `{ group(by: {id: "$emea"}) { tag: etag at: updatedAt } }`
	for name, tt := range map[string]struct {
		query, mutation string
		input           vars
		tag, at         bool
	}{
		"a user's role":              {userTag, "userRoleSet", vars{"id": "$ann", "role": "ADMIN"}, false, true},
		"a user's suspension":        {userTag, "usersSuspend", vars{"selection": vars{"ids": []string{"$ann"}}}, false, true},
		"a user's groups":            {userTag, "userGroupsUpdate", vars{"userId": "$ann", "addGroupIds": []string{"$alone"}}, false, false},
		"a user's name":              {userTag, "userUpdate", vars{"id": "$ann", "givenName": "A"}, true, true},
		"a user's language":          {userTag, "userUpdate", vars{"id": "$ann", "locale": "NL"}, true, true},
		"the same name again":        {userTag, "userUpdate", vars{"id": "$ann", "givenName": ""}, false, false},
		"a group's members":          {groupTag, "groupMembersAdd", vars{"groupIds": []string{"$emea"}, "userIds": []string{"$member"}}, false, false},
		"a group's place":            {groupTag, "groupUnnest", vars{"parentId": "$sales", "childId": "$emea"}, false, false},
		"a group's members, by Save": {groupTag, "groupUpdate", vars{"id": "$emea", "addMemberIds": []string{"$member"}}, false, false},
		"a group's name":             {groupTag, "groupUpdate", vars{"id": "$emea", "name": "Emea"}, true, true},
		"a group's description":      {groupTag, "groupUpdate", vars{"id": "$emea", "description": "D"}, true, true},
		"a group's priority":         {groupTag, "groupUpdate", vars{"id": "$emea", "priority": 3}, true, true},
		"the same priority again":    {groupTag, "groupUpdate", vars{"id": "$emea", "priority": 0}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			read := func() any {
				for _, object := range h.must(h.fill(tt.query), nil) {
					return object
				}
				return nil
			}
			before := read()
			if wrong, _ := complaints(h.send(request{mutation: tt.mutation, input: tt.input})); wrong != "" {
				t.Fatal(wrong)
			}
			after := read()
			if (get(before, "tag") != get(after, "tag")) != tt.tag || (get(before, "at") != get(after, "at")) != tt.at {
				t.Errorf("before %v, after %v", before, after)
			}
		})
	}
	// Two who look alike have two fingerprints.
	a := newAPI(t)
	x, y := a.group("X", nil), a.group("Y", nil)
	tags := texts(a.must(`query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Group { etag } } }`, vars{"ids": []string{x.String(), y.String()}}), "nodes.*.etag")
	if tags[0] == tags[1] || tags[0] == "" {
		t.Errorf("etags %v", tags)
	}
}
