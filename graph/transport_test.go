package graph_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/auth"
)

// exchange is a request over HTTP as the test writes it, sent by the admin.
type exchange struct {
	method  string // POST unless said otherwise
	headers http.Header
	url     url.Values
	body    string
}

func (a *api) over(e exchange) *http.Response {
	a.t.Helper()
	if e.method == "" {
		e.method = http.MethodPost
	}
	var body io.Reader
	if e.body != "" {
		body = strings.NewReader(e.body)
	}
	r := httptest.NewRequestWithContext(auth.WithCaller(a.t.Context(), a.admin), e.method, "/graphql?"+e.url.Encode(), body)
	if e.method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, values := range e.headers {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	return w.Result()
}

// tells is the status and the media type of an answer, and what of a response stands in it.
func tells(t *testing.T, r *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	var body map[string]json.RawMessage
	if err := json.Unmarshal(text, &body); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	said := fmt.Sprint(r.StatusCode)
	if media := r.Header.Get("Content-Type"); media == "application/graphql-response+json; charset=utf-8" {
		said += " response"
	} else if media != "application/json; charset=utf-8" {
		said += " " + media
	}
	if data, ok := body["data"]; ok {
		said += " " + string(data)
	}
	if errors, ok := body["errors"]; ok {
		var list []struct{ Extensions struct{ Code string } }
		if err := json.Unmarshal(errors, &list); err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			said += " " + e.Extensions.Code
		}
	}
	if allow := r.Header.Get("Allow"); allow != "" {
		said += " allow " + allow
	}
	if strings.Contains(string(text), "canary") {
		t.Errorf("the answer repeats what came: %s", text)
	}
	return said
}

const (
	roleQuery  = `{"query": "{ viewer { role } }"}`
	roleAnswer = `{"viewer":{"role":"SUPER_ADMIN"}}`
)

