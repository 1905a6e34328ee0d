package graph_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"cohort/models"
)

// lists are all the fields that give a page, each with the query that leads there and has %ARGS% for its
// arguments.
var lists = map[string]string{
	"Query.users":        `{ users(%ARGS%) { nodes { id } } }`,
	"Query.groups":       `{ groups(%ARGS%) { nodes { id } } }`,
	"Query.jobs":         `{ jobs(%ARGS%) { nodes { id } } }`,
	"Query.mails":        `{ mails(%ARGS%) { nodes { id } } }`,
	"Query.auditEvents":  `{ auditEvents(%ARGS%) { nodes { id } } }`,
	"User.auditEvents":   `{ user(by: {id: "$ann"}) { auditEvents(%ARGS%) { nodes { id } } } }`,
	"Group.auditEvents":  `{ group(by: {id: "$sales"}) { auditEvents(%ARGS%) { nodes { id } } } }`,
	"Job.results":        `{ job(id: "$job") { results(%ARGS%) { nodes { id: subjectId } } } }`,
	"Webhook.deliveries": `{ webhook: node(id: "$webhook") { ... on Webhook { deliveries(%ARGS%) { nodes { id: messageId } } } } }`,
	"User.groups":        `{ user(by: {id: "$ann"}) { groups(%ARGS%) { nodes { id } } } }`,
	"Group.members":      `{ group(by: {id: "$sales"}) { members(%ARGS%) { nodes { id } } } }`,
	"Group.parents":      `{ group(by: {id: "$north"}) { parents(%ARGS%) { nodes { id } } } }`,
	"Group.children":     `{ group(by: {id: "$sales"}) { children(%ARGS%) { nodes { id } } } }`,
	"Group.ancestors":    `{ group(by: {id: "$north"}) { ancestors(%ARGS%) { nodes { id } } } }`,
	"Group.descendants":  `{ group(by: {id: "$sales"}) { descendants(%ARGS%) { nodes { id } } } }`,
}

// numbered are the lists in one order, whose cursors hold numbers, or ids.
var numbered = []string{"Query.jobs", "Job.results", "Query.mails", "Query.auditEvents", "User.auditEvents", "Group.auditEvents", "Webhook.deliveries"}

// filtered are the fields that take a filter without being a page.
var filtered = map[string]string{
	"Group.adjacent": `{ group(by: {id: "$sales"}) { adjacent(%ARGS%) { next { id } } } }`,
}

// feeds are the fields that give a part of the change feed, whose arguments have tests of their own.
var feeds = []string{"Query.changes", "Subscription.changes"}

// lists has every field that has the argument, and so does filtered for the rest of those with a filter.
func TestEveryListIsTried(t *testing.T) {
	for _, definition := range contract(t).Types {
		for _, field := range definition.Fields {
			name := definition.Name + "." + field.Name
			if field.Arguments.ForName("first") != nil && lists[name] == "" && !slices.Contains(feeds, name) {
				t.Errorf("the list %s isn't tried", name)
			}
			if definition.Kind == ast.Object && field.Arguments.ForName("filter") != nil && lists[name]+filtered[name] == "" {
				t.Errorf("the filter of %s isn't tried", name)
			}
		}
	}
}

// place is the path of the list's field in the answer.
func place(list string) string {
	if field, ok := strings.CutPrefix(list, "Query."); ok {
		return field
	}
	object, field, _ := strings.Cut(list, ".")
	return strings.ToLower(object) + "." + field
}

