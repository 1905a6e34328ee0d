package graph_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cohort/graph"
)

func sha(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// persisted is the body of a request with the hash of a text, and with the text unless that is empty.
func persisted(hash, text string) string {
	body := map[string]any{"extensions": map[string]any{"persistedQuery": map[string]any{"version": 1, "sha256Hash": hash}}}
	if text != "" {
		body["query"] = text
	}
	out, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return string(out)
}

// As Apollo's clients do it: the hash alone, then, when it isn't known, the hash with the text.
func TestPersistedQueries(t *testing.T) {
	t.Parallel()
	const query, notFound, input = `{ viewer { role } }`, " PERSISTED_QUERY_NOT_FOUND", " BAD_USER_INPUT"
	post := func(body string) exchange { return exchange{body: body} }
	get := func(values url.Values) exchange { return exchange{method: http.MethodGet, url: values} }
	extensions := func(hash string) string {
		return fmt.Sprintf(`{"persistedQuery": {"version": 1, "sha256Hash": %q}}`, hash)
	}
	register := post(persisted(sha(query), query))
	tests := map[string][]struct {
		exchange
		want string
	}{
		"the hash, the text, the hash": {
			{post(persisted(sha(query), "")), "200" + notFound},
			{register, "200 " + roleAnswer},
			{post(persisted(sha(query), "")), "200 " + roleAnswer},
			{get(url.Values{"extensions": {extensions(sha(query))}}), "200 " + roleAnswer},
		},
		"registered by GET": {
			{get(url.Values{"extensions": {extensions(sha(query))}}), "200" + notFound},
			{get(url.Values{"extensions": {extensions(sha(query))}, "query": {query}}), "200 " + roleAnswer},
			{get(url.Values{"extensions": {extensions(sha(query))}}), "200 " + roleAnswer},
		},
		"the text alone registers nothing": {
			{post(roleQuery), "200 " + roleAnswer},
			{post(persisted(sha(query), "")), "200" + notFound},
		},
		"the hash of another text": {
			{post(persisted(sha("{ canary }"), query)), "400" + input},
			{post(persisted(sha("{ canary }"), "")), "200" + notFound},
			{post(persisted(sha(query), "")), "200" + notFound},
		},
		"a text that isn't good": {
			{post(persisted(sha("{ unknown }"), "{ unknown }")), "200 GRAPHQL_VALIDATION_FAILED"},
			{post(persisted(sha("{ unknown }"), "")), "200" + notFound},
		},
		"a text that is longer than what is kept": {
			{post(persisted(sha(query+strings.Repeat(" ", 33_000)), query+strings.Repeat(" ", 33_000))), "200 " + roleAnswer},
			{post(persisted(sha(query+strings.Repeat(" ", 33_000)), "")), "200" + notFound},
		},
		"a mutation by GET": {
			{post(persisted(sha(`mutation { __typename }`), `mutation { __typename }`)), `200 {"__typename":"Mutation"}`},
			{get(url.Values{"extensions": {extensions(sha(`mutation { __typename }`))}}), "405" + input + " allow POST"},
		},
		"malformed": {
			{post(persisted("canary", "")), "400" + input},
			{post(persisted(sha(query)[1:], "")), "400" + input},
			{post(`{"extensions": {"persistedQuery": "canary"}}`), "400" + input},
			{post(`{"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "` + sha(query) + `"}}}`), "400" + input},
			{post(`{"extensions": {"persistedQuery": {"version": "1", "sha256Hash": "` + sha(query) + `"}}}`), "400" + input},
			{post(`{"extensions": {"persistedQuery": {"version": 1}}}`), "400" + input},
			{post(`{"extensions": {"persistedQuery": null}}`), "400" + input},
			{post(`{"documentId": "canary"}`), "200" + notFound},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAPI(t)
			for i, step := range steps {
				if said := tells(t, a.over(step.exchange)); said != step.want {
					t.Errorf("step %d: %s, want %s", i+1, said, step.want)
				}
			}
		})
	}
}

// The hash that is least recently used is forgotten first.
func TestPersistedQueriesAreBounded(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	text := func(i int) string { return fmt.Sprintf("{ viewer { role } } # %d", i) }
	const kept = 1000
	for i := range kept + 1 {
		a.over(exchange{body: persisted(sha(text(i)), text(i))})
	}
	for i, want := range map[int]string{0: "200 PERSISTED_QUERY_NOT_FOUND", 1: "200 " + roleAnswer, kept: "200 " + roleAnswer} {
		if said := tells(t, a.over(exchange{body: persisted(sha(text(i)), "")})); said != want {
			t.Errorf("the text %d: %s, want %s", i, said, want)
		}
	}
}

const typeQuery = "query Type { __typename }\n"

