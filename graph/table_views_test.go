package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"cohort/models"
)

const (
	allViews = `tableViews {
		users { id columns { column width } sort pageSize filters { name filter } updatedAt }
		groups { id columns { column width } sort pageSize filters { name filter } updatedAt }
		groupMembers { id columns { column width } sort pageSize filters { name relation filter } updatedAt }
		jobs { id columns { column width } pageSize filters { name status kinds } updatedAt }
	}`
	usersView = `tableViews { users { columns { column width } sort pageSize filters { name filter } } }`
)

// setUpTables has both admins of the house set up all tables.
func (h *house) setUpTables() {
	h.t.Helper()
	named := func(filter vars) []vars { return []vars{{"name": "Mine", "filter": filter}} }
	for _, who := range []string{"super", "admin"} {
		for table, view := range map[string]vars{
			"users":        {"columns": []vars{{"column": "EMAIL"}}, "pageSize": 25, "filters": named(vars{"search": "x"})},
			"groups":       {"columns": []vars{{"column": "NAME"}}, "sort": "PRIORITY_DESC", "filters": named(vars{"hasParent": true})},
			"groupMembers": {"columns": []vars{{"column": "DIRECT"}}, "filters": named(vars{"role": []string{"ADMIN"}})},
			"jobs":         {"columns": []vars{{"column": "KIND"}}, "filters": []vars{{"name": "Bad", "status": []string{"FAILED"}, "kinds": []string{"groupDelete"}}}},
		} {
			h.as(h.callers[who]).done("tableViewSave", "errors { code }", vars{table: view})
		}
	}
}

