package graph_test

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"
)

// textSlots are all the places where a text is given that is kept, each with a request that has %TEXT% there.
var textSlots = map[string]struct {
	request
	limit    int
	required bool
	at       string // from input down; empty for a field of the input itself
}{
	"UserCreateInput.email":            {request{mutation: "userCreate", input: vars{"email": "%TEXT%"}}, 254, true, ""},
	"UserCreateInput.givenName":        {request{mutation: "userCreate", input: vars{"email": "new@example.org", "givenName": "%TEXT%"}}, 200, false, ""},
	"UserCreateInput.familyName":       {request{mutation: "userCreate", input: vars{"email": "new@example.org", "familyName": "%TEXT%"}}, 200, false, ""},
	"UserCreateInput.displayName":      {request{mutation: "userCreate", input: vars{"email": "new@example.org", "displayName": "%TEXT%"}}, 200, false, ""},
	"UserUpdateInput.email":            {request{mutation: "userUpdate", input: vars{"id": "$ann", "email": "%TEXT%"}}, 254, true, ""},
	"UserUpdateInput.givenName":        {request{mutation: "userUpdate", input: vars{"id": "$ann", "givenName": "%TEXT%"}}, 200, false, ""},
	"UserUpdateInput.familyName":       {request{mutation: "userUpdate", input: vars{"id": "$ann", "familyName": "%TEXT%"}}, 200, false, ""},
	"UserUpdateInput.displayName":      {request{mutation: "userUpdate", input: vars{"id": "$ann", "displayName": "%TEXT%"}}, 200, false, ""},
	"GroupCreateInput.name":            {request{mutation: "groupCreate", input: vars{"name": "%TEXT%"}}, 200, true, ""},
	"GroupCreateInput.description":     {request{mutation: "groupCreate", input: vars{"name": "New", "description": "%TEXT%"}}, 2000, false, ""},
	"GroupUpdateInput.name":            {request{mutation: "groupUpdate", input: vars{"id": "$sales", "name": "%TEXT%"}}, 200, true, ""},
	"ProductCreateInput.name":          {request{mutation: "productCreate", input: vars{"key": "new", "name": "%TEXT%"}}, 200, true, ""},
	"ProductCreateInput.family":        {request{mutation: "productCreate", input: vars{"key": "new", "name": "New", "family": "%TEXT%"}}, 200, false, ""},
	"ProductUpdateInput.name":          {request{mutation: "productUpdate", input: vars{"id": "$meeting", "name": "%TEXT%"}}, 200, true, ""},
	"ProductUpdateInput.family":        {request{mutation: "productUpdate", input: vars{"id": "$meeting", "family": "%TEXT%"}}, 200, false, ""},
	"UserTableFilterInput.name":        {request{mutation: "tableViewSave", input: vars{"users": vars{"filters": []vars{{"name": "%TEXT%", "filter": vars{}}}}}}, 100, true, "users.filters.0.name"},
	"GroupTableFilterInput.name":       {request{mutation: "tableViewSave", input: vars{"groups": vars{"filters": []vars{{"name": "%TEXT%", "filter": vars{}}}}}}, 100, true, "groups.filters.0.name"},
	"GroupMemberTableFilterInput.name": {request{mutation: "tableViewSave", input: vars{"groupMembers": vars{"filters": []vars{{"name": "%TEXT%"}}}}}, 100, true, "groupMembers.filters.0.name"},
	"JobTableFilterInput.name":         {request{mutation: "tableViewSave", input: vars{"jobs": vars{"filters": []vars{{"name": "%TEXT%"}}}}}, 100, true, "jobs.filters.0.name"},
	"JobTableFilterInput.kinds":        {request{mutation: "tableViewSave", input: vars{"jobs": vars{"filters": []vars{{"name": "X", "kinds": []string{"%TEXT%"}}}}}}, 64, true, "jobs.filters.0.kinds.0"},
	"PartnerClientCreateInput.name":    {request{mutation: "partnerClientCreate", input: vars{"name": "%TEXT%", "scopes": []string{"USERS_READ"}}}, 200, true, ""},
	"WebhookCreateInput.name":          {request{mutation: "webhookCreate", input: vars{"name": "%TEXT%", "url": "https://sync.example.org/"}}, 200, true, ""},
	"WebhookUpdateInput.name":          {request{mutation: "webhookUpdate", input: vars{"id": "$webhook", "name": "%TEXT%"}}, 200, true, ""},
	"GroupUpdateInput.description":     {request{mutation: "groupUpdate", input: vars{"id": "$sales", "description": "%TEXT%"}}, 2000, false, ""},
}

