package graph_test

import (
	"strings"
	"testing"
)

// Requests that are no requests, or ask for what there isn't. All of the answer is the error.
func TestDocuments(t *testing.T) {
	h := newHouse(t)
	body := func(text string) request { return request{body: text} }
	query := func(text string) request { return request{query: text} }
	with := func(text string, variables vars) request { return request{query: text, variables: variables} }
	const parse, validation, input = "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"
	h.refuses(map[string]refusal{
		"nothing":                      {body(" "), input, "the body is not a JSON object"},
		"no JSON":                      {body("{ viewer { role } }"), input, "the body is not a JSON object"},
		"half of JSON":                 {body(`{"query": "{ viewer`), input, "the body is not a JSON object"},
		"a list of requests":           {body(`[{"query": "{ viewer { role } }"}]`), input, "the body is not a JSON object"},
		"two requests":                 {body(`{"query": "{ viewer { role } }"} {}`), input, "the body is not a JSON object"},
		"no query":                     {body(`{"variables": {}}`), input, "in `query`"},
		"null for a query":             {body(`{"query": null}`), input, "in `query`"},
		"a number for a query":         {body(`{"query": 5}`), input, "in `query`"},
		"a list for variables":         {body(`{"query": "{ viewer { role } }", "variables": []}`), input, "the body is not a JSON object"},
		"a text for variables":         {body(`{"query": "{ viewer { role } }", "variables": "{}"}`), input, "the body is not a JSON object"},
		"an empty document":            {body(`{"query": ""}`), validation, "no operation"},
		"space":                        {body(`{"query": " \n\t"}`), validation, "no operation"},
		"a comment":                    {query(`# nothing`), validation, "no operation"},
		"a fragment alone":             {query(`fragment F on User { id }`), validation, "no operation"},
		"garbage":                      {query(`drop table users`), parse, "Unexpected Name"},
		"an open brace":                {query(`{`), parse, "Expected Name"},
		"a brace too many":             {query(`{ viewer { role } }}`), parse, "Unexpected }"},
		"an empty selection":           {query(`{ viewer { } }`), parse, "expected at least one definition"},
		"an empty operation":           {query(`{ }`), parse, "expected at least one definition"},
		"an open string":               {query(`{ user(by: {email: "x}) { id } }`), parse, "<Invalid>"},
		"a control character":          {body(`{"query": "{ viewer { role } \u0000 }"}`), parse, "<Invalid>"},
		"a definition of a type":       {query(`type X { y: Int }`), parse, "Unexpected Name"},
		"several without a name":       {query(`query A { viewer { role } } query B { viewer { role } }`), validation, "name one of them in operationName"},
		"several, and another's name":  {body(`{"query": "query A { viewer { role } } query B { viewer { role } }", "operationName": "C"}`), validation, "operation C not found"},
		"an unknown field":             {query(`{ users { nodes { password } } }`), validation, `Cannot query field "password"`},
		"an unknown mutation":          {query(`mutation { usersDelete(input: {}) { errors { code } } }`), validation, `Cannot query field "usersDelete"`},
		"a subscription":               {query(`subscription { changed { id } }`), validation, "Cannot query field \"changed\""},
		"an object without fields":     {query(`{ viewer }`), validation, "must have a selection of subfields"},
		"a list without fields":        {query(`{ users { nodes } }`), validation, "must have a selection of subfields"},
		"fields of a plain value":      {query(`{ viewer { role { x } } }`), validation + ", " + validation, `Cannot query field "x" on type "Role"`},
		"an unknown fragment":          {query(`{ viewer { ...F } }`), validation, `Unknown fragment "F"`},
		"a fragment of itself":         {query(`{ viewer { ...F } } fragment F on Viewer { ...F }`), validation, "within itself"},
		"an unknown argument":          {query(`{ users(limit: 5) { nodes { id } } }`), validation, `Unknown argument "limit"`},
		"an argument twice":            {query(`{ users(first: 5, first: 6) { nodes { id } } }`), validation, `only one argument named "first"`},
		"a missing argument":           {query(`{ node { id } }`), validation, `argument "id"`},
		"null for what must be":        {query(`{ node(id: null) { id } }`), validation, "found null"},
		"an unknown sort":              {query(`{ users(sort: BY_SHOE_SIZE) { nodes { id } } }`), validation, `"BY_SHOE_SIZE" does not exist`},
		"a sort of groups for users":   {query(`{ users(sort: PRIORITY_ASC) { nodes { id } } }`), validation, `"PRIORITY_ASC" does not exist`},
		"a text for a sort":            {query(`{ users(sort: "NAME_ASC") { nodes { id } } }`), validation, "UserSort"},
		"a text for a number":          {query(`{ users(first: "5") { nodes { id } } }`), validation, "Int cannot represent"},
		"a fraction for a number":      {query(`{ users(first: 1.5) { nodes { id } } }`), validation, "Int cannot represent"},
		"a number for a text":          {query(`{ user(by: {email: 5}) { id } }`), validation, "String cannot represent"},
		"a text for a truth":           {query(`{ groups(filter: {hasParent: "yes"}) { nodes { id } } }`), validation, "Boolean cannot represent"},
		"a text for an object":         {query(`{ users(filter: "x") { nodes { id } } }`), validation, "UserFilter"},
		"an unknown field of a filter": {query(`{ users(filter: {name: "x"}) { nodes { id } } }`), validation, `"name" is not defined`},
		"a null in a list":             {query(`{ users(filter: {status: [null]}) { nodes { id } } }`), validation, "null"},
		"an unknown variable":          {query(`{ node(id: $id) { id } }`), validation, `Variable "$id" is not defined`},
		"a variable of another type":   {with(`query ($n: String) { users(first: $n) { nodes { id } } }`, nil), validation, "expecting type"},
		"an unknown directive":         {query(`{ viewer { role @shout } }`), validation, `Unknown directive "@shout"`},
	})
}