func TestAccept(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	const isJSON, isResponse, no = "200 " + roleAnswer, "200 response " + roleAnswer, "406 BAD_USER_INPUT"
	for accept, want := range map[string]string{
		"-": isJSON, "": isJSON, " ": isJSON, "*/*": isJSON, "application/*": isJSON, "application/json": isJSON,
		"application/json; charset=utf-8": isJSON,
		"APPLICATION/JSON":                isJSON,
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8":                                                   isJSON,
		"application/graphql-response+json":                                                                                 isResponse,
		"Application/GraphQL-Response+JSON;q=0.1":                                                                           isResponse,
		"application/graphql-response+json, application/json":                                                               isResponse,
		"application/json, application/graphql-response+json":                                                               isJSON,
		"application/graphql-response+json, application/json;q=0.9":                                                         isResponse,
		"application/graphql-response+json;q=0.8, application/json;q=0.9":                                                   isJSON,
		"application/graphql-response+json;q=0, application/json;q=0.1":                                                     isJSON,
		"application/json;q=0, */*":                                                                                         isResponse,
		"*/*;q=0.5, application/graphql-response+json;q=0.5":                                                                isResponse,
		"*/*, application/graphql-response+json":                                                                            isResponse,
		"application/graphql-response+json;q=0.1, */*":                                                                      isJSON,
		"application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed": isResponse, // urql
		"application/json, multipart/mixed":                                                                                 isJSON,     // GraphiQL
		"garbage;;, application/json":                                                                                       isJSON,
		"text/html":                                                                                                         no,
		"text/*":                                                                                                            no,
		"application/xml":                                                                                                   no,
		"application/jsonp":                                                                                                 no,
		"*/*;q=0":                                                                                                           no,
		"application/json;q=0":                                                                                              no,
		"application/json;q=2":                                                                                              no,
		"application/json;q=NaN":                                                                                            no,
		"application/json;q=-1":                                                                                             no,
		"canary":                                                                                                            no,
	} {
		t.Run(accept, func(t *testing.T) {
			headers := http.Header{"Accept": {accept}}
			if accept == "-" {
				headers = nil
			}
			got := a.in(t).over(exchange{body: roleQuery, headers: headers})
			if said := tells(t, got); said != want {
				t.Errorf("%s, want %s", said, want)
			}
			if got.Header.Get("Vary") != "Accept" || got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("headers %v", got.Header)
			}
		})
	}
	got := a.over(exchange{body: roleQuery, headers: http.Header{"Accept": {"text/html", "application/graphql-response+json"}}})
	if said := tells(t, got); said != isResponse {
		t.Errorf("two headers: %s", said)
	}
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	const input, parse, invalid, limit = " BAD_USER_INPUT", " GRAPHQL_PARSE_FAILED", " GRAPHQL_VALIDATION_FAILED", " LIMIT_EXCEEDED"
	content := func(kind string) http.Header { return http.Header{"Content-Type": {kind}} }
	asked := func(name, value string) url.Values { return url.Values{name: {value}} }
	mutation := `mutation { groupCreate(input: {name: "By GET"}) { errors { code } } }`
	tests := map[string]struct {
		exchange
		want string // with the media type application/json
	}{
		"a query":                       {exchange{body: roleQuery}, "200 " + roleAnswer},
		"with everything null":          {exchange{body: `{"query": "{ viewer { role } }", "variables": null, "operationName": null, "extensions": null}`}, "200 " + roleAnswer},
		"what nobody knows":             {exchange{body: `{"query": "{ viewer { role } }", "unknown": [{"x": 1}]}`}, "200 " + roleAnswer},
		"spaces around":                 {exchange{body: " \n" + roleQuery + "\t"}, "200 " + roleAnswer},
		"UTF-8 that says so":            {exchange{body: roleQuery, headers: content("Application/JSON; charset=\"UTF-8\"")}, "200 " + roleAnswer},
		"a query by GET":                {exchange{method: "GET", url: asked("query", "{ viewer { role } }")}, "200 " + roleAnswer},
		"with variables by GET":         {exchange{method: "GET", url: url.Values{"query": {"query A($n: Int) { groups(first: $n) { totalCount } } query B { viewer { role } }"}, "variables": {`{"n": 1}`}, "operationName": {"A"}}}, `200 {"groups":{"totalCount":0}}`},
		"nothing for them by GET":       {exchange{method: "GET", url: url.Values{"query": {"{ viewer { role } }"}, "variables": {""}, "extensions": {"null"}, "operationName": {""}}}, "200 " + roleAnswer},
		"another content type":          {exchange{body: "canary", headers: content("application/graphql")}, "415" + input},
		"no content type":               {exchange{body: "canary", headers: content("")}, "415" + input},
		"a form":                        {exchange{body: "query=canary", headers: content("application/x-www-form-urlencoded")}, "415" + input},
		"a text that a page may send":   {exchange{body: roleQuery, headers: content("text/plain")}, "415" + input},
		"another charset":               {exchange{body: roleQuery, headers: content("application/json; charset=utf-16")}, "415" + input},
		"compressed":                    {exchange{body: "canary", headers: http.Header{"Content-Encoding": {"gzip"}}}, "415" + input},
		"no body":                       {exchange{}, "400" + input},
		"no JSON":                       {exchange{body: `canary`}, "400" + input},
		"half of JSON":                  {exchange{body: `{"query": "canary`}, "400" + input},
		"more than JSON":                {exchange{body: roleQuery + ` canary`}, "400" + input},
		"a list":                        {exchange{body: `[` + roleQuery + `]`}, "400" + input},
		"a text":                        {exchange{body: `"canary"`}, "400" + input},
		"no query":                      {exchange{body: `{"qeury": "canary"}`}, "400" + input},
		"the name in capitals":          {exchange{body: `{"QUERY": "canary"}`}, "400" + input},
		"a query twice":                 {exchange{body: `{"query": "canary", "query": "{ viewer { role } }"}`}, "400" + input},
		"a number for the query":        {exchange{body: `{"query": 5}`}, "400" + input},
		"a number for a name":           {exchange{body: `{"query": "{ viewer { role } }", "operationName": 5}`}, "400" + input},
		"a list for variables":          {exchange{body: `{"query": "{ viewer { role } }", "variables": ["canary"]}`}, "400" + input},
		"a text for extensions":         {exchange{body: `{"query": "{ viewer { role } }", "extensions": "canary"}`}, "400" + input},
		"nothing by GET":                {exchange{method: "GET"}, "400" + input},
		"a query twice by GET":          {exchange{method: "GET", url: url.Values{"query": {"canary", "canary"}}}, "400" + input},
		"no JSON by GET":                {exchange{method: "GET", url: url.Values{"query": {"{ viewer { role } }"}, "variables": {"canary"}}}, "400" + input},
		"more than JSON by GET":         {exchange{method: "GET", url: url.Values{"query": {"{ viewer { role } }"}, "variables": {"{} canary"}}}, "400" + input},
		"too long by what it says":      {exchange{body: `{"query": "` + strings.Repeat("canary", 200_000) + `"}`}, "413" + limit},
		"a mutation by GET":             {exchange{method: "GET", url: asked("query", mutation)}, "405" + input + " allow POST"},
		"the mutation of two by GET":    {exchange{method: "GET", url: url.Values{"query": {"query A { viewer { role } } mutation B { groupCreate(input: {name: \"By GET\"}) { errors { code } } }"}, "operationName": {"B"}}}, "405" + input + " allow POST"},
		"a subscription by GET":         {exchange{method: "GET", url: asked("query", "subscription { x }")}, "405" + input + " allow POST"},
		"PUT":                           {exchange{method: "PUT", body: roleQuery}, "405" + input + " allow GET, POST"},
		"OPTIONS":                       {exchange{method: "OPTIONS"}, "405" + input + " allow GET, POST"},
		"a document that can't be read": {exchange{body: operation(`{`)}, "200" + parse},
		"a document that isn't valid":   {exchange{body: operation(`{ unknown }`)}, "200" + invalid},
		"no such operation":             {exchange{body: `{"query": "query A { viewer { role } }", "operationName": "B"}`}, "200" + invalid},
		"variables that don't fit":      {exchange{body: `{"query": "query ($id: ID!) { node(id: $id) { id } }", "variables": {"id": null}}`}, "200" + invalid},
		"a document that is too large":  {exchange{body: sized["depth"](16)}, "200" + limit},
		"an error in a field":           {exchange{body: operation(`{ viewer { role } node(id: "x") { id } }`)}, `200 {"viewer":{"role":"SUPER_ADMIN"},"node":null} BAD_USER_INPUT`},
		"an error that takes all":       {exchange{body: operation(`{ groups(first: 0) { totalCount } }`)}, `200 null BAD_USER_INPUT`},
	}
	before := a.dump()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := a.in(t)
			if said := tells(t, a.over(tt.exchange)); said != tt.want {
				t.Errorf("%s, want %s", said, tt.want)
			}
			headers := http.Header{"Accept": {"application/graphql-response+json"}}
			for name, values := range tt.headers {
				headers[name] = values
			}
			tt.headers = headers
			status, rest, _ := strings.Cut(tt.want, " ")
			if !strings.Contains(rest, "{") && !strings.Contains(rest, "null") && status == "200" {
				status = "400" // only what was run has data, and is told from the rest by its status
			}
			if said, want := tells(t, a.over(tt.exchange)), status+" response "+rest; said != want {
				t.Errorf("%s, want %s", said, want)
			}
		})
	}
	if diff := cmp.Diff(before, a.dump()); diff != "" {
		t.Errorf("rows changed (-before +after):\n%s", diff)
	}
}