// Texts that only ask or compare, and keys, which have few characters: what can't be in any row is found in none.
var askingSlots = map[string]string{
	"AuditEventFilter.actions":                `{ auditEvents(filter: {actions: ["%TEXT%"]}) { nodes { id } } }`,
	"UserBy.email":                            `{ user(by: {email: "%TEXT%"}) { id } }`,
	"GroupBy.name":                            `{ group(by: {name: "%TEXT%"}) { id } }`,
	"UserFilter.search":                       `{ users(filter: {search: "%TEXT%"}) { nodes { id } } }`,
	"GroupFilter.search":                      `{ groups(filter: {search: "%TEXT%"}) { nodes { id } } }`,
	"UserUpdateInput.ifMatch":                 `mutation { userUpdate(input: {id: "$ann", givenName: "X", ifMatch: "%TEXT%"}) { errors { code message path } } }`,
	"UserDeleteInput.ifMatch":                 `mutation { userDelete(input: {id: "$ann", ifMatch: "%TEXT%"}) { errors { code message path } } }`,
	"GroupUpdateInput.ifMatch":                `mutation { groupUpdate(input: {id: "$alone", name: "X", ifMatch: "%TEXT%"}) { errors { code message path } } }`,
	"ProductBy.key":                           `{ product(by: {key: "%TEXT%"}) { id } }`,
	"ProductCreateInput.key":                  `mutation { productCreate(input: {key: "%TEXT%", name: "X"}) { errors { code message path } } }`,
	"ProductUpdateInput.ifMatch":              `mutation { productUpdate(input: {id: "$room", name: "X", ifMatch: "%TEXT%"}) { errors { code message path } } }`,
	"ProductDeleteInput.ifMatch":              `mutation { productDelete(input: {id: "$room", ifMatch: "%TEXT%"}) { errors { code message path } } }`,
	"UsersProductsSetInput.productKeys":       `mutation { usersProductsSet(input: {selection: {all: true}, productKeys: ["%TEXT%"]}) { errors { code message path } } }`,
	"UserProductBlocksSetInput.productKeys":   `mutation { userProductBlocksSet(input: {userId: "$ann", productKeys: ["%TEXT%"], blocked: true}) { errors { code message path } } }`,
	"GroupProductsSetInput.productKeys":       `mutation { groupProductsSet(input: {groupId: "$sales", productKeys: ["%TEXT%"]}) { errors { code message path } } }`,
	"GroupsProductsSetInput.productKeys":      `mutation { groupsProductsSet(input: {selection: {all: true}, productKeys: ["%TEXT%"]}) { errors { code message path } } }`,
	"TableViewDeleteInput.filters":            `mutation { tableViewDelete(input: {table: USERS, filters: ["%TEXT%"]}) { errors { code message path } } }`,
	"SettingInput.key":                        `mutation { groupSettingsSet(input: {groupId: "$sales", settings: [{key: "%TEXT%", value: {boolean: true}}]}) { errors { code message path } } }`,
	"SettingValueInput.choice":                `mutation { groupSettingsSet(input: {groupId: "$sales", settings: [{key: "meeting.chat", value: {choice: "%TEXT%"}}]}) { errors { code message path } } }`,
	"SettingValueInput.string":                `mutation { groupSettingsSet(input: {groupId: "$sales", settings: [{key: "phone.forwarding.number", value: {string: "%TEXT%"}}]}) { errors { code message path } } }`,
	"UserSettingInput.key":                    `mutation { userSettingsSet(input: {userId: "$ann", settings: [{key: "%TEXT%", value: {boolean: true}}]}) { errors { code message path } } }`,
	"WebhookCreateInput.url":                  `mutation { webhookCreate(input: {name: "Url", url: "https://sync.example.org/%TEXT%/in"}) { errors { code message path } } }`,
	"WebhookUpdateInput.url":                  `mutation { webhookUpdate(input: {id: "$webhook", url: "https://sync.example.org/%TEXT%/in"}) { errors { code message path } } }`,
	"WebhookUpdateInput.ifMatch":              `mutation { webhookUpdate(input: {id: "$webhook", name: "X", ifMatch: "%TEXT%"}) { errors { code message path } } }`,
	"GroupDeleteInput.ifMatch":                `mutation { groupDelete(input: {id: "$alone", ifMatch: "%TEXT%"}) { errors { code message path } } }`,
	"GroupPermissionsSetInput.permissionKeys": `mutation { groupPermissionsSet(input: {groupId: "$sales", permissionKeys: ["%TEXT%"]}) { errors { code message path } } }`,
}

