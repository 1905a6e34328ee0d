package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cohort/auth"
	"cohort/graph"
	"cohort/store"
	"cohort/store/storetest"
)

func TestRoutes(t *testing.T) {
	t.Parallel()
	s := newEmbedded(t).start()
	for path, want := range map[string][]string{
		"/":                   {"200", "text/html; charset=utf-8", "<title>Cohort playground</title>"},
		"/playground/main.js": {"200", "text/javascript; charset=utf-8", "getWorker"},
		"/playground/nothing": {"404", "text/plain; charset=utf-8", "not found"},
		"/schema.graphql":     {"200", "text/plain; charset=utf-8", "type Group implements Node"},
		"/healthz":            {"200", "text/plain; charset=utf-8", "alive"},
		"/readyz":             {"200", "text/plain; charset=utf-8", "ready"},
		"/graphql":            {"401", "application/json; charset=utf-8", "UNAUTHENTICATED"},
		"/nowhere":            {"404", "text/plain; charset=utf-8", "not found"},
		"/data/jwt-secret":    {"404", "text/plain; charset=utf-8", "not found"},
	} {
		answer, text := s.get(path)
		got := []string{fmt.Sprint(answer.StatusCode), answer.Header.Get("Content-Type")}
		if diff := cmp.Diff(want[:2], got); diff != "" || !strings.Contains(text, want[2]) {
			t.Errorf("%s (-want +got):\n%s%s", path, diff, text)
		}
		if answer.Header.Get("X-Request-Id") == "" || answer.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", path, answer.Header)
		}
	}

	request := func(method, path string, body io.Reader) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+s.token())
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Request-Id", "mine")
		answer, _ := do(t, r)
		return answer
	}
	if answer := request("DELETE", "/graphql", nil); answer.StatusCode != 405 || answer.Header.Get("Allow") == "" {
		t.Errorf("DELETE: %s, %v", answer.Status, answer.Header)
	}
	if answer := request("POST", "/", nil); answer.StatusCode != 405 {
		t.Errorf("POST to the page: %s", answer.Status)
	}
	answer := request("POST", "/graphql", strings.NewReader(`{"query":"`+strings.Repeat(" ", graph.DefaultLimits().Body)+`{ viewer { role } }"}`))
	if answer.StatusCode != http.StatusRequestEntityTooLarge || answer.Header.Get("X-Request-Id") != "mine" {
		t.Errorf("a body over 1 MiB: %s, %v", answer.Status, answer.Header)
	}
}

func TestReadyWithoutDatabase(t *testing.T) {
	t.Parallel()
	storetest.Open(t)
	s, err := store.Open(t.Context(), store.Options{URL: storetest.URL(t)})
	if err != nil {
		t.Fatal(err)
	}
	on := &site{store: s, log: slog.New(slog.DiscardHandler)}
	for _, want := range []int{http.StatusOK, http.StatusServiceUnavailable} {
		answer := httptest.NewRecorder()
		on.ready(answer, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		if answer.Code != want || strings.Contains(answer.Body.String(), "sql") {
			t.Errorf("%d %s, want %d", answer.Code, answer.Body, want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// The server on a database that is there, goes away, and comes back.
func TestReadyWhenTheServerGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u, err := url.Parse(w.variables["COHORT_DATABASE"])
	if err != nil || u.Scheme != "mysql" {
		t.Skip("an embedded database doesn't go away")
	}
	between := newGate(t, u.Host)
	u.Host = between.Addr().String()
	w.variables["COHORT_DATABASE"] = u.String()
	s := w.start()
	for _, open := range []bool{true, false, true} {
		between.set(open)
		want := http.StatusOK
		if !open {
			want = http.StatusServiceUnavailable
		}
		answer, text := s.get("/readyz")
		if answer.StatusCode != want {
			t.Errorf("with the database there (%v): %s %s", open, answer.Status, text)
		}
		if answer, _ := s.get("/healthz"); answer.StatusCode != http.StatusOK {
			t.Errorf("the program lives, but /healthz says %s", answer.Status)
		}
	}
}

// gate passes connections on to an address while it is open, and cuts them all off when it is shut.
type gate struct {
	net.Listener
	to    string
	mu    sync.Mutex
	shut  bool
	conns []net.Conn
}

func newGate(t *testing.T, to string) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{Listener: l, to: to}
	t.Cleanup(func() { _ = l.Close(); g.set(false) })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			g.pass(in)
		}
	}()
	return g
}

func (g *gate) pass(in net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	out, err := net.Dial("tcp", g.to)
	if err != nil || g.shut {
		_ = in.Close()
		return
	}
	g.conns = append(g.conns, in, out)
	for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			_, _ = pair[0].Close(), pair[1].Close()
		}()
	}
}

func (g *gate) set(open bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = !open
	if g.shut {
		for _, c := range g.conns {
			_ = c.Close()
		}
		g.conns = nil
	}
}