// The same through variables, which the validator doesn't see.
func TestVariables(t *testing.T) {
	h := newHouse(t)
	const validation = "GRAPHQL_VALIDATION_FAILED"
	with := func(text string, name string, value any) request {
		return request{query: text, variables: vars{name: value}}
	}
	const users, filter = `query ($s: UserSort!) { users(sort: $s) { nodes { id } } }`, `query ($f: UserFilter) { users(filter: $f) { nodes { id } } }`
	const size, user = `query ($n: Int) { users(first: $n) { nodes { id } } }`, `query ($by: UserBy!) { user(by: $by) { id } }`
	create := func(input vars) request { return request{mutation: "userCreate", input: input} }
	tests := map[string]refusal{
		"a variable left out":         {request{query: users}, validation + " variable.s", "must be defined"},
		"null for what must be":       {with(users, "s", nil), validation + " variable.s", "cannot be null"},
		"an unknown sort":             {with(users, "s", "BY_SHOE_SIZE"), validation + " variable.s", "not a valid UserSort"},
		"a sort in small letters":     {with(users, "s", "name_asc"), validation + " variable.s", "not a value of UserSort"},
		"a number for a sort":         {with(users, "s", 5), validation + " variable.s", "UserSort"},
		"a list for a sort":           {with(users, "s", []string{"NAME_ASC"}), validation + " variable.s", "enums must be"},
		"an unknown status":           {with(filter, "f", vars{"status": []string{"ACTIVE", "GONE"}}), validation + " variable.f.status.1", "not a valid UserStatus"},
		"a status in small letters":   {with(filter, "f", vars{"status": []string{"ACTIVE", "active"}}), validation + " variable.f.status.1", "not a value of UserStatus"},
		"one status in small letters": {with(filter, "f", vars{"status": "active"}), validation + " variable.f.status.0", "not a value of UserStatus"},
		"a deep one":                  {with(filter, "f", vars{"and": []vars{{"not": vars{"role": []string{"admin"}}}}}), validation + " variable.f.and.0.not.role.0", "not a value of Role"},
		"a null in a list":            {with(filter, "f", vars{"or": []any{nil}}), validation + " variable.f.or.0", "cannot be null"},
		"a number for a text":         {with(filter, "f", vars{"search": 7}), validation + " variable.f.search", "is not a String"},
		"a truth for a text":          {with(filter, "f", vars{"search": true}), validation + " variable.f.search", "String"},
		"a list for a text":           {with(filter, "f", vars{"search": []string{"x"}}), validation + " variable.f.search", "String"},
		"an object for a text":        {with(filter, "f", vars{"search": vars{}}), validation + " variable.f.search", "String"},
		"a text for a filter":         {with(filter, "f", "x"), validation + " variable.f", "must be a UserFilter"},
		"a list for a filter":         {with(filter, "f", []any{}), validation + " variable.f", "must be a UserFilter"},
		"an unknown field":            {with(filter, "f", vars{"name": "x"}), validation + " variable.f.name", "unknown field"},
		"a missing field":             {with(filter, "f", vars{"group": vars{}}), validation + " variable.f.group.id", "must be defined"},
		"a null field":                {with(filter, "f", vars{"group": vars{"id": "$sales", "relation": nil}}), validation + " variable.f.group.relation", "cannot be null"},
		"a fraction":                  {with(size, "n", 1.5), validation + " variable.n", "Int"},
		"a truth for a number":        {with(size, "n", true), validation + " variable.n", "Int"},
		"a text for a number":         {with(size, "n", "5"), "BAD_USER_INPUT/INVALID users", "first: an Int is a whole number"},
		"a number of 40 digits":       {with(size, "n", raw1e40), validation + " variable.n", "Int"},
		"a number beyond 32 bits":     {with(size, "n", 1<<31), "BAD_USER_INPUT/INVALID users", "first: \"2147483648\" is not a whole number of 32 bits"},
		"a text for a truth":          {with(`query ($b: Boolean!) { groups(filter: {hasParent: $b}) { nodes { id } } }`, "b", "true"), validation + " variable.b", "Boolean"},
		"a number for a truth":        {with(`query ($b: Boolean!) { groups(filter: {hasParent: $b}) { nodes { id } } }`, "b", 1), validation + " variable.b", "Boolean"},
		"a number for an id":          {with(`query ($id: ID!) { node(id: $id) { id } }`, "id", 5), "BAD_USER_INPUT/INVALID_ID node", "id: an id is a string"},
		"an object for an id":         {with(`query ($id: ID!) { node(id: $id) { id } }`, "id", vars{}), validation + " variable.id", "ID"},
		"an object for a list":        {with(`query ($ids: [ID!]!) { nodes(ids: $ids) { id } }`, "ids", vars{"x": 1}), validation + " variable.ids.0", "ID"},
		"a list in a list":            {with(`query ($ids: [ID!]!) { nodes(ids: $ids) { id } }`, "ids", []any{[]any{"$ann"}}), validation + " variable.ids.0", "ID"},
		"none of several ways":        {with(user, "by", vars{}), validation + " variable.by", "exactly one field"},
		"two of several ways":         {with(user, "by", vars{"id": "$ann", "email": "ann@example.org"}), validation + " variable.by", "exactly one field"},
		"null for a way":              {with(user, "by", vars{"id": nil}), validation + " variable.by", "exactly one field"},
		"a way and a null":            {with(user, "by", vars{"id": "$ann", "email": nil}), validation + " variable.by", "exactly one field"},
		"none, for a group":           {with(`query ($by: GroupBy!) { group(by: $by) { id } }`, "by", vars{}), validation + " variable.by", "id or name"},
		"a way that may be null":      {with(`query ($e: String) { user(by: {email: $e}) { id } }`, "e", "x"), validation, "must be non-nullable"},
		"no input":                    {request{mutation: "userCreate"}, validation + " variable.input", "cannot be null"},
		"no e-mail":                   {create(vars{}), validation + " variable.input.email", "must be defined"},
		"null for an e-mail":          {create(vars{"email": nil}), validation + " variable.input.email", "cannot be null"},
		"a number for an e-mail":      {create(vars{"email": 5}), validation + " variable.input.email", "is not a String"},
		"null for a default":          {create(vars{"email": "x@example.org", "givenName": nil}), validation + " variable.input.givenName", "cannot be null"},
		"an unknown role":             {create(vars{"email": "x@example.org", "role": "OWNER"}), validation + " variable.input.role", "not a valid Role"},
		"a role in small letters":     {create(vars{"email": "x@example.org", "role": "member"}), validation + " variable.input.role", "not a value of Role"},
		"an unknown language":         {create(vars{"email": "x@example.org", "locale": "EO"}), validation + " variable.input.locale", "not a valid Locale"},
		"one's own id":                {create(vars{"email": "x@example.org", "id": "$ann"}), validation + " variable.input.id", "unknown field"},
		"a fraction of a priority":    {request{mutation: "groupCreate", input: vars{"name": "x", "priority": 0.5}}, validation + " variable.input.priority", "Int"},
		"a list for one id":           {request{mutation: "userDelete", input: vars{"id": []string{"$ann"}}}, validation + " variable.input.id", "ID"},
	}
	// Where a value has a default, a variable may be left out; null is still no value.
	for position, query := range map[string]string{
		"sort":        `query ($v: UserSort) { users(sort: $v) { nodes { id } } }`,
		"relation":    `query ($v: MembershipRelation) { viewer { user { groups(relation: $v) { nodes { id } } } } }`,
		"role":        `mutation ($v: Role) { userCreate(input: {email: "n@example.org", role: $v}) { errors { code } } }`,
		"givenName":   `mutation ($v: String) { userCreate(input: {email: "n@example.org", givenName: $v}) { errors { code } } }`,
		"groupIds":    `mutation ($v: [ID!]) { userCreate(input: {email: "n@example.org", groupIds: $v}) { errors { code } } }`,
		"priority":    `mutation ($v: Int) { groupCreate(input: {name: "n", priority: $v}) { errors { code } } }`,
		"errorPolicy": `mutation ($v: ErrorPolicy) { usersCreate(input: {users: [{email: "n@example.org"}], errorPolicy: $v}) { errors { code } } }`,
		"exceptIds":   `mutation ($v: [ID!]) { usersSuspend(input: {selection: {matching: {filter: {}, exceptIds: $v}}}) { errors { code } } }`,
		"users":       `mutation ($v: String) { ...F } fragment F on Mutation { usersCreate(input: {users: [{email: "n@example.org", familyName: $v}]}) { errors { code } } }`,
	} {
		says := "cannot be null where " + position + " takes it"
		if position == "users" {
			says = "cannot be null where familyName takes it"
		}
		tests["null for the default of "+position] = refusal{with(query, "v", nil), validation + " variable.v", says}
	}
	h.refuses(tests)
	h.accepts(map[string]request{
		"a variable left out, for the default": {query: `query ($v: UserSort, $n: Int) { users(sort: $v, first: $n) { nodes { id } } }`},
		"null where it may be":                 {query: `query ($n: Int, $f: UserFilter) { users(first: $n, filter: $f) { nodes { id } } }`, variables: vars{"n": nil, "f": nil}},
		"one value for a list":                 {query: filter, variables: vars{"f": vars{"status": "ACTIVE", "and": vars{"role": "ADMIN"}}}},
		"nulls in a filter":                    {query: filter, variables: vars{"f": vars{"search": nil, "status": nil, "or": nil, "not": nil, "group": nil, "createdAt": nil}}},
		"a name among several":                 {body: `{"query": "query A { viewer { role } } query B { account { id } }", "operationName": "B"}`},
		"variables that nobody takes":          {query: `{ viewer { role } }`, variables: vars{"x": 1}},
	})
}

var raw1e40 = rawNumber("1" + strings.Repeat("0", 40))

type rawNumber string

func (n rawNumber) MarshalJSON() ([]byte, error) { return []byte(n), nil }