func TestPageArguments(t *testing.T) {
	h := newHouse(t)
	other := func(list string) string { // a good cursor of another list
		if strings.HasSuffix(list, "groups") || !strings.HasPrefix(list, "Query") && list != "Group.members" {
			return get(h.must(`{ users(first: 1) { pageInfo { endCursor } } }`, nil), "users.pageInfo.endCursor").(string)
		}
		return get(h.must(`{ groups(first: 1) { pageInfo { endCursor } } }`, nil), "groups.pageInfo.endCursor").(string)
	}
	for list, query := range lists {
		t.Run(list, func(t *testing.T) {
			h := h.in(t)
			own := get(h.must(h.fill(strings.NewReplacer("%ARGS%", "first: 1", "nodes { id }", "pageInfo { endCursor }", "nodes { id: subjectId }", "pageInfo { endCursor }", "nodes { id: messageId }", "pageInfo { endCursor }").Replace(query)), nil), place(list)+".pageInfo.endCursor").(string)
			wrong := "BAD_USER_INPUT/INVALID " + place(list)
			tests := map[string]refusal{}
			for args, says := range map[string]string{
				"first: 0":               "first: a page has 1 to 100 entries, not 0",
				"first: -1":              "first: a page has 1 to 100 entries, not -1",
				"first: 101":             "first: a page has 1 to 100 entries, not 101",
				"first: 2147483647":      "first: a page has 1 to 100 entries",
				"first: 2147483648":      "first: \"2147483648\" is not a whole number of 32 bits",
				"first: 99999999999":     "32 bits",
				"last: 0":                "last: a page has 1 to 100 entries, not 0",
				"last: -5":               "last: a page has 1 to 100 entries, not -5",
				"last: 101":              "last: a page has 1 to 100 entries, not 101",
				"first: 1, last: 1":      "either first or last",
				`after: ""`:              "after: this is not a cursor",
				`after: "x"`:             "after: this is not a cursor",
				`before: "!!!"`:          "before: this is not a cursor",
				`after: "` + own + `%"`:  "after: this is not a cursor",
				`before: "` + own + `="`: "before: this is not a cursor",
				`after: "` + strings.Repeat("A", 30) + `"`:    "after: this is not a cursor",
				`after: "` + strings.Repeat("A", 32) + `"`:    "after: this cursor is of a list with another filter or sort",
				`after: "` + other(list) + `"`:                "after: this cursor is of a list with another filter or sort",
				`after: "` + own + `", sort: NAME_DESC`:       "another filter or sort",
				`before: "` + own + `", sort: CREATED_AT_ASC`: "another filter or sort",
				`after: "` + own + `", filter: {search: "x"}`: "another filter or sort",
				`before: "` + own + `", filter: {and: []}`:    "another filter or sort",
				`after: "` + own + `", before: "x"`:           "before: this is not a cursor",
				`after: "` + bend(t, own, "i5") + `"`:         "this is not a cursor",
				`after: "` + bend(t, own, "t1") + `"`:         "this is not a cursor",
				`after: "` + bend(t, own, "s\xff") + `"`:      "this is not a cursor",
				`after: "` + bend(t, own, "") + `"`:           "this is not a cursor",
				`after: "` + bend(t, own, "?") + `"`:          "this is not a cursor",
			} {
				if slices.Contains(numbered, list) && (strings.Contains(args, "sort:") || strings.Contains(args, "filter:")) {
					continue
				}
				tests[args] = refusal{request{query: strings.ReplaceAll(query, "%ARGS%", args)}, wrong, says}
			}
			if filter, ok := map[string]string{"Query.jobs": `status: [FAILED]`, "Job.results": `outcomes: [PENDING]`, "Query.mails": `state: SENT`, "Query.auditEvents": `filter: {outcome: DONE}`, "User.auditEvents": `filter: {actions: "userUpdate"}`}[list]; ok {
				args := `after: "` + own + `", ` + filter
				tests[args] = refusal{request{query: strings.ReplaceAll(query, "%ARGS%", args)}, wrong, "another filter or sort"}
			}
			if list == "User.groups" || list == "Group.members" {
				args := `after: "` + own + `", relation: DIRECT`
				tests[args] = refusal{request{query: strings.ReplaceAll(query, "%ARGS%", args)}, wrong, "another filter or sort"}
			}
			h.refuses(tests)
			far, odd := "s'; DROP TABLE users; --", `s\x00`
			if slices.Contains(numbered, list) {
				far, odd = "999999", "-1"
			}
			if strings.HasSuffix(list, ".auditEvents") {
				far, odd = models.EventID{}.String(), models.EventID{0: 255}.String()
			}
			if list == "Query.mails" {
				far, odd = models.MailID{}.String(), models.MailID{0: 255}.String()
			}
			if list == "Webhook.deliveries" {
				far, odd = models.WebhookDeliveryID{}.String(), models.WebhookDeliveryID{0: 255}.String()
			}
			good := map[string]request{}
			for _, args := range []string{
				"first: 1", "first: 100", "last: 1", "last: 100", "first: null", "first: null, last: 5", "first: 5, after: null",
				`after: "` + own + `"`, `before: "` + own + `"`, `last: 1, after: "` + own + `"`, `after: "` + own + `", before: "` + own + `"`,
				`first: 1, after: "` + own + `", filter: null`, `sort: NAME_DESC`,
				`after: "` + bend(t, own, far) + `"`, `after: "` + bend(t, own, odd) + `"`,
			} {
				if slices.Contains(numbered, list) && (strings.Contains(args, "sort:") || strings.Contains(args, "filter:")) {
					continue
				}
				good[args] = request{query: strings.ReplaceAll(query, "%ARGS%", args)}
			}
			h.accepts(good)
		})
	}
}