// A body that doesn't say how long it is, is not read to its end.
func TestEndlessBody(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	endless := &counter{}
	r := httptest.NewRequestWithContext(auth.WithCaller(t.Context(), a.admin), http.MethodPost, "/graphql", io.MultiReader(strings.NewReader(`{"query": "`), endless))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	if said := tells(t, w.Result()); said != "413 LIMIT_EXCEEDED" || endless.read > 2<<20 {
		t.Errorf("%s after %d bytes", said, endless.read)
	}
}

// counter is as many letters as anybody reads.
type counter struct{ read int }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	c.read += len(p)
	return len(p), nil
}

// Who has no caller in the context sees nothing of the schema.
func TestNoSuggestionsForStrangers(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for name, query := range map[string]string{
		"a field":         `{ viewr { role } }`,
		"an argument":     `{ users(frist: 1) { totalCount } }`,
		"an enum":         `{ users(sort: NAME_AC) { totalCount } }`,
		"an input":        `{ user(by: { emial: "x" }) { id } }`,
		"a selection":     `{ viewer }`,
		"the schema":      `{ __schema { types { name } } }`,
		"one of its type": `{ __type(name: "User") { name } }`,
	} {
		t.Run(name, func(t *testing.T) {
			known := a.in(t).ask(a.admin, query, nil)
			r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(operation(query)))
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			a.handler.ServeHTTP(w, r)
			stranger := w.Body.String()
			if strings.HasPrefix(query, "{ __") {
				if len(known.Errors) > 0 || strings.Contains(stranger, `"data"`) || !strings.Contains(stranger, "UNAUTHENTICATED") {
					t.Errorf("with a caller %.200s, without %.200s", known.Text, stranger)
				}
				return
			}
			if !strings.Contains(known.Text, "Did you mean") || strings.Contains(stranger, "Did you mean") || !strings.Contains(stranger, "GRAPHQL_VALIDATION_FAILED") {
				t.Errorf("with a caller %s, without %s", known.Text, stranger)
			}
		})
	}
}

// A message that quotes the request is cut.
func TestMessagesAreShort(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for name, query := range map[string]string{
		"a value":  `{ users(sort: [` + strings.Repeat("NAME ", 1900) + `]) { totalCount } }`,
		"a string": `{ users(sort: "` + strings.Repeat("é", 10_000) + `") { totalCount } }`,
		"a token":  `"` + strings.Repeat("é", 10_000) + `"`,
	} {
		got := a.ask(a.admin, query, nil)
		if len(got.Errors) != 1 || len(got.Errors[0].Message) > 510 || !strings.HasSuffix(got.Errors[0].Message, "…") || strings.Contains(got.Text, "�") {
			t.Errorf("%s: %.2000s", name, got.Text)
		}
	}
}
