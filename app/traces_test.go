package app

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// receiver is a receiver of OTLP over HTTP.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*tracepb.Span
	raw   []byte // all that came
	about string // the resource
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		var came collector.ExportTraceServiceRequest
		if err != nil || proto.Unmarshal(body, &came) != nil || q.URL.Path != "/v1/traces" || q.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("%s %s: %v", q.URL.Path, q.Header, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.raw = append(r.raw, body...)
		for _, of := range came.ResourceSpans {
			r.about = fmt.Sprint(of.Resource)
			for _, scope := range of.ScopeSpans {
				r.spans = append(r.spans, scope.Spans...)
			}
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// named are the spans of a name in a trace.
func (r *receiver) named(trace, name string) (found []*tracepb.Span) {
	for _, s := range r.spans {
		if hex.EncodeToString(s.TraceId) == trace && s.Name == name {
			found = append(found, s)
		}
	}
	return found
}

func TestTraces(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	w := newEmbedded(t)
	w.variables[commonEndpoint] = r.URL
	s := w.start()
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	bearer := "Authorization: Bearer " + s.token()
	s.send(http.MethodPost, "/graphql", `{"query": "{ viewer { role } group(by: {name: \"Support\"}) { description } }"}`, bearer,
		"traceparent: 00-"+trace+"-"+parent+"-01")
	const second = "11111111111111111111111111111111"
	s.send(http.MethodPost, "/graphql", `{"query": "{ madeup }"}`, bearer, "traceparent: 00-"+second+"-"+parent+"-01")
	s.send("MADEUP", "/madeup", ``, "traceparent: 00-22222222222222222222222222222222-"+parent+"-01")
	s.send(http.MethodPost, "/graphql", `{"query": "{ __typename }"}`, bearer, "traceparent: 00-33333333333333333333333333333333-"+parent+"-00")
	s.get("/healthz")
	if code := s.stop(); code != success { // sends the rest
		t.Fatalf("exit code %d\n%s", code, s.stderr.String())
	}
	requests, operations := r.named(trace, "POST /graphql"), r.named(trace, "query several")
	if len(requests) != 1 || len(operations) != 1 || !slices.Equal(operations[0].ParentSpanId, requests[0].SpanId) ||
		hex.EncodeToString(requests[0].ParentSpanId) != parent {
		t.Fatalf("spans: %v", r.spans)
	}
	if text := fmt.Sprint(operations[0].Attributes); !strings.Contains(text, "viewer") || !strings.Contains(text, "group") || !strings.Contains(text, `"OK"`) {
		t.Errorf("the operation: %s", text)
	}
	if text := fmt.Sprint(requests[0].Attributes); !strings.Contains(text, "/graphql") || !strings.Contains(text, "200") {
		t.Errorf("the request: %s", text)
	}
	statements := r.named(trace, "database select")
	if !slices.ContainsFunc(statements, func(s *tracepb.Span) bool { return slices.Equal(s.ParentSpanId, operations[0].SpanId) }) {
		t.Errorf("no statement of the operation: %v", r.spans)
	}
	for _, s := range statements {
		if s.StartTimeUnixNano > s.EndTimeUnixNano || s.StartTimeUnixNano < requests[0].StartTimeUnixNano || s.EndTimeUnixNano > requests[0].EndTimeUnixNano {
			t.Errorf("%v isn't within %v", s, requests[0])
		}
	}
	if refused := r.named(second, "POST /graphql"); len(refused) != 1 || !strings.Contains(fmt.Sprint(refused[0].Attributes), "GRAPHQL_VALIDATION_FAILED") {
		t.Errorf("what was refused: %v", refused)
	}
	if len(r.named("22222222222222222222222222222222", "_OTHER other")) != 1 {
		t.Errorf("no span for a page that there is not")
	}
	if unsampled := r.named("33333333333333333333333333333333", "POST /graphql"); len(unsampled) != 0 {
		t.Errorf("a trace that its client doesn't record: %v", unsampled)
	}
	if !strings.Contains(r.about, "cohort") {
		t.Errorf("who sends it: %s", r.about)
	}
	for _, word := range []string{"madeup", "MADEUP", "Support"} {
		if strings.Contains(string(r.raw), word) {
			t.Errorf("%s is in the traces", word)
		}
	}
	if !strings.Contains(s.stderr.String(), `"traceId":"`+trace+`"`) {
		t.Errorf("the log doesn't tell the trace:\n%s", s.stderr.String())
	}
}

// Nobody waits for a receiver that is not there.
func TestTracesToNobody(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	r.Close()
	w := newEmbedded(t)
	w.variables[tracesEndpoint] = r.URL + "/v1/traces"
	s := w.start()
	s.ask(s.token(), "{ viewer { role } }")
	if code := s.stop(); code != success || !strings.Contains(s.stderr.String(), "traces were not sent") {
		t.Errorf("exit code %d\n%s", code, s.stderr.String())
	}
}