// manifests are ways to say the same: roleDocument under the id role, and typeQuery under the id type.
var manifests = map[string]map[string]string{
	"a folder":   {"role.graphql": roleDocument, "type.graphql": typeQuery, "README.md": "canary"},
	"a map":      {"documents.json": fmt.Sprintf(`{"role": %q, "type": %q}`, roleDocument, typeQuery)},
	"a manifest": {"documents.json": fmt.Sprintf(`{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "role", "name": "Role", "type": "query", "body": %q}, {"id": "type", "body": %q}]}`, roleDocument, typeQuery)},
}

const roleDocument = "{ viewer { role } }"

// written puts files into a folder of the test's, and is its path, or that of the one JSON file.
func written(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	path := dir
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".json") {
			path = filepath.Join(dir, name)
		}
	}
	return path
}

func TestTrustedDocuments(t *testing.T) {
	t.Parallel()
	const no, isType = "200 DOCUMENT_NOT_TRUSTED", `200 {"__typename":"Query"}`
	for name, files := range manifests {
		trusted, err := graph.ReadTrusted(written(t, files), graph.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if trusted.Len() != 2 {
			t.Errorf("%s: %d documents", name, trusted.Len())
		}
		a := newAPI(t)
		a.handler = graph.New(graph.Options{Directory: a.directory, Trusted: trusted})
		for body, want := range map[string]string{
			`{"documentId": "role"}`:                             "200 " + roleAnswer,
			`{"documentId": "type"}`:                             isType,
			`{"documentId": "sha256:` + sha(roleDocument) + `"}`: "200 " + roleAnswer,
			`{"documentId": "role", "operationName": null}`:      "200 " + roleAnswer,
			`{"documentId": "type", "operationName": "Type"}`:    isType,
			persisted(sha(roleDocument), ""):                     "200 " + roleAnswer,
			persisted(sha(roleDocument), roleDocument):           "200 " + roleAnswer,
			operation(roleDocument):                              "200 " + roleAnswer,
			operation(typeQuery):                                 isType,

			operation("{ __typename }"):                                      no,
			operation(roleDocument + " "):                                    no,
			operation("{ canary"):                                            no,
			operation("query { __schema { types { name } } }"):               no,
			persisted(sha("{ __typename }"), ""):                             no,
			persisted(sha("{ __typename }"), "{ __typename }"):               no,
			persisted(sha(roleDocument), "{ __typename }"):                   no,
			`{"documentId": "other"}`:                                        no,
			`{"documentId": "role.graphql"}`:                                 no,
			`{"documentId": "../role"}`:                                      no,
			`{"documentId": "sha256:"}`:                                      no,
			`{"documentId": "role", "query": "{ __typename }"}`:              no,
			`{"documentId": "role", "query": "query Type { __typename }\n"}`: no,
			`{"documentId": "canary"}`:                                       no,
			`{"query": ""}`:                                                  no,
			`{}`:                                                             "400 BAD_USER_INPUT",
		} {
			if said := tells(t, a.over(exchange{body: body})); said != want {
				t.Errorf("%s, %s: %s, want %s", name, body, said, want)
			}
		}
	}
}

func TestTrustedDocumentsThatAreWrong(t *testing.T) {
	t.Parallel()
	deep := "{ group(by: { name: \"x\" }) {" + childrenIn(7) + " } }"
	for name, tt := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"nothing in the folder":    {map[string]string{"README.md": "x"}, []string{"there is none in"}},
		"nothing in the file":      {map[string]string{"x.json": "{}"}, []string{"there is none in"}},
		"no JSON":                  {map[string]string{"x.json": "{ viewer"}, []string{"x.json", "neither a JSON object"}},
		"a list":                   {map[string]string{"x.json": `["{ viewer { role } }"]`}, []string{"neither a JSON object"}},
		"a manifest of tomorrow":   {map[string]string{"x.json": `{"format": "apollo-persisted-query-manifest", "version": 2, "operations": []}`}, []string{"version 2"}},
		"one that can't be read":   {map[string]string{"good.graphql": roleDocument, "bad.graphql": "{"}, []string{`"bad"`, "Expected Name"}},
		"one that isn't valid":     {map[string]string{"good.graphql": roleDocument, "bad.graphql": "{ unknown }"}, []string{`"bad"`, `Cannot query field "unknown"`}},
		"one without an operation": {map[string]string{"bad.graphql": "# nothing"}, []string{`"bad"`, "there is no operation"}},
		"one that is over a limit": {map[string]string{"bad.graphql": deep}, []string{`"bad"`, "16 levels deep"}},
		"one without a name":       {map[string]string{"x.json": `{"": "{ viewer { role } }"}`}, []string{"without an id"}},
	} {
		_, err := graph.ReadTrusted(written(t, tt.files), graph.Limits{})
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, part := range tt.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v lacks %q", name, err, part)
			}
		}
	}
	if _, err := graph.ReadTrusted(filepath.Join(t.TempDir(), "nowhere"), graph.Limits{}); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a path that isn't there: %v", err)
	}
	if _, err := graph.ReadTrusted(written(t, map[string]string{"x.graphql": deep}), graph.Limits{Depth: 16}); err != nil {
		t.Errorf("within a larger limit: %v", err)
	}
}
