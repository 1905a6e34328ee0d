package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"cohort/graph"
)

// socket is a WebSocket as a client has it.
type socket struct {
	t     *testing.T
	conn  *websocket.Conn
	heard chan string
}

func (s *server) dial(o websocket.DialOptions) (*socket, *http.Response, error) {
	s.t.Helper()
	if o.Subprotocols == nil {
		o.Subprotocols = []string{"graphql-transport-ws"}
	}
	conn, response, err := websocket.Dial(s.t.Context(), strings.Replace(s.url, "http", "ws", 1)+"/graphql", &o)
	if err != nil {
		return nil, response, err
	}
	conn.SetReadLimit(-1)
	s.t.Cleanup(func() { _ = conn.CloseNow() })
	return &socket{t: s.t, conn: conn}, response, nil
}

func (s *server) open() *socket {
	s.t.Helper()
	c, _, err := s.dial(websocket.DialOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// connect opens a socket and says whose it is.
func (s *server) connect(token string) *socket {
	s.t.Helper()
	c := s.open()
	c.say(`{"type": "connection_init", "payload": {"Authorization": "Bearer ` + token + `"}}`)
	c.hears(`{"type":"connection_ack"}`)
	return c
}

func (c *socket) say(text string) {
	c.t.Helper()
	if err := c.conn.Write(c.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		c.t.Fatalf("%s: %v", text, err)
	}
}

// ask sends an operation.
func (c *socket) ask(id, query string) {
	c.t.Helper()
	text, err := json.Marshal(map[string]any{"id": id, "type": "subscribe", "payload": map[string]any{"query": query}})
	if err != nil {
		c.t.Fatal(err)
	}
	c.say(string(text))
}

// hear is the next message, or `close CODE REASON`.
func (c *socket) hear() string {
	c.t.Helper()
	select {
	case text := <-c.listen():
		return text
	case <-time.After(time.Minute):
		c.t.Fatal("nothing is heard")
		return ""
	}
}

// listen gives the messages. No more than one of them is read ahead.
func (c *socket) listen() <-chan string {
	if c.heard != nil {
		return c.heard
	}
	c.heard = make(chan string)
	ctx := c.t.Context()
	go func() {
		for {
			_, data, err := c.conn.Read(ctx)
			text := string(data)
			if closed := (websocket.CloseError{}); errors.As(err, &closed) {
				text = fmt.Sprintf("close %d %s", closed.Code, closed.Reason)
			} else if err != nil {
				text = "cut: " + err.Error()
			}
			select {
			case c.heard <- text:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return c.heard
}

func (c *socket) hears(want string) {
	c.t.Helper()
	if got := c.hear(); got != want {
		c.t.Errorf("heard\n%s\nwant\n%s", got, want)
	}
}

// hearsOf is hears for a message with all of these parts.
func (c *socket) hearsOf(parts ...string) {
	c.t.Helper()
	got := c.hear()
	for _, part := range parts {
		if !strings.Contains(got, part) {
			c.t.Errorf("heard %s, want %q in it", got, part)
		}
	}
}

// following subscribes to a group as id, and returns when it has heard that the group is called "ready …". The
// protocol has no word for a subscription that has begun, so the group's name changes until that is heard.
func (s *server) following(c *socket, id, token, group string) {
	s.t.Helper()
	c.ask(id, `subscription { groupChanged(id: "`+group+`") { changed deletedGroupId group { name } } }`)
	for n, begun := 0, false; !begun; n++ {
		s.rename(token, group, fmt.Sprint("unready ", n, group))
		select {
		case got := <-c.listen():
			begun = strings.Contains(got, `"id":"`+id+`","type":"next"`)
			if !begun {
				s.t.Fatalf("heard %s", got)
			}
		case <-time.After(50 * time.Millisecond):
		}
	}
	s.rename(token, group, "ready "+group)
	for !strings.Contains(c.hear(), `"name":"ready `+group) {
	}
}

// aGroup makes a group and returns its id.
func (s *server) aGroup(token, name string) string {
	s.t.Helper()
	data := s.ask(token, `mutation { groupCreate(input: {name: "`+name+`"}) { group { id } } }`)
	return data["groupCreate"].(map[string]any)["group"].(map[string]any)["id"].(string)
}

func (s *server) rename(token, group, name string) {
	s.t.Helper()
	s.ask(token, `mutation { groupUpdate(input: {id: "`+group+`", name: "`+name+`"}) { group { id } errors { code } } }`)
}

func TestSocket(t *testing.T) {
	t.Parallel()
	s := newEmbedded(t).start()
	c := s.connect(s.token())
	c.ask("q", `{ viewer { role } }`)
	c.hears(`{"id":"q","type":"next","payload":{"data":{"viewer":{"role":"SUPER_ADMIN"}}}}`)
	c.hears(`{"id":"q","type":"complete"}`)
	c.ask("m", `mutation { groupCreate(input: {name: ""}) { errors { code } } }`)
	c.hears(`{"id":"m","type":"next","payload":{"data":{"groupCreate":{"errors":[{"code":"REQUIRED"}]}}}}`)
	c.hears(`{"id":"m","type":"complete"}`)
	c.say(`{"type": "ping", "payload": {"n": 1}}`)
	c.hears(`{"type":"pong","payload":{"n":1}}`)
	c.say(`{"type": "pong"}`)

	// What is refused is refused as over HTTP, in a message that ends the operation.
	for query, want := range map[string]string{
		`{`:           "GRAPHQL_PARSE_FAILED",
		`{ unknown }`: "GRAPHQL_VALIDATION_FAILED",
		`{ viewer { ` + strings.Repeat("role ", 60) + `} }`:                                 `"limit":"aliases"`,
		`{ groups(first: 100) { nodes { members(first: 100) { nodes { id } } } } }`:         `"limit":"complexity"`,
		`subscription { groupChanged(id: "x") { changed } }`:                                "INVALID_ID",
		`subscription { __typename }`:                                                       "GRAPHQL_VALIDATION_FAILED",
		`subscription { groupChanged(id: "group_06gzr0ntmhwd91h0bbjh70tzkw") { changed } }`: "NOT_FOUND",
	} {
		c.ask("x", query)
		c.hearsOf(`{"id":"x","type":"error","payload":[{`, want)
	}
	c.say(`{"id": "x", "type": "subscribe", "payload": {"query": "query ($by: GroupBy!) { group(by: $by) { id } }", "variables": {"by": {}}}}`)
	c.hearsOf(`"type":"error"`, "must have exactly one field")
	c.say(`{"id": "x", "type": "subscribe", "payload": {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "` + strings.Repeat("0", 64) + `"}}}}`)
	c.hearsOf(`"type":"error"`, "PERSISTED_QUERY_NOT_FOUND")

	group := s.aGroup(s.token(), "Followed")
	s.following(c, "s", s.token(), group)
	s.rename(s.token(), group, "Renamed")
	c.hears(`{"id":"s","type":"next","payload":{"data":{"groupChanged":{"changed":["DETAILS"],"deletedGroupId":null,"group":{"name":"Renamed"}}}}}`)
	c.say(`{"id": "s", "type": "complete"}`)
	s.following(c, "s", s.token(), group) // the id is free again
	s.ask(s.token(), `mutation { groupDelete(input: {id: "`+group+`"}) { deletedGroupId } }`)
	c.hears(`{"id":"s","type":"next","payload":{"data":{"groupChanged":{"changed":[],"deletedGroupId":"` + group + `","group":null}}}}`)
	c.hears(`{"id":"s","type":"complete"}`)
	if err := c.conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
}

// What is against the protocol closes the socket, with the protocol's own codes.
func TestSocketProtocol(t *testing.T) {
	t.Parallel()
	w := newEmbedded(t)
	w.patience.pace = graph.Pace{Init: 200 * time.Millisecond}
	s := w.start()
	good := `{"type": "connection_init", "payload": {"authorization": "Bearer ` + s.token() + `"}}`
	for name, tt := range map[string]struct {
		say  []string
		want string
	}{
		"nothing":               {nil, "close 4408 Connection initialisation timeout"},
		"no JSON":               {[]string{`{`}, "close 4400 A message is a JSON object with a type"},
		"no type":               {[]string{`{}`}, "close 4400 There is no message of this type"},
		"an unknown type":       {[]string{good, `{"type": "start"}`}, "close 4400 There is no message of this type"},
		"no token":              {[]string{`{"type": "connection_init"}`}, "close 4403 Forbidden: send a token"},
		"an empty payload":      {[]string{`{"type": "connection_init", "payload": {}}`}, "close 4403 Forbidden: send a token"},
		"a bad token":           {[]string{`{"type": "connection_init", "payload": {"Authorization": "Bearer x"}}`}, "close 4403 Forbidden: the token is malformed"},
		"a payload of words":    {[]string{`{"type": "connection_init", "payload": "x"}`}, "close 4400 The payload of connection_init is an object"},
		"who it is, twice":      {[]string{good, good}, "close 4429 Too many initialisation requests"},
		"too early":             {[]string{`{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }"}}`}, "close 4401 Unauthorized"},
		"no id":                 {[]string{good, `{"type": "subscribe", "payload": {"query": "{ __typename }"}}`}, "close 4400 A subscribe message has an id"},
		"no payload":            {[]string{good, `{"type": "subscribe", "id": "1"}`}, "close 4400 The payload of subscribe is an object with a query"},
		"a list of operations":  {[]string{good, `{"type": "subscribe", "id": "1", "payload": [{"query": "{ __typename }"}]}`}, "close 4400 The payload of subscribe is an object with a query"},
		"an id that is in use":  {[]string{good, `{"type": "subscribe", "id": "1", "payload": {"query": "subscription { groupChanged(id: \"GROUP\") { changed } }"}}`, `{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }"}}`}, "close 4409 Subscriber already exists"},
		"an end of nothing":     {[]string{good, `{"type": "complete", "id": "1"}`, `{"type": "x"}`}, "close 4400 There is no message of this type"},
		"a message of bytes":    {[]string{"BINARY"}, "close 4400 Messages are text"},
		"a message of 64 KiB+1": {[]string{good, `{"type": "ping", "payload": {"n": "` + strings.Repeat("x", 64<<10) + `"}}`}, "close 1009 "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			group := s.aGroup(s.token(), name)
			c := s.open()
			c.t = t
			for _, text := range tt.say {
				if text == "BINARY" {
					if err := c.conn.Write(t.Context(), websocket.MessageBinary, []byte(good)); err != nil {
						t.Fatal(err)
					}
					continue
				}
				c.say(strings.ReplaceAll(text, "GROUP", group))
			}
			got := c.hear()
			for got == `{"type":"connection_ack"}` {
				got = c.hear()
			}
			if !strings.HasPrefix(got, tt.want) {
				t.Errorf("heard %s, want %s", got, tt.want)
			}
		})
	}
	t.Run("another protocol", func(t *testing.T) {
		c, _, err := s.dial(websocket.DialOptions{Subprotocols: []string{"graphql-ws"}})
		if err != nil {
			t.Fatal(err)
		}
		c.hears("close 4406 Subprotocol not acceptable")
	})
	t.Run("a message of 64 KiB", func(t *testing.T) {
		c := s.connect(s.token())
		frame := `{"type":"pong","payload":{"n":""}}`
		whole := strings.Replace(frame, `""`, `"`+strings.Repeat("x", 64<<10-len(frame))+`"`, 1)
		c.say(strings.Replace(whole, "pong", "ping", 1))
		c.hears(whole)
	})
	t.Run("the token with the request", func(t *testing.T) {
		c, _, err := s.dial(websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + s.token()}}})
		if err != nil {
			t.Fatal(err)
		}
		c.say(`{"type": "connection_init"}`)
		c.hears(`{"type":"connection_ack"}`)
		if _, response, err := s.dial(websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer x"}}}); err == nil || response.StatusCode != http.StatusUnauthorized {
			t.Errorf("with a bad one: %v, %v", response, err)
		}
	})
}

// A page of another origin may open a socket if it is named, and no other.
func TestSocketOrigins(t *testing.T) {
	t.Parallel()
	w := newEmbedded(t)
	w.variables["COHORT_CORS_ORIGINS"] = "https://admin.example.com,http://[::1]:3000"
	named := w.start()
	every := newEmbedded(t)
	every.variables["COHORT_CORS_ORIGINS"] = "*"
	all := every.start()
	none := newEmbedded(t).start()
	for _, tt := range []struct {
		s      *server
		origin string
		ok     bool
	}{
		{none, none.url, true},
		{none, "https://admin.example.com", false},
		{none, "null", false},
		{none, "http://127.0.0.1:1", false},
		{named, named.url, true},
		{named, "https://admin.example.com", true},
		{named, "HTTPS://ADMIN.example.com", true},
		{named, "http://[::1]:3000", true},
		{named, "http://admin.example.com", false},
		{named, "https://admin.example.com.evil.example", false},
		{named, "https://evil.example", false},
		{all, "https://evil.example", true},
	} {
		_, response, err := tt.s.dial(websocket.DialOptions{HTTPHeader: http.Header{"Origin": {tt.origin}}})
		if ok := err == nil; ok != tt.ok || !ok && response.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %v, %v", tt.origin, response.Status, err)
		}
	}
}