// Characters that no text may have, as JSON writes them.
var forbidden = map[string]string{
	"NUL":                         `\u0000`,
	"a control character":         `\u0001`,
	"escape":                      `\u001b`,
	"delete":                      `\u007f`,
	"a control character of C1":   `\u0090`,
	"from right to left":          `\u202e`,
	"a right-to-left mark":        `\u200f`,
	"an isolate":                  `\u2066`,
	"an embedding":                `\u202a`,
	"zero-width space":            `\u200b`,
	"byte order mark":             `\ufeff`,
	"word joiner":                 `\u2060`,
	"a soft hyphen":               `\u00ad`,
	"line separator":              `\u2028`,
	"paragraph separator":         `\u2029`,
	"a Hangul filler":             `\u3164`,
	"a combining grapheme joiner": `\u034f`,
	"a tag":                       `\udb40\udc41`,
	"a noncharacter":              `\ufffe`,
	"half a surrogate pair":       `\ud83d`,
	"the other half":              `\ude00`,
	"the halves the wrong way":    `\ude00\ud83d`,
	"a replacement character":     `\ufffd`,
}

func TestEveryTextIsTried(t *testing.T) {
	var want []string
	for _, definition := range contract(t).Types {
		for _, field := range definition.Fields {
			shared := field.Name == "idempotencyKey" || field.Name == "confirmToken" // TestKeysAndTokens
			if definition.Kind == ast.InputObject && field.Type.Name() == "String" && !shared {
				want = append(want, definition.Name+"."+field.Name)
			}
		}
	}
	slices.Sort(want)
	got := slices.Concat(slices.Collect(mapKeys(textSlots)), slices.Collect(mapKeys(askingSlots)))
	slices.Sort(got)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("places of texts (-schema +tried):\n%s", diff)
	}
}

// with is the request with a text, written as in JSON, in its place.
func (r request) with(text string) request {
	r.input = withText(r.input, raw(text)).(vars)
	return r
}

// withText is a copy of a part of an input with the text in its place, however deep that is.
func withText(part any, text raw) any {
	switch p := part.(type) {
	case vars:
		fields := vars{}
		for name, value := range p {
			fields[name] = withText(value, text)
		}
		return fields
	case []vars:
		var list []any
		for _, value := range p {
			list = append(list, withText(value, text))
		}
		return list
	case []string:
		var list []any
		for _, value := range p {
			list = append(list, withText(value, text))
		}
		return list
	case string:
		if p == "%TEXT%" {
			return text
		}
	}
	return part
}

// raw goes into JSON as it is, between quotes.
type raw string

func (r raw) MarshalJSON() ([]byte, error) { return []byte(`"` + string(r) + `"`), nil }