// bend is a cursor of the same list with another key.
func bend(t testing.TB, cursor, key string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(append(raw[:24:24], key...))
}

// Keys that no column of the sort can hold: neither engine may be asked.
func TestForgedCursors(t *testing.T) {
	h := newHouse(t)
	keys := map[string][]string{
		"users(sort: CREATED_AT_ASC": {
			"s", "sx", "i5", "t", "tx", "t1.5", "t-1", "t99999999999999999999", "t9223372036854775807", "t-9223372036854775808", "t253402300800000000", "t1 OR 1=1",
		},
		"groups(sort: CREATED_AT_DESC":         {"sx", "i5", "t-1", "t9223372036854775807"},
		"groups(sort: PRIORITY_ASC":            {"s", "sx", "t5", "i", "ix", "i1.5", "i99999999999", "i-99999999999", "i1 OR 1=1"},
		"groups(sort: DIRECT_MEMBER_COUNT_ASC": {"s5", "t5", "ix", "i99999999999"},
		"users(sort: FAMILY_NAME_DESC":         {"", "i5", "t5", "s\xc3\x28", "s\xed\xa0\x80", "s\xf8\x88\x80\x80\x80"},
		"users(sort: EMAIL_ASC":                {"i5", "t5", "s\xff"},
		"jobs(status: SUCCEEDED":               {"i5", "", "x", "1.5", "99999999999999999999", "1 OR 1=1"},
		"mails(state: FAILED":                  {"", "5", "mail_", "mail_x", "user_" + strings.Repeat("0", 26), "1 OR 1=1"},
	}
	tests := map[string]refusal{}
	for list, keys := range keys {
		field, _, _ := strings.Cut(list, "(")
		own := get(h.must(`{ `+list+`, first: 1) { pageInfo { endCursor } } }`, nil), field+".pageInfo.endCursor").(string)
		for _, key := range keys {
			query := fmt.Sprintf(`{ %s, after: "%s") { nodes { id } } }`, list, bend(t, own, key))
			tests[fmt.Sprintf("%s) after %q", list, key)] = refusal{request{query: query}, "BAD_USER_INPUT/INVALID " + field, "this is not a cursor"}
		}
	}
	h.refuses(tests)
}

// nested is a filter that lies so deep in others.
func nested(depth int, word string) string {
	if depth == 1 {
		return `{search: "x"}`
	}
	if word == "not" {
		return `{not: ` + nested(depth-1, word) + `}`
	}
	return `{` + word + `: [` + nested(depth-1, word) + `]}`
}

// side is a filter with others side by side: n altogether.
func side(n int, word string) string {
	return `{` + word + `: [` + strings.Repeat(`{search: "x"},`, n-1) + `]}`
}

func TestFilters(t *testing.T) {
	h := newHouse(t)
	all := map[string]string{}
	for name, query := range lists {
		if !slices.Contains(numbered, name) { // which have no such filter
			all[name] = query
		}
	}
	for name, query := range filtered {
		all[name] = query
	}
	for list, query := range all {
		t.Run(list, func(t *testing.T) {
			h := h.in(t)
			tests, good := map[string]refusal{}, map[string]request{}
			bad := func(filter, code, says string) {
				tests[filter[:min(len(filter), 60)]] = refusal{request{query: strings.ReplaceAll(query, "%ARGS%", "filter: "+filter)}, "BAD_USER_INPUT/" + code + " " + place(list), says}
			}
			fine := func(filter string) {
				good[filter[:min(len(filter), 60)]] = request{query: strings.ReplaceAll(query, "%ARGS%", "filter: "+filter)}
			}
			for _, word := range []string{"and", "or", "not"} {
				bad(nested(6, word), "TOO_MANY", "lie at most 5 deep")
				fine(nested(5, word))
			}
			for _, word := range []string{"and", "or"} {
				bad(side(51, word), "TOO_MANY", "at most 50 parts")
				fine(side(50, word))
				fine(`{` + word + `: []}`)
				fine(`{` + word + `: null}`)
			}
			bad(`{search: "`+strings.Repeat("é", 201)+`"}`, "TOO_LONG", "search: ")
			bad(`{search: "a b c d e f g h i j k"}`, "TOO_MANY", "at most 10 words")
			bad(`{not: {createdAt: {}}}`, "REQUIRED", "needs from, until or both")
			bad(`{createdAt: {from: null}}`, "REQUIRED", "needs from, until or both")
			bad(`{createdAt: {from: "yesterday"}}`, "INVALID", "filter.createdAt.from: \"yesterday\" is not a DateTime")
			fine(`{search: "` + strings.Repeat("é", 200) + `"}`)
			fine(`{search: "a b c d e f g h i j A B Á"}`) // some are there twice
			fine(`{search: "   "}`)
			fine(`{}`)
			fine(`{not: {}}`)
			h.refuses(tests)
			h.accepts(good)
		})
	}
}