func TestSocketLimits(t *testing.T) {
	t.Parallel()
	w := newEmbedded(t)
	for name, value := range map[string]string{"SOCKETS": "2", "SUBSCRIPTIONS": "3", "SOCKET_OPERATIONS": "2", "MESSAGE": "1000"} {
		w.variables["COHORT_LIMIT_"+name] = value
	}
	s := w.start()
	group := s.aGroup(s.token(), "Followed")
	subscription := `subscription { groupChanged(id: "` + group + `") { changed } }`
	one, two := s.connect(s.token()), s.connect(s.token())
	third := s.open()
	third.say(`{"type": "connection_init", "payload": {"Authorization": "Bearer ` + s.token() + `"}}`)
	third.hears("close 4429 Too many sockets of this user")

	s.following(one, "1", s.token(), s.aGroup(s.token(), "First"))
	s.following(one, "2", s.token(), s.aGroup(s.token(), "Second"))
	one.ask("3", subscription)
	one.hearsOf(`{"id":"3","type":"error"`, `"limit":"socketOperations"`, `"most":2`)
	s.following(two, "1", s.token(), s.aGroup(s.token(), "Third"))
	two.ask("2", subscription)
	two.hearsOf(`"type":"error"`, `"limit":"subscriptions"`, `"most":3`)
	if answer, text := s.send("POST", "/graphql", `{"query": "subscription { groupChanged(id: \"`+group+`\") { changed } }"}`, "Authorization: Bearer "+s.token(), "Accept: text/event-stream"); answer.StatusCode != 200 || !strings.Contains(text, `"limit":"subscriptions"`) {
		t.Errorf("as a stream of events: %s %s", answer.Status, text)
	}
	// A socket that is closed makes room, for its subscriptions too.
	if err := one.conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
	for {
		again := s.open()
		again.say(`{"type": "connection_init", "payload": {"Authorization": "Bearer ` + s.token() + `"}}`)
		if again.hear() == `{"type":"connection_ack"}` {
			s.following(again, "s", s.token(), group)
			break
		}
	}
	two.say(`{"type": "ping", "payload": {"n": "` + strings.Repeat("x", 1000) + `"}}`)
	two.hearsOf("close 1009")
}

