package app

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"cohort/graph"
	"cohort/store"
)

// curlLine is the line to paste: the address, the headers and the body.
var curlLine = regexp.MustCompile(`(?m)^  curl -s (http://\S+) -H '([\w-]+): ([^']+)' -H '([\w-]+): ([^']+)' -d '([^']+)'$`)

func TestFirstStart(t *testing.T) {
	t.Parallel()
	w := newEmbedded(t)
	s := w.start()
	if got := s.counts(s.token()); got != "30 users, 12 groups" {
		t.Errorf("the demo has %s", got)
	}

	line := curlLine.FindStringSubmatch(s.stdout.String())
	if line == nil {
		t.Fatalf("no line to paste in\n%s", s.stdout.String())
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, line[1], strings.NewReader(line[6]))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set(line[2], line[3])
	request.Header.Set(line[4], line[5])
	answer, body := do(t, request)
	if answer.StatusCode != http.StatusOK || strings.Count(string(body), "memberCount") != 3 || strings.Contains(string(body), "errors") {
		t.Errorf("the line to paste: %s %s", answer.Status, body)
	}

	for _, name := range []string{"data/jwt-secret", "data/cohort.db"} {
		if info, err := os.Stat(filepath.Join(w.dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if info, err := os.Stat(filepath.Join(w.dir, "data")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("data: %v, %v", info, err)
	}
	if code := s.stop(); code != success {
		t.Errorf("exit code %d\n%s", code, s.stderr.String())
	}

	// The second start finds everything as it was, and yesterday's token is still good.
	again := w.start()
	if strings.Contains(again.stdout.String(), "was empty") {
		t.Errorf("the second start says\n%s", again.stdout.String())
	}
	for _, token := range []string{s.token(), again.token()} {
		if got := again.counts(token); got != "30 users, 12 groups" {
			t.Errorf("the second start has %s", got)
		}
	}
}

func TestWhoGetsADemo(t *testing.T) {
	tests := map[string]struct {
		embedded bool
		account  string // made before
		args     string
		want     string // in what the server says
		demo     bool
	}{
		"an embedded database":                      {embedded: true, want: `the account "Demo" with 30 users in 12 groups`, demo: true},
		"an embedded database with another account": {embedded: true, account: "Acme", want: "No demo account"},
		"other machines reach it":                   {embedded: true, args: "--listen 0.0.0.0:0", want: "other machines may reach 0.0.0.0:0.\nThere is no account yet: make one with `cohort account create"},
		"a database of one's own":                   {want: "There is no account yet: make one with `cohort account create"},
		"a database of one's own, in use":           {account: "Demo", want: "cohort token --user"},
		"a demo is asked for":                       {args: "--demo", want: `the account "Demo" with 30 users in 12 groups`, demo: true},
		"a demo is asked for, by another name":      {args: "serve --demo --listen localhost:0", want: `the account "Demo"`, demo: true},
		"a demo is asked for in use":                {account: "Acme", args: "--demo", want: "No demo account"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newEmbedded(t)
			if !tt.embedded {
				w = newWorld(t)
			}
			accounts := 0
			if tt.account != "" {
				w.must("account", "create", tt.account, "--admin", "ada@acme.example")
				accounts++
			}
			s := w.start(strings.Fields(tt.args)...)
			said := s.stdout.String()
			if !strings.Contains(said, tt.want) {
				t.Errorf("it says\n%s", said)
			}
			if printed := strings.Contains(said, "eyJ") || strings.Contains(said, "curl"); printed != tt.demo {
				t.Errorf("a token is printed: %v\n%s", printed, said)
			}
			if tt.demo {
				accounts++
			}
			if lines := strings.Count(w.must("account", "list"), "\n"); lines != accounts+min(accounts, 1) {
				t.Errorf("%d accounts, but the list has %d lines", accounts, lines)
			}
		})
	}
}

// Only the demo looks at the name it is called by.
func TestHost(t *testing.T) {
	t.Parallel()
	demo, other := newEmbedded(t).start(), newWorld(t).start()
	status := func(s *server, path, host string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		answer, _ := do(t, request)
		return answer.StatusCode
	}
	port := demo.url[strings.LastIndex(demo.url, ":"):]
	for host, want := range map[string]int{
		"127.0.0.1" + port: 200, "localhost" + port: 200, "LocalHost" + port: 200, "[::1]" + port: 200, "127.1.2.3" + port: 200,
		"127.0.0.1": 421, "localhost": 421, "127.0.0.1:1": 421, "evil.example" + port: 421, "evil.example": 421, "localhost.evil.example" + port: 421,
		"127.0.0.1.evil.example" + port: 421, "10.0.0.1" + port: 421, "0.0.0.0" + port: 421, "localhost." + port: 421, "[::1": 421,
	} {
		for _, path := range []string{"/", "/graphql", "/schema.graphql", "/healthz", "/readyz", "/nowhere"} {
			expected := want
			switch {
			case want == 421:
			case path == "/graphql":
				expected = 401
			case path == "/nowhere":
				expected = 404
			}
			if got := status(demo, path, host); got != expected {
				t.Errorf("%s at %s: %d, want %d", path, host, got, expected)
			}
		}
	}
	if got := status(other, "/", "cohort.acme.example"); got != 200 {
		t.Errorf("a server with a database of its own: %d", got)
	}
	if !isLoopbackHost("localhost", 80) || isLoopbackHost("localhost", 8080) || !isLoopbackHost("[::1]", 80) {
		t.Error("browsers leave out port 80, and no other")
	}
}

func TestServersStartedTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var servers []*server
	for range 2 {
		servers = append(servers, w.begin("--demo"))
	}
	empty := 0
	for _, s := range servers {
		s.wait()
		empty += strings.Count(s.stdout.String(), "was empty")
	}
	if empty != 1 {
		t.Errorf("%d servers found the database empty", empty)
	}
	for _, s := range servers {
		for _, token := range []string{servers[0].token(), servers[1].token()} {
			if got := s.counts(token); got != "30 users, 12 groups" {
				t.Errorf("a server has %s", got)
			}
		}
	}
	if list := w.must("account", "list"); strings.Count(list, "Demo") != 1 {
		t.Errorf("the accounts:\n%s", list)
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	newEmbedded(t).fails(failure, []string{"another program listens on " + taken.Addr().String(), "COHORT_LISTEN"}, "--listen", taken.Addr().String())
}

func TestFailedMigrationStopsTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, err := store.Open(t.Context(), store.Options{URL: w.variables["COHORT_DATABASE"]})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Write.Exec("CREATE TABLE users (id INT)").Error, s.Close()); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"serve", "migrate"} {
		w.fails(failure, []string{"migrate ", "002_users.sql failed", "users"}, command)
	}
}