func TestPanic(t *testing.T) {
	tests := map[string]struct {
		handler http.HandlerFunc
		aborted bool
	}{
		"before the answer": {handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			panic(errors.New("the cause"))
		}},
		"within the answer": {aborted: true, handler: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			panic("the cause")
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var lines bytes.Buffer
			log := slog.New(slog.NewJSONHandler(&lines, nil))
			server := httptest.NewServer(auth.RequestID((&site{log: log, metrics: newMetrics()}).observed(recovering(log, tt.handler))))
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("X-Request-Id", "mine")
			answer, err := http.DefaultClient.Do(request)
			var text []byte
			if err == nil {
				text, err = io.ReadAll(answer.Body)
				_ = answer.Body.Close()
			}
			server.Close() // and with it the handler, so that the log is complete
			if tt.aborted != (err != nil) {
				t.Errorf("error %v", err)
			}
			if !tt.aborted && (answer.StatusCode != http.StatusInternalServerError || !strings.Contains(string(text), "mine") || strings.Contains(string(text), "cause")) {
				t.Errorf("%s %s", answer.Status, text)
			}
			if !strings.Contains(lines.String(), `"msg":"panic","cause":"the cause","requestId":"mine"`) {
				t.Errorf("logged: %s", lines.String())
			}
		})
	}
}

// A connection can be taken over for another protocol, by a browser too, which takes compressed answers.
func TestTakenOver(t *testing.T) {
	t.Parallel()
	taken := func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\nhello")
		_ = c.Close()
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hardened(compressed(http.HandlerFunc(taken))).ServeHTTP(&recorder{ResponseWriter: w}, r)
	}))
	t.Cleanup(server.Close)
	for _, accept := range []string{"identity", "gzip, deflate, br, zstd"} {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: test\r\nAccept-Encoding: %s\r\n\r\n", accept)
		if text, err := io.ReadAll(c); err != nil || !strings.HasSuffix(string(text), "\r\n\r\nhello") {
			t.Errorf("for %s: %q, error %v", accept, text, err)
		}
		_ = c.Close()
	}
}

// Who reads the log learns what was asked of the server and how it went, and nothing secret or personal.
func TestNothingSecretInLogs(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.variables["COHORT_LOG"], w.variables["COHORT_LOG_LEVEL"] = format, "debug"
			const canary = "canary-0123456789-0123456789-0123456789"
			w.variables["COHORT_JWT_SECRET"] = canary
			s := w.start("--demo")
			token := s.token()
			s.ask(token, `mutation { userCreate(input: { email: "canary@example.org", givenName: "Canary" }) { errors { code } } }`)
			s.ask(token, `{ user(by: { email: "canary@example.org" }) { email } }`)
			s.get("/graphql?access_token=" + canary)
			for _, authorization := range []string{"Bearer " + canary, "Basic " + canary, "Bearer " + token + canary} {
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/graphql", strings.NewReader("{"+canary))
				if err != nil {
					t.Fatal(err)
				}
				request.Header.Set("Authorization", authorization)
				request.Header.Set("Cookie", canary)
				request.Header.Set("User-Agent", canary)
				do(t, request)
			}
			s.stop()
			said := s.stderr.String()
			for _, secret := range []string{canary, "canary@", "Canary", token, token[:40], "ada.moreau", "example.org"} {
				if strings.Contains(said, secret) {
					t.Errorf("%q is in the log:\n%s", secret, said)
				}
			}
			if strings.Contains(s.stdout.String(), canary) {
				t.Errorf("the secret is on stdout:\n%s", s.stdout.String())
			}
			if format == "json" {
				checkRequestLines(t, said)
			}
		})
	}
}

func checkRequestLines(t *testing.T, log string) {
	t.Helper()
	statuses := map[float64]int{}
	for line := range strings.Lines(log) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if entry["msg"] != "request" {
			continue
		}
		if entry["path"] != "/graphql" || entry["level"] != "INFO" || entry["requestId"] == "" || entry["took"] == nil || entry["method"] == "" {
			t.Errorf("a request's line: %s", line)
		}
		statuses[entry["status"].(float64)]++
	}
	if diff := cmp.Diff(map[float64]int{200: 2, 401: 4}, statuses); diff != "" {
		t.Errorf("requests by status (-want +got):\n%s", diff)
	}
}

// The words of an error about the database on a server never hold its password.
func TestNoPasswordInErrors(t *testing.T) {
	u, err := url.Parse(os.Getenv(storetest.Variable))
	if err != nil || u.Scheme != "mysql" {
		t.Skip("a password is for a server")
	}
	u.User = url.UserPassword("cohort_nobody", "canary")
	u.Path = "/cohort_nothing"
	w := newEmbedded(t)
	w.variables["COHORT_DATABASE"], w.variables["COHORT_JWT_SECRET"] = u.String(), testSecret
	o := w.run("serve")
	if o.code != failure || strings.Contains(o.stderr, "canary") || !strings.Contains(o.stderr, "mysql://cohort_nobody@") {
		t.Errorf("%+v", o)
	}
}