// The server asks for signs of life, and cuts who gives none.
func TestDeadSocketIsCut(t *testing.T) {
	t.Parallel()
	w := newEmbedded(t)
	w.patience.pace = graph.Pace{Ping: 100 * time.Millisecond}
	s := w.start()
	pings := make(chan struct{}, 100)
	alive, _, err := s.dial(websocket.DialOptions{OnPingReceived: func(context.Context, []byte) bool {
		pings <- struct{}{}
		return true
	}})
	if err != nil {
		t.Fatal(err)
	}
	dead, _, err := s.dial(websocket.DialOptions{OnPingReceived: func(context.Context, []byte) bool { return false }})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*socket{alive, dead} {
		c.say(`{"type": "connection_init", "payload": {"Authorization": "Bearer ` + s.token() + `"}}`)
		c.hears(`{"type":"connection_ack"}`)
	}
	dead.hearsOf("cut: ")
	heard := make(chan string, 1)
	go func() { heard <- alive.hear() }()
	for range 5 {
		<-pings
	}
	alive.ask("q", "{ __typename }")
	if got := <-heard; got != `{"id":"q","type":"next","payload":{"data":{"__typename":"Query"}}}` {
		t.Errorf("heard %s", got)
	}
}

// Who asks for more than they take is cut: their answers don't gather in the server.
func TestSlowSocketIsCut(t *testing.T) {
	t.Parallel()
	w := newEmbedded(t)
	w.patience.pace = graph.Pace{Write: 200 * time.Millisecond, Ping: time.Minute}
	s := w.start()
	c := s.connect(s.token())
	for n := 0; ; n++ {
		text := fmt.Sprintf(`{"id": "%d", "type": "subscribe", "payload": {"query": "{ __schema { types { name description fields { name description } } } }"}}`, n)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		err := c.conn.Write(ctx, websocket.MessageText, []byte(text))
		late := ctx.Err()
		cancel()
		if late != nil {
			t.Fatalf("after %d requests the server neither reads nor cuts", n)
		}
		if err != nil {
			break
		}
	}
}
