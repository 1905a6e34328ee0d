package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cohort/auth"
	"cohort/directory"
	"cohort/graph"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// api is an account of its own with the handler that serves it.
type api struct {
	t         testing.TB
	store     *store.Store
	directory *directory.Directory
	handler   http.Handler
	account   models.AccountID
	// admin is the account's first super admin, and whoever asks unless somebody else is named.
	admin auth.Caller
}

func newAPI(t testing.TB) *api {
	t.Helper()
	s := storetest.Open(t)
	d, err := directory.New(s, directory.Options{MaxGroupDepth: 5})
	if err != nil {
		t.Fatal(err)
	}
	a := &api{t: t, store: s, directory: d, handler: graph.New(graph.Options{Directory: d}), account: storetest.Account(t, s)}
	a.admin = a.person("super@example.org", models.RoleSuperAdmin)
	return a
}

// person creates a user, and is them as a caller.
func (a *api) person(email string, role models.Role) auth.Caller {
	a.t.Helper()
	p, err := a.directory.CreateUser(context.Background(), auth.OperatorOf(a.account), models.UserCreateInput{Email: email, Role: role, Locale: models.LocaleEn})
	if err != nil {
		a.t.Fatal(err)
	}
	return auth.Caller{Account: a.account, UserID: p.User.ID, Role: role, Kind: auth.Person}
}

// product adds a product to the catalogue.
func (a *api) product(key string) models.ProductID {
	a.t.Helper()
	p, err := a.directory.CreateProduct(context.Background(), auth.OperatorOf(a.account), models.ProductCreateInput{Key: key, Name: key})
	if err != nil {
		a.t.Fatal(err)
	}
	return p.Product.ID
}

// group creates a group in others, with members.
func (a *api) group(name string, parents []models.GroupID, members ...models.UserID) models.GroupID {
	a.t.Helper()
	p, err := a.directory.CreateGroup(context.Background(), auth.OperatorOf(a.account), models.GroupCreateInput{Name: name, ParentIds: parents, MemberIds: members})
	if err != nil {
		a.t.Fatal(err)
	}
	return p.Group.ID
}

// answer is what comes back, with the data as plain maps and lists.
type answer struct {
	Data   map[string]any `json:"data"`
	Errors []struct {
		Message    string         `json:"message"`
		Path       []any          `json:"path"`
		Extensions map[string]any `json:"extensions"`
	} `json:"errors"`
	Text string `json:"-"`
}

// ask sends an operation as somebody.
func (a *api) ask(who auth.Caller, query string, variables map[string]any) answer {
	a.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		a.t.Fatal(err)
	}
	request := httptest.NewRequestWithContext(auth.WithCaller(context.Background(), who), http.MethodPost, "/graphql", bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	response := httptest.NewRecorder()
	a.handler.ServeHTTP(response, request)
	return a.read(response)
}

// read takes an answer apart; of a stream of events, its first one.
func (a *api) read(response *httptest.ResponseRecorder) answer {
	a.t.Helper()
	out := answer{Text: response.Body.String()}
	if strings.HasPrefix(response.Header().Get("Content-Type"), "text/event-stream") {
		_, rest, _ := strings.Cut(out.Text, "event: next\ndata: ")
		out.Text, _, _ = strings.Cut(rest, "\n\n")
	}
	if err := json.Unmarshal([]byte(out.Text), &out); err != nil {
		a.t.Fatalf("%v in %s", err, response.Body)
	}
	return out
}
