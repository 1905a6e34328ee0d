package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"cohort/store/storetest"
)

const testSecret = "a-secret-for-tests-of-more-than-32-bytes"

// world is a machine for one test: its variables, its folder, and the program on it.
type world struct {
	t         *testing.T
	variables map[string]string
	dir       string
	inspect   func(ctx context.Context, sql string) error
	patience  patience
}

// newWorld has a database of its own, empty, on the engine that is tested.
func newWorld(t *testing.T) *world {
	w := newEmbedded(t)
	w.variables["COHORT_DATABASE"] = storetest.Empty(t)
	w.variables["COHORT_JWT_SECRET"] = testSecret
	return w
}

// newEmbedded is a machine on which nothing is set but a free port to listen on, and that nobody counts what callers
// ask for: so answers don't say what they cost.
func newEmbedded(t *testing.T) *world {
	return &world{t: t, dir: t.TempDir(), variables: map[string]string{"COHORT_LISTEN": "127.0.0.1:0", "COHORT_LIMIT_RATE": "0"}, inspect: storetest.Guard}
}

func (w *world) environment(stdout, stderr io.Writer, args []string) Environment {
	return Environment{
		Args: args, Getenv: func(name string) string { return w.variables[name] },
		Stdout: stdout, Stderr: stderr, Dir: w.dir, inspect: w.inspect, patience: w.patience,
	}
}

// outcome is what a command left.
type outcome struct {
	code           int
	stdout, stderr string
}

func (w *world) run(args ...string) outcome {
	// A server that ought to have refused to start ends all the same.
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	code := Run(ctx, w.environment(&stdout, &stderr, args))
	return outcome{code, stdout.String(), stderr.String()}
}

// must runs a command that has to work and returns what it printed.
func (w *world) must(args ...string) string {
	w.t.Helper()
	o := w.run(args...)
	if o.code != success {
		w.t.Fatalf("cohort %v: exit code %d\n%s%s", args, o.code, o.stdout, o.stderr)
	}
	return o.stdout
}

// fails runs a command that has to fail in these words.
func (w *world) fails(code int, words []string, args ...string) {
	w.t.Helper()
	o := w.run(args...)
	if o.code != code {
		w.t.Errorf("cohort %v: exit code %d, want %d", args, o.code, code)
	}
	for _, part := range words {
		if !strings.Contains(o.stderr, part) {
			w.t.Errorf("cohort %v says\n%swant %q in it", args, o.stderr, part)
		}
	}
}

// server is a running `cohort serve`.
type server struct {
	t              *testing.T
	stdout, stderr transcript
	url            string // of the API, without /graphql
	interrupt      context.CancelFunc
	ended          chan struct{}
	code           int // after ended is closed
}

var (
	apiLine   = regexp.MustCompile(`(?m)^  API +(http://\S+)/graphql$`)
	tokenLine = regexp.MustCompile(`(?m)^  (eyJ[\w-]+\.[\w-]+\.[\w-]+)$`)
)

// begin starts a server and doesn't wait for it.
func (w *world) begin(args ...string) *server {
	ctx, cancel := context.WithCancel(w.t.Context())
	s := &server{t: w.t, interrupt: cancel, ended: make(chan struct{})}
	e := w.environment(&s.stdout, &s.stderr, args)
	go func() {
		s.code = Run(ctx, e)
		close(s.ended)
	}()
	w.t.Cleanup(func() { s.stop() })
	return s
}

// start starts a server and waits until it says that it is there.
func (w *world) start(args ...string) *server {
	w.t.Helper()
	s := w.begin(args...)
	s.wait()
	return s
}

// wait waits until the server has said all of its welcome, which is one write.
func (s *server) wait() {
	s.t.Helper()
	s.url = s.stdout.await(s.t, s.ended, apiLine, &s.stderr)[1]
}

func (s *server) stop() int {
	s.interrupt()
	<-s.ended
	return s.code
}

func (s *server) token() string {
	s.t.Helper()
	found := tokenLine.FindStringSubmatch(s.stdout.String())
	if found == nil {
		s.t.Fatalf("no token in\n%s", s.stdout.String())
	}
	return found[1]
}

// transcript is what a program has written so far; it can be waited for.
type transcript struct {
	mu      sync.Mutex
	text    []byte
	changed chan struct{} // closed at the next write
}

func (b *transcript) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = append(b.text, p...)
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
	return len(p), nil
}

func (b *transcript) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.text)
}

func (b *transcript) next() (text string, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return string(b.text), b.changed
}

// await waits for a match; ended says that none can come any more.
func (b *transcript) await(t *testing.T, ended <-chan struct{}, form *regexp.Regexp, stderr *transcript) []string {
	t.Helper()
	late := time.After(time.Minute)
	for {
		text, changed := b.next()
		if found := form.FindStringSubmatch(text); found != nil {
			return found
		}
		select {
		case <-changed:
		case <-ended:
			t.Fatalf("ended without %v:\n%s%s", form, b.String(), stderr.String())
		case <-late:
			t.Fatalf("no %v after a minute:\n%s%s", form, b.String(), stderr.String())
		}
	}
}

// ask sends an operation and returns the answer's data; anything but an answer without errors fails the test.
func (s *server) ask(token, query string) map[string]any {
	s.t.Helper()
	answer, text := do(s.t, s.graphql(token, query))
	var parsed struct {
		Data   map[string]any
		Errors []any
	}
	if err := json.Unmarshal(text, &parsed); err != nil || answer.StatusCode != http.StatusOK || parsed.Errors != nil {
		s.t.Fatalf("%s: %s %s", query, answer.Status, text)
	}
	return parsed.Data
}

// graphql is the request that sends an operation.
func (s *server) graphql(token, query string) *http.Request {
	s.t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		s.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	return request
}

// counts are the users and groups of the token's account.
func (s *server) counts(token string) string {
	s.t.Helper()
	data := s.ask(token, "{ users(first: 1) { totalCount } groups(first: 1) { totalCount } }")
	total := func(list string) any { return data[list].(map[string]any)["totalCount"] }
	return fmt.Sprintf("%v users, %v groups", total("users"), total("groups"))
}

func (s *server) get(path string) (*http.Response, string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	answer, text := do(s.t, request)
	return answer, string(text)
}

func do(t *testing.T, request *http.Request) (*http.Response, []byte) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // the answers of one server, not of its successor
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, text
}