func TestForbiddenCharacters(t *testing.T) {
	h := newHouse(t)
	for place, slot := range textSlots {
		t.Run(place, func(t *testing.T) {
			tests := map[string]refusal{}
			_, field, _ := strings.Cut(place, ".")
			around := func(text string) string {
				if field == "email" {
					return "a" + text + "b@example.org"
				}
				return "a" + text + "b"
			}
			path := "input." + cmp.Or(slot.at, field)
			for name, text := range forbidden {
				tests[name] = refusal{slot.with(around(text)), "INVALID_CHARACTERS " + path, "the text "}
			}
			if field != "description" {
				tests["a line break"] = refusal{slot.with(around(`\n`)), "INVALID_CHARACTERS " + path, "U+000A"}
				tests["a tab"] = refusal{slot.with(around(`\t`)), "INVALID_CHARACTERS " + path, "U+0009"}
			}
			h.in(t).refuses(tests)
		})
	}
	t.Run("what only asks", func(t *testing.T) {
		for place, query := range askingSlots {
			for name, text := range forbidden {
				t.Run(place+" with "+name, func(t *testing.T) {
					h := h.in(t)
					h.unchanged(func() {
						body := `{"query": "` + strings.ReplaceAll(strings.ReplaceAll(query, `"`, `\"`), "%TEXT%", `qq\`+text) + `"}`
						got := h.send(request{body: body})
						h.discreet(got)
						wrong, _ := complaints(got)
						if code, _, _ := strings.Cut(wrong, " "); !slices.Contains([]string{"", "STALE", "NOT_FOUND", "INVALID", "INVALID_CHARACTERS", "GRAPHQL_PARSE_FAILED"}, code) {
							t.Errorf("answer %s", got.Text)
						}
					})
				})
			}
		}
	})
}

func TestLengths(t *testing.T) {
	h := newHouse(t)
	for place, slot := range textSlots {
		_, field, _ := strings.Cut(place, ".")
		tail := ""
		if field == "email" {
			tail = "@example.org"
		}
		of := func(character string, n int) request {
			return slot.with(strings.Repeat(character, n-len(tail)) + tail)
		}
		t.Run(place, func(t *testing.T) {
			tooLong := "TOO_LONG input." + cmp.Or(slot.at, field)
			h := h.in(t)
			h.refuses(map[string]refusal{
				"one too many":              {of("a", slot.limit+1), tooLong, "at most "},
				"one too many of four byte": {of(`\ud83d\ude00`, slot.limit+1), tooLong, "at most "},
				"very many":                 {of("a", 100_000), tooLong, "100000 characters"},
			})
			letters := map[string]string{"a": "as many as allowed", "é": "of two bytes", "漢": "of three bytes", `\ud83d\ude00`: "of four bytes", `o\u0308`: "composed only here"}
			for letter, name := range letters {
				t.Run(name, func(t *testing.T) {
					h := h.in(t)
					r := of(letter, slot.limit)
					if r.mutation == "groupCreate" && field != "name" {
						r.input["name"] = "New " + name
					}
					if r.mutation == "webhookCreate" && field != "name" {
						r.input["name"] = "New " + name
					}
					if r.mutation == "productCreate" {
						r.input["key"] = field + "-" + strings.ReplaceAll(name, " ", "-")
					}
					if r.mutation == "userCreate" && field != "email" {
						r.input["email"] = field + strings.ReplaceAll(name, " ", "") + "@example.org"
					}
					if r.mutation == "userUpdate" && field == "email" || r.mutation == "groupUpdate" && field == "name" || r.mutation == "webhookUpdate" && field == "name" {
						// The text was taken in the test of creating: another one of the same length.
						r = slot.with("b" + strings.Repeat(letter, slot.limit-1-len(tail)) + tail)
					}
					if wrong, first := complaints(h.send(r)); wrong != "" {
						t.Errorf("refused: %s: %s", wrong, first)
					}
				})
			}
		})
	}
}

func TestEmptyTexts(t *testing.T) {
	h := newHouse(t)
	for place, slot := range textSlots {
		if !slot.required {
			continue
		}
		_, field, _ := strings.Cut(place, ".")
		t.Run(place, func(t *testing.T) {
			required := "REQUIRED input." + cmp.Or(slot.at, field)
			h.in(t).refuses(map[string]refusal{
				"empty":                {slot.with(""), required, "must not be empty"},
				"space":                {slot.with("   "), required, "must not be empty"},
				"space of other kinds": {slot.with(`\u00a0\u2003\u3000`), required, "must not be empty"},
				"line breaks":          {slot.with(`\n\r\n`), required, "must not be empty"},
				"a joiner alone":       {slot.with(`\u200d`), required, "must not be empty"},
				"a variation alone":    {slot.with(`\ufe0f`), required, "must not be empty"},
			})
		})
	}
	h.refuses(map[string]refusal{
		"null for an e-mail": {request{mutation: "userUpdate", input: vars{"id": "$ann", "email": nil}}, "REQUIRED input.email", "must not be empty"},
		"null for a name":    {request{mutation: "groupUpdate", input: vars{"id": "$sales", "name": nil}}, "REQUIRED input.name", "must not be empty"},
		"several mistakes at once": {
			request{mutation: "userCreate", input: vars{"email": "", "givenName": "a\tb", "familyName": strings.Repeat("x", 201)}},
			"REQUIRED input.email, INVALID_CHARACTERS input.givenName, TOO_LONG input.familyName", "must not be empty",
		},
		"several rows at once": {
			request{mutation: "usersCreate", input: vars{"users": []vars{{"email": "good@example.org"}, {"email": ""}, {"email": "x"}}}},
			"REQUIRED input.users.1.email, INVALID_EMAIL input.users.2.email", "must not be empty",
		},
	})
}

func TestEmails(t *testing.T) {
	h := newHouse(t)
	bad := []string{
		"x", "@", "x@", "@example.org", "a b@example.org", "a@b@c.org", "a@exam ple.org", "Ann <a@example.org>", "<a@example.org>",
		"a@example.org, b@example.org", "a@example.org; b@example.org", `\"a\"@example.org`, "a@[127.0.0.1]", "a@example..org",
		"a..b@example.org", ".a@example.org", "a.@example.org", "a@.org", "a＠example.org", "mailto:a@example.org", "a(b)@example.org",
		"a@example.org:25", `a\\b@example.org`, "a@exa<mple.org",
	}
	tests := map[string]refusal{}
	for _, email := range bad {
		create := request{mutation: "userCreate", input: vars{"email": raw(email)}}
		update := request{mutation: "userUpdate", input: vars{"id": "$ann", "email": raw(email)}}
		tests["create "+email] = refusal{create, "INVALID_EMAIL input.email", "such as name@example.org"}
		tests["update "+email] = refusal{update, "INVALID_EMAIL input.email", "such as name@example.org"}
	}
	h.refuses(tests)
	good := map[string]request{}
	for _, email := range []string{
		"a@example.org", "a.b+c@example.org", "o'brien@example.org", "x_y-z@sub.example.org", "jörg@example.org", "a@bücher.example",
		"用户@例子.广告", " spaced@example.org ", "a@localhost", "1@2.3",
	} {
		good[email] = request{mutation: "userCreate", input: vars{"email": email}}
	}
	h.accepts(good)
}

// The texts that many inputs share.
func TestKeysAndTokens(t *testing.T) {
	h := newHouse(t)
	add := func(more vars) request {
		input := vars{"groupIds": []string{"$sales"}, "userIds": []string{"$ann"}}
		maps.Copy(input, more)
		return request{mutation: "groupMembersAdd", input: input}
	}
	tests := map[string]refusal{
		"no key":         {add(vars{"idempotencyKey": ""}), "REQUIRED input.idempotencyKey", "1 to 255 characters"},
		"a long key":     {add(vars{"idempotencyKey": strings.Repeat("é", 256)}), "TOO_LONG input.idempotencyKey", "at most 255"},
		"an endless key": {add(vars{"idempotencyKey": strings.Repeat("é", 100_000)}), "TOO_LONG input.idempotencyKey", "at most 255"},
	}
	for name, text := range forbidden {
		tests["a key with "+name] = refusal{add(vars{"idempotencyKey": raw("a" + text + "b")}), "INVALID_CHARACTERS input.idempotencyKey", "the text "}
	}
	h.refuses(tests)
	h.accepts(map[string]request{
		"a long key":          add(vars{"idempotencyKey": strings.Repeat("漢", 255)}),
		"a token for nothing": add(vars{"confirmToken": "x"}), // nobody asks for it
	})
}
