package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"cohort/graph"
)

// stream subscribes to a group as a stream of events, of which it gives the data; `complete` for the end.
func (s *server) stream(token, group string) <-chan string {
	s.t.Helper()
	return s.streamOf(token, `subscription { groupChanged(id: "`+group+`") { changed group { name } } }`)
}

// streamOf is stream for any subscription.
func (s *server) streamOf(token, query string) <-chan string {
	s.t.Helper()
	ctx := s.t.Context()
	body := `{"query": ` + strconv.Quote(query) + `}`
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/graphql", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for name, value := range map[string]string{"Authorization": "Bearer " + token, "Content-Type": "application/json", "Accept": "text/event-stream"} {
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = answer.Body.Close() })
	if got := answer.Header; answer.StatusCode != http.StatusOK || got.Get("Content-Type") != "text/event-stream; charset=utf-8" || got.Get("Content-Encoding") != "" {
		s.t.Fatalf("%s %v", answer.Status, got)
	}
	heard := make(chan string)
	go func() {
		defer close(heard)
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			text, ok := strings.CutPrefix(lines.Text(), "data: ")
			if lines.Text() == "event: complete" {
				text, ok = "complete", true
			}
			if ok {
				select {
				case heard <- text:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return heard
}

// within is what is heard within a time.
func within(t *testing.T, heard <-chan string, patience time.Duration) string {
	t.Helper()
	select {
	case text, more := <-heard:
		if !more {
			return "cut"
		}
		return text
	case <-time.After(patience):
		t.Fatalf("nothing within %s", patience)
		return ""
	}
}

// Events arrive as they happen, uncompressed, also from a server that compresses, and longer than an ordinary
// request may take; and from another server on the same database, and from the command line.
func TestEventsOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.patience.requestWithin = 300 * time.Millisecond // which the stream outlives
	s := w.start("--demo")
	other := w.start()
	group := s.aGroup(s.token(), "Followed")
	events := s.stream(s.token(), group)
	c := s.connect(s.token())
	s.following(c, "s", s.token(), group)
	for within(t, events, time.Minute) != `{"data":{"groupChanged":{"changed":["DETAILS"],"group":{"name":"ready `+group+`"}}}}` {
	}
	<-time.After(400 * time.Millisecond)
	other.rename(s.token(), group, "Elsewhere")
	const want = `{"data":{"groupChanged":{"changed":["DETAILS"],"group":{"name":"Elsewhere"}}}}`
	begin := time.Now()
	for within(t, events, 2*time.Second) != want { // the name before may be told twice
	}
	for !strings.Contains(c.hear(), `"name":"Elsewhere"`) {
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
}

// Whoever stays is let stay as long as the token lives.
func TestStreamsEndWithTheToken(t *testing.T) {
	t.Parallel()
	w := newEmbedded(t)
	s := w.start()
	group := s.aGroup(s.token(), "Followed")
	s.ask(s.token(), `mutation { userCreate(input: {email: "short@demo.invalid", role: ADMIN}) { user { id } } }`)
	token := strings.TrimSpace(w.must("token", "--user", "short@demo.invalid", "--expires", "4s"))
	begin := time.Now()
	events, c := s.stream(token, group), s.connect(token)
	s.following(c, "s", s.token(), group)
	got := within(t, events, 8*time.Second)
	for strings.HasPrefix(got, `{"data"`) {
		got = within(t, events, 8*time.Second)
	}
	if took := time.Since(begin); took < 2*time.Second || !strings.Contains(got, "UNAUTHENTICATED") || !strings.Contains(got, "the token has expired") {
		t.Errorf("after %s: %s", took, got)
	}
	if got := within(t, events, time.Second); got != "complete" {
		t.Errorf("then %s", got)
	}
	c.hears("close 4403 Forbidden: the token has expired")
}

// Who is suspended, deleted or demoted hears nothing more within five seconds, though the token lives.
func TestStreamsEndWithTheRights(t *testing.T) {
	t.Parallel()
	w := newEmbedded(t)
	s := w.start()
	group := s.aGroup(s.token(), "Followed")
	for name, tt := range map[string]struct{ mutation, event, message string }{
		"suspended": {`usersSuspend(input: {selection: {ids: ["USER"]}}) { counts { changed } }`, "the user is suspended", "close 4401 Forbidden: the user is suspended"},
		"deleted":   {`userDelete(input: {id: "USER"}) { deletedUserId }`, "there is no such user", "close 4401 Forbidden: there is no such user in the account"},
		"demoted":   {`userRoleSet(input: {id: "USER", role: MEMBER}) { user { role } }`, "FORBIDDEN", `"type":"error","payload":[{"message":"the role MEMBER may not use Subscription.groupChanged"`},
	} {
		t.Run(name, func(t *testing.T) {
			data := s.ask(s.token(), `mutation { userCreate(input: {email: "`+name+`@demo.invalid", role: ADMIN}) { user { id } } }`)
			id := data["userCreate"].(map[string]any)["user"].(map[string]any)["id"].(string)
			token := strings.TrimSpace(w.must("token", "--user", name+"@demo.invalid"))
			events, c := s.stream(token, group), s.connect(token)
			s.following(c, "s", s.token(), group)
			s.ask(s.token(), "mutation { "+strings.Replace(tt.mutation, "USER", id, 1)+" }")
			begin := time.Now()
			got := within(t, events, 6*time.Second)
			for strings.HasPrefix(got, `{"data"`) {
				got = within(t, events, 6*time.Second)
			}
			if !strings.Contains(got, tt.event) {
				t.Errorf("event %s", got)
			}
			if got := within(t, events, time.Second); got != "complete" {
				t.Errorf("then %s", got)
			}
			c.hearsOf(tt.message)
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
			if name == "demoted" { // the socket stays, for what members may
				c.ask("q", "{ viewer { role } }")
				c.hearsOf(`"id":"q","type":"next"`, "MEMBER")
			}
		})
	}
}

// On being asked to stop, the server tells those who stay, and lets clients of sockets come again elsewhere.
func TestStopEndsStreams(t *testing.T) {
	t.Parallel()
	s := newEmbedded(t).start()
	group := s.aGroup(s.token(), "Followed")
	events, c, idle, nobody := s.stream(s.token(), group), s.connect(s.token()), s.connect(s.token()), s.open()
	s.following(c, "s", s.token(), group)
	s.interrupt()
	got := within(t, events, 5*time.Second)
	for strings.HasPrefix(got, `{"data"`) {
		got = within(t, events, 5*time.Second)
	}
	if got != "complete" {
		t.Errorf("event %s", got)
	}
	for _, one := range []*socket{c, idle, nobody} {
		one.hears("close 1001 The server stops")
	}
	if code := s.stop(); code != success {
		t.Errorf("exit code %d\n%s", code, s.stderr.String())
	}
}

// Who sends a byte at a time is cut, be it in the head of a request or in its body.
func TestSlowRequestsAreCut(t *testing.T) {
	t.Parallel()
	w := newEmbedded(t)
	w.patience.headerWithin, w.patience.requestWithin, w.patience.pace = 300*time.Millisecond, 600*time.Millisecond, graph.Pace{}
	s := w.start()
	body := `{"query": "` + strings.Repeat(" ", 1000) + `{ viewer { role } }"}`
	head := fmt.Sprintf("POST /graphql HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
		strings.TrimPrefix(s.url, "http://"), s.token(), len(body))
	for name, tt := range map[string]struct {
		at  int // where it begins to be slow
		say string
	}{
		"head": {0, "400 "}, "body": {len(head), "408 "}, "neither": {len(head + body), "200 "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			go func() {
				whole := head + body
				if _, err := io.WriteString(conn, whole[:tt.at]); err != nil {
					return
				}
				for tick := time.NewTicker(20 * time.Millisecond); tt.at < len(whole); tt.at++ {
					select {
					case <-ctx.Done():
						tick.Stop()
						return
					case <-tick.C:
					}
					if _, err := io.WriteString(conn, whole[tt.at:tt.at+1]); err != nil {
						return
					}
				}
			}()
			if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			reader := bufio.NewReader(conn)
			line, err := reader.ReadString('\n')
			if line != "" && !strings.Contains(line, " "+tt.say) || line == "" && tt.say != "400 " {
				t.Errorf("%q, %v", line, err)
			}
			if name == "neither" {
				return
			}
			if _, err := io.Copy(io.Discard, reader); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection stays open")
			}
		})
	}
}