// A request that is in flight when the server is asked to stop is finished; new ones find nobody.
func TestGracefulStop(t *testing.T) {
	t.Parallel()
	s := newEmbedded(t).start()
	body := `{"query":"{ viewer { role } }"}`
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// The server answers 100 when the handler begins to read the body: from then on the request is in flight.
	fmt.Fprintf(conn, "POST /graphql HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", conn.RemoteAddr(), s.token(), len(body))
	reader := bufio.NewReader(conn)
	if line, err := reader.ReadString('\n'); err != nil || !strings.Contains(line, " 100 ") {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := reader.ReadString('\n'); err != nil {
		t.Fatal(err)
	}

	s.interrupt()
	for late := time.Now().Add(time.Minute); ; {
		another, err := net.Dial("tcp", conn.RemoteAddr().String())
		if err != nil {
			break
		}
		_ = another.Close()
		if time.Now().After(late) {
			t.Fatal("it still listens")
		}
	}
	select {
	case <-s.ended:
		t.Fatal("it ended with a request in flight")
	default:
	}

	fmt.Fprint(conn, body)
	answer, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(text), "SUPER_ADMIN") {
		t.Errorf("%s %s %v", answer.Status, text, err)
	}
	if code := s.stop(); code != success {
		t.Errorf("exit code %d\n%s", code, s.stderr.String())
	}
}

func TestStopCutsOffWhatTakesTooLong(t *testing.T) {
	t.Parallel()
	begun, canceled := make(chan struct{}), make(chan struct{})
	slow := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		close(canceled)
	}))
	slow.Start()
	defer slow.Close()
	go func() {
		if answer, err := http.Get(slow.URL); err == nil {
			_ = answer.Body.Close()
		}
	}()
	<-begun
	if err := stop(slow.Config, graph.NewStreams(graph.Pace{}), time.Millisecond); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("error %v", err)
	}
	<-canceled
}

// What is stopped says so, and not what it was doing.
func TestStopped(t *testing.T) {
	for _, command := range []string{"serve", "migrate", "account list"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			var stdout, stderr bytes.Buffer
			code := Run(ctx, newWorld(t).environment(&stdout, &stderr, strings.Fields(command)))
			if code != failure || stdout.String() != "" || stderr.String() != "cohort: stopped before it was done\n" {
				t.Errorf("exit code %d: %s%s", code, stdout.String(), stderr.String())
			}
		})
	}
}

func TestShown(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:8080": "127.0.0.1:8080", "[::1]:8080": "[::1]:8080", "0.0.0.0:80": "localhost:80", "[::]:8080": "localhost:8080", ":8080": "localhost:8080",
	} {
		resolved, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if got := shown(resolved); got != want {
			t.Errorf("%s is shown as %s, want %s", address, got, want)
		}
	}
}