// What is left out of a save stays, null leaves it to the screen again, and doing it twice is doing it once.
func TestTableViewSave(t *testing.T) {
	h := newHouse(t)
	empty := vars{"columns": nil, "sort": nil, "pageSize": nil, "filters": []any{}}
	if diff := cmp.Diff(any(empty), get(h.must(`{ viewer { tableViews { users { columns { column } sort pageSize filters { name } } } } }`, nil), "viewer.tableViews.users")); diff != "" {
		t.Errorf("at first (-want +got):\n%s", diff)
	}
	columns := []any{vars{"column": "EMAIL", "width": 240.0}, vars{"column": "DISPLAY_NAME", "width": nil}}
	lost := vars{"name": "Lost", "filter": vars{"not": vars{"status": []any{"ACTIVE"}}}}
	born := vars{"name": "Élan", "filter": vars{"search": "zoe"}}
	for _, step := range []struct {
		name        string
		input, want vars
	}{
		{"columns", vars{"columns": []vars{{"column": "EMAIL", "width": 240}, {"column": "DISPLAY_NAME"}}}, vars{"columns": columns}},
		{"sort and page", vars{"sort": "EMAIL_DESC", "pageSize": 100}, vars{"columns": columns, "sort": "EMAIL_DESC", "pageSize": 100.0}},
		{"filters", vars{"filters": []vars{lost, {"name": " Élan ", "filter": vars{"search": "z"}}}}, vars{"columns": columns, "sort": "EMAIL_DESC", "pageSize": 100.0, "filters": []any{vars{"name": "Élan", "filter": vars{"search": "z"}}, lost}}},
		{"a filter anew, in other letters", vars{"filters": []vars{{"name": "ÉLAN", "filter": vars{"search": "zoe"}}}}, vars{"columns": columns, "sort": "EMAIL_DESC", "pageSize": 100.0, "filters": []any{vars{"name": "ÉLAN", "filter": vars{"search": "zoe"}}, lost}}},
		{"its name alone", vars{"filters": []vars{born}}, vars{"columns": columns, "sort": "EMAIL_DESC", "pageSize": 100.0, "filters": []any{born, lost}}},
		{"nothing", vars{}, vars{"columns": columns, "sort": "EMAIL_DESC", "pageSize": 100.0, "filters": []any{born, lost}}},
		{"back to the screen's", vars{"columns": nil, "sort": nil, "pageSize": nil}, vars{"filters": []any{born, lost}}},
	} {
		for name, value := range empty {
			if _, given := step.want[name]; !given {
				step.want[name] = value
			}
		}
		got := h.done("tableViewSave", usersView, vars{"users": step.input})
		if diff := cmp.Diff(any(step.want), get(got, "tableViews.users")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
		if again := get(h.must(`{ viewer { `+usersView+` } }`, nil), "viewer.tableViews.users"); cmp.Diff(any(step.want), again) != "" {
			t.Errorf("%s, read again: %v", step.name, again)
		}
		h.unchanged(func() { h.done("tableViewSave", usersView, vars{"users": step.input}) })
	}
	forget := func(names ...string) string {
		input := vars{"table": "USERS"}
		if names != nil {
			input["filters"] = names
		}
		return strings.Join(texts(h.done("tableViewDelete", usersView, input), "tableViews.users.filters.*.name"), " ")
	}
	h.done("tableViewSave", usersView, vars{"users": vars{"pageSize": 10}})
	if got := forget("LOST", "nobody's"); got != "Élan" {
		t.Errorf("after one is forgotten: %s", got)
	}
	h.unchanged(func() { forget("lost") })
	if size := get(h.must(view(`users { pageSize }`), nil), "viewer.tableViews.users.pageSize"); size != 10.0 {
		t.Errorf("the page size with it: %v", size)
	}
	if got := forget(); got != "" {
		t.Errorf("after all is forgotten: %s", got)
	}
	h.unchanged(func() { forget() })
	if at := get(h.must(view(`users { pageSize updatedAt }`), nil), "viewer.tableViews.users"); cmp.Diff(any(vars{"pageSize": nil, "updatedAt": nil}), at) != "" {
		t.Errorf("of what is forgotten: %v", at)
	}
}

func TestRefusedTableViews(t *testing.T) {
	h := newHouse(t)
	save := func(table string, view vars) request {
		return request{mutation: "tableViewSave", input: vars{table: view}}
	}
	columns := func(list ...vars) vars { return vars{"columns": list} }
	filters := func(list ...vars) vars { return vars{"filters": list} }
	deep := vars{"search": "x"}
	for range 5 {
		deep = vars{"not": deep}
	}
	var many, wide []vars
	for i := range 51 {
		many = append(many, vars{"name": fmt.Sprint("Filter ", i), "filter": vars{}})
	}
	for range 49 {
		wide = append(wide, vars{"search": strings.Repeat("é", 200)})
	}
	h.refuses(map[string]refusal{
		"no column":                       {save("users", columns([]vars{}...)), "REQUIRED input.users.columns", "at least one column"},
		"a column twice":                  {save("jobs", columns(vars{"column": "KIND"}, vars{"column": "DONE"}, vars{"column": "KIND", "width": 90})), "CONFLICT input.jobs.columns.2.column", "KIND is there twice"},
		"a column too narrow":             {save("users", columns(vars{"column": "EMAIL", "width": 15})), "INVALID input.users.columns.0.width", "16 to 2000 pixels wide, not 15"},
		"a column too wide":               {save("groupMembers", columns(vars{"column": "VIA", "width": 2001})), "INVALID input.groupMembers.columns.0.width", "not 2001"},
		"a page of none":                  {save("groups", vars{"pageSize": 0}), "INVALID input.groups.pageSize", "1 to 100 entries, not 0"},
		"a page too long":                 {save("groups", vars{"pageSize": 101}), "INVALID input.groups.pageSize", "1 to 100 entries, not 101"},
		"a filter twice":                  {save("users", filters(vars{"name": "Mine", "filter": vars{}}, vars{"name": " MINE", "filter": vars{}})), "CONFLICT input.users.filters.1.name", "has this name"},
		"too many filters":                {save("users", vars{"filters": many}), "TOO_MANY input.users.filters", "at most 50"},
		"a search too long":               {save("users", filters(vars{"name": "X", "filter": vars{"search": strings.Repeat("x", 201)}})), "TOO_LONG input.users.filters.0.filter.search", "200 characters"},
		"a filter too deep":               {save("groups", filters(vars{"name": "X", "filter": deep})), "TOO_MANY input.groups.filters.0.filter", "at most 5 deep"},
		"a span without ends":             {save("groups", filters(vars{"name": "X", "filter": vars{"createdAt": vars{}}})), "REQUIRED input.groups.filters.0.filter.createdAt", "from, until or both"},
		"a filter too large to keep":      {save("users", filters(vars{"name": "X", "filter": vars{"or": wide}})), "TOO_LONG input.users.filters.0.filter", "at most 10000 can be saved"},
		"too many kinds":                  {save("jobs", filters(vars{"name": "X", "kinds": slices.Repeat([]string{"x"}, 251)})), "TOO_MANY input.jobs.filters.0.kinds", "at most 250"},
		"several mistakes":                {save("users", vars{"columns": []vars{{"column": "EMAIL", "width": 1}}, "pageSize": -1, "filters": []vars{{"name": "", "filter": vars{}}}}), "INVALID input.users.columns.0.width, INVALID input.users.pageSize, REQUIRED input.users.filters.0.name", "pixels"},
		"an unknown column":               {save("users", columns(vars{"column": "PASSWORD"})), "GRAPHQL_VALIDATION_FAILED variable.input.users.columns.0.column", "UserColumn"},
		"a column of another table":       {save("users", columns(vars{"column": "MEMBER_COUNT"})), "GRAPHQL_VALIDATION_FAILED variable.input.users.columns.0.column", "UserColumn"},
		"a sort of another table":         {save("users", vars{"sort": "PRIORITY_ASC"}), "GRAPHQL_VALIDATION_FAILED variable.input.users.sort", "UserSort"},
		"a sort of what has none":         {save("jobs", vars{"sort": "NAME_ASC"}), "GRAPHQL_VALIDATION_FAILED variable.input.jobs.sort", "unknown field"},
		"no table":                        {request{mutation: "tableViewSave", input: vars{}}, "GRAPHQL_VALIDATION_FAILED variable.input", "exactly one"},
		"two tables":                      {request{mutation: "tableViewSave", input: vars{"users": vars{}, "jobs": vars{}}}, "GRAPHQL_VALIDATION_FAILED variable.input", "exactly one"},
		"no filters to forget":            {request{mutation: "tableViewDelete", input: vars{"table": "JOBS", "filters": []string{}}}, "REQUIRED input.filters", "at least one"},
		"too many filters to forget":      {request{mutation: "tableViewDelete", input: vars{"table": "JOBS", "filters": slices.Repeat([]string{"x"}, 51)}}, "TOO_MANY input.filters", "at most 50"},
		"the id of a user as the group's": {save("users", filters(vars{"name": "X", "filter": vars{"group": vars{"id": "$ann"}}})), "BAD_USER_INPUT/INVALID_ID tableViewSave", "is the id of a User"},
	})
	t.Run("one too many, by and by", func(t *testing.T) {
		h := newHouse(t)
		h.done("tableViewSave", usersView, vars{"users": vars{"filters": many[:50]}})
		h.done("tableViewSave", usersView, vars{"users": vars{"filters": many[49:50]}})
		h.refuses(map[string]refusal{"the 51st": {save("users", vars{"filters": many[50:]}), "TOO_MANY input.users.filters", "51 filters"}})
	})
}

// A saved filter goes as it is into the argument of the list, whatever the filter asks; and it stays readable when what it
// names is gone.
func TestSavedFiltersAreArguments(t *testing.T) {
	h := newHouse(t)
	product := h.product("goto-nowhere").String()
	span := vars{"from": "2026-01-01T00:00:00Z", "until": "2036-01-01T00:00:00.5Z"}
	// Each field of each filter, so that a new one is tried here or this fails.
	samples := map[string]vars{
		"UserFilter": {
			"search": "ann \"x\" é", "status": []any{"ACTIVE", "INVITED"}, "role": []any{"MEMBER"}, "locale": []any{},
			"group": vars{"id": h.ids["alone"], "relation": "DIRECT"}, "product": vars{"id": product, "state": "NO_SEAT"}, "createdAt": span,
			"and": []any{vars{"search": "a"}, vars{}}, "or": []any{}, "not": vars{"not": vars{"locale": []any{"FR"}}},
		},
		"GroupFilter": {
			"search": "s", "member": vars{"id": h.ids["ann"], "relation": "INHERITED"}, "within": vars{"id": h.ids["alone"], "relation": "ALL"}, "hasParent": false, "createdAt": span,
			"and": []any{vars{"hasParent": true}}, "or": []any{vars{"search": "a"}}, "not": vars{},
		},
	}
	for _, tt := range []struct{ table, filter, list string }{
		{"users", "UserFilter", `query ($filter: UserFilter) { users(filter: $filter) { totalCount } }`},
		{"groupMembers", "UserFilter", `query ($filter: UserFilter) { group(by: {name: "Sales"}) { members(relation: DIRECT, filter: $filter) { totalCount } } }`},
		{"groups", "GroupFilter", `query ($filter: GroupFilter) { groups(filter: $filter) { totalCount } }`},
	} {
		given := samples[tt.filter]
		for _, field := range contract(t).Types[tt.filter].Fields {
			if given[field.Name] == nil {
				t.Errorf("%s.%s isn't tried", tt.filter, field.Name)
			}
		}
		all := []vars{given}
		for name, value := range given {
			all = append(all, vars{name: value})
		}
		all = append(all, vars{})
		for i, filter := range all {
			with := vars{"name": "Mine", "filter": filter}
			if tt.table == "groupMembers" {
				with["relation"] = "DIRECT"
			}
			got := h.done("tableViewSave", allViews, vars{tt.table: vars{"filters": []vars{with}}})
			saved := get(got, "tableViews."+tt.table+".filters.0.filter")
			if diff := cmp.Diff(any(filter), saved); diff != "" {
				t.Errorf("%s %d (-given +saved):\n%s", tt.table, i, diff)
			}
			if a, b := h.must(tt.list, vars{"filter": filter}), h.must(tt.list, vars{"filter": saved}); cmp.Diff(a, b) != "" {
				t.Errorf("%s %v finds %v, and saved %v", tt.table, filter, a, b)
			}
		}
		h.done("tableViewSave", allViews, vars{tt.table: vars{"filters": []vars{{"name": "Mine", "filter": given}}}})
	}
	h.done("tableViewSave", allViews, vars{"jobs": vars{"filters": []vars{{"name": "All"}, {"name": "Bad", "status": []string{"FAILED", "CANCELED"}, "kinds": []string{"groupDelete"}}}}})
	before := h.must(`{ viewer { `+allViews+` } }`, nil)
	jobs := get(before, "viewer.tableViews.jobs.filters")
	if diff := cmp.Diff(any([]any{vars{"name": "All", "status": nil, "kinds": nil}, vars{"name": "Bad", "status": []any{"FAILED", "CANCELED"}, "kinds": []any{"groupDelete"}}}), jobs); diff != "" {
		t.Errorf("filters of jobs (-want +got):\n%s", diff)
	}
	bad := jobs.([]any)[1].(vars)
	h.must(`query ($status: [JobStatus!], $kinds: [String!]) { jobs(status: $status, kinds: $kinds) { totalCount } }`, vars{"status": bad["status"], "kinds": bad["kinds"]})

	h.done("groupDelete", "deletedGroupId", vars{"id": h.ids["alone"]})
	h.done("userDelete", "deletedUserId", vars{"id": h.ids["ann"]})
	h.done("productDelete", "deletedProductId", vars{"id": product})
	if diff := cmp.Diff(before, h.must(`{ viewer { `+allViews+` } }`, nil)); diff != "" {
		t.Errorf("when what they name is gone (-before +after):\n%s", diff)
	}
	for _, table := range []string{"users", "groups"} {
		kind := map[string]string{"users": "UserFilter", "groups": "GroupFilter"}[table]
		h.must(`query ($filter: `+kind+`) { `+table+`(filter: $filter) { totalCount } }`, vars{"filter": get(before, "viewer.tableViews."+table+".filters.0.filter")})
	}
}

// Each has their own, in each account, and nobody sees another's by its id.
func TestTableViewsAreOnesOwn(t *testing.T) {
	h := newHouse(t)
	h.setUpTables()
	h.as(h.callers["admin"]).done("tableViewSave", "errors { code }", vars{"users": vars{"pageSize": 7}})
	seen := map[any]string{}
	for _, who := range []string{"super", "admin"} {
		a := h.as(h.callers[who])
		views := get(a.must(`{ viewer { `+allViews+` } }`, nil), "viewer.tableViews")
		if size := get(views, "users.pageSize"); size != map[string]any{"super": 25.0, "admin": 7.0}[who] {
			t.Errorf("%s has pages of %v", who, size)
		}
		for table, kind := range map[string]string{"users": "User", "groups": "Group", "groupMembers": "GroupMember", "jobs": "Job"} {
			id := get(views, table+".id")
			if other, taken := seen[id]; taken {
				t.Errorf("%s's %s has the id of %s", who, table, other)
			}
			seen[id] = who + "'s " + table
			node := get(a.must(`query ($id: ID!) { node(id: $id) { __typename id ... on `+kind+`TableView { columns { column } } } }`, vars{"id": id}), "node")
			if get(node, "__typename") != kind+"TableView" || get(node, "id") != id || cmp.Diff(get(views, table+".columns.0.column"), get(node, "columns.0.column")) != "" {
				t.Errorf("%s's %s as a node: %v", who, table, node)
			}
			for _, stranger := range []string{"super", "admin", "member"} {
				if stranger != who {
					if node := get(h.as(h.callers[stranger]).must(`query ($id: ID!) { node(id: $id) { id } }`, vars{"id": id}), "node"); node != nil {
						t.Errorf("%s finds %s", stranger, seen[id])
					}
				}
			}
		}
	}
	if got := h.ask(h.operator(), mutate("tableViewSave", "errors { code }"), vars{"input": vars{"users": vars{"pageSize": 7}}}); !strings.Contains(got.Text, "FORBIDDEN") {
		t.Errorf("by no person: %s", got.Text)
	}
	if size := get(h.as(h.operator()).must(view(`users { pageSize }`), nil), "viewer.tableViews.users.pageSize"); size != nil {
		t.Errorf("no person has pages of %v", size)
	}
	h.done("userDelete", "deletedUserId", vars{"id": h.ids["admin"]})
	if left := len(h.dump()["table_views"]); left != 4 {
		t.Errorf("%d views are left, want the 4 of the other", left)
	}
}

// narrowed are columns with a part of a field.
var narrowed = map[string]string{
	"DIRECT_PRODUCTS": "PRODUCTS", "INHERITED_PRODUCTS": "PRODUCTS", "WAITING_PRODUCTS": "PRODUCTS", "BLOCKED_PRODUCTS": "PRODUCTS", "DIRECT_GROUPS": "GROUPS",
}

// Every column is a field of what the table lists.
func TestColumnsAreFields(t *testing.T) {
	schema := contract(t)
	for column, types := range map[string][]string{
		"UserColumn": {"User"}, "GroupColumn": {"Group"}, "JobColumn": {"Job"}, "GroupMemberColumn": {"User", "GroupMemberEdge"},
	} {
		var fields []string
		for _, name := range types {
			for _, f := range schema.Types[name].Fields {
				fields = append(fields, f.Name)
			}
		}
		for _, value := range schema.Types[column].EnumValues {
			var name strings.Builder
			upper := false
			of := value.Name
			if whole, part := narrowed[of]; part {
				of = whole
			}
			for _, r := range strings.ToLower(of) {
				if r != '_' {
					name.WriteRune(map[bool]rune{true: unicode.ToUpper(r), false: r}[upper])
				}
				upper = r == '_'
			}
			if !slices.Contains(fields, name.String()) || !strings.Contains(value.Description, "`"+name.String()+"`") {
				t.Errorf("%s.%s is no field of %v, or doesn't say so: %s", column, value.Name, types, value.Description)
			}
		}
	}
	for _, user := range schema.Types["UserColumn"].EnumValues {
		if schema.Types["GroupMemberColumn"].EnumValues.ForName(user.Name) == nil {
			t.Errorf("the table of members has no column %s", user.Name)
		}
	}
}

// The view is stored at the time of the change.
func TestTableViewIsDated(t *testing.T) {
	h := newHouse(t)
	begun := time.Now().Add(-time.Second)
	text := get(h.done("tableViewSave", allViews, vars{"jobs": vars{"pageSize": 9}}), "tableViews.jobs.updatedAt").(string)
	at, err := models.UnmarshalDateTime(text)
	if err != nil || at.Before(begun) || at.After(time.Now().Add(time.Second)) {
		t.Errorf("updated at %s, %v", text, err)
	}
}