// The largest filter that is allowed is answered, even where it has to be asked of many lists at once.
func TestTheLargestFilter(t *testing.T) {
	h := newHouse(t)
	for i := range 25 {
		h.group(fmt.Sprint("Group ", i), nil)
	}
	for _, word := range []string{"and", "or"} {
		parts := []any{}
		for range 49 {
			parts = append(parts, vars{"search": "a b c d e f g h i j"})
		}
		filter := vars{"f": vars{word: parts}}
		h.must(`query ($f: UserFilter) { users(filter: $f) { totalCount nodes { id } } }`, filter)
		h.must(`query ($f: GroupFilter) { groups(filter: $f) { totalCount nodes { id } } }`, filter)
		h.must(`query ($f: UserFilter) { groups(first: 2) { nodes { members(filter: $f) { totalCount nodes { id } } } } }`, filter)
		h.must(`query ($f: GroupFilter) { groups(first: 2) { nodes { adjacent(filter: $f) { next { id } } } } }`, filter)
		if word == "or" {
			h.must(`query ($f: UserFilter) { groups(first: 25) { nodes { members(filter: $f) { nodes { id } } } } }`, filter)
		}
	}
}

func TestDateTimes(t *testing.T) {
	h := newHouse(t)
	tests, good := map[string]refusal{}, map[string]request{}
	for _, text := range []string{
		"", "x", "2026-03-01", "2026-03-01T12:00:00", "2026-03-01 12:00:00Z", "2026-03-01T12:00Z", "12:00:00Z", "2026-02-30T12:00:00Z", "2026-13-01T12:00:00Z",
		"2026-03-01T24:00:00Z", "2026-03-01T12:60:00Z", "2026-03-01T12:00:00+25:00", "+12026-03-01T12:00:00Z", "26-03-01T12:00:00Z", "1772366400",
		"2026-03-01T12:00:00Zulu", " 2026-03-01T12:00:00Z", "0000-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00", "２０２６-03-01T12:00:00Z",
	} {
		for _, end := range []string{"from", "until"} {
			r := request{query: `query ($t: DateTime!) { users(filter: {createdAt: {` + end + `: $t}}) { nodes { id } } }`, variables: vars{"t": text}}
			tests[end+" "+text] = refusal{r, "BAD_USER_INPUT/INVALID users", "DateTime"}
		}
	}
	for name, value := range map[string]any{"a number": 1772366400, "a truth": true, "a list": []string{"2026-03-01T12:00:00Z"}, "an object": vars{}} {
		r := request{query: `query ($t: DateTime!) { groups(filter: {createdAt: {from: $t}}) { nodes { id } } }`, variables: vars{"t": value}}
		tests[name] = refusal{r, "BAD_USER_INPUT/INVALID groups", "a DateTime is a string"}
	}
	for _, text := range []string{
		"2026-03-01T12:00:00Z", "2026-03-01T12:00:00.1Z", "2026-03-01T12:00:00.123456789Z", "2026-03-01T12:00:00+14:00", "2026-03-01T12:00:00-00:00",
		"1970-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2024-02-29T12:00:00Z",
	} {
		good[text] = request{query: `query ($t: DateTime!) { users(filter: {createdAt: {from: $t, until: $t}}) { nodes { id } } }`, variables: vars{"t": text}}
	}
	h.refuses(tests)
	h.accepts(good)
}
