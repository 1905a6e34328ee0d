package load

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestConn(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 20_000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/chunks":
			fmt.Fprint(w, long[:100])
			w.(http.Flusher).Flush()
			fmt.Fprint(w, long[100:])
		case "/empty":
		case "/echo":
			body := new(bytes.Buffer)
			_, _ = body.ReadFrom(r.Body)
			w.WriteHeader(http.StatusTeapot)
			fmt.Fprintf(w, "%s %s %s", r.Method, r.Header.Get("Authorization"), body)
		}
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	conn, err := Dial(address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 2 { // each answer must be read to its end
		for _, tt := range []struct {
			request []byte
			status  int
			want    string
		}{
			{Request("GET", address, "/chunks", "t", nil), 200, long},
			{Request("GET", address, "/empty", "t", nil), 200, ""},
			{Request("POST", address, "/echo", "secret", []byte(`{"a":1}`)), 418, `POST Bearer secret {"a":1}`},
		} {
			status, body, err := conn.Do(tt.request)
			if err != nil || status != tt.status || string(body) != tt.want {
				t.Errorf("%.20q: status %d, %d bytes %.40q, %v; want %d, %d bytes %.40q", tt.request, status, len(body), body, err, tt.status, len(tt.want), tt.want)
			}
		}
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path == "/fails" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		fmt.Fprint(w, "an answer")
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	ask := func(path string) *Ask { return &Ask{Request: Request("GET", address, path, "t", nil)} }
	always := func(a *Ask) func(int) (*Ask, bool) { return func(int) (*Ask, bool) { return a, true } }
	want := func(a *Ask, body string) *Ask { a.Want = []byte(body); return a }
	part := func(a *Ask, body string) *Ask { a.Part = []byte(body); return a }
	var left atomic.Int64
	left.Store(5)
	tests := map[string]struct {
		next   func(int) (*Ask, bool)
		errors int
	}{
		"any answer":              {always(ask("/")), 0},
		"the answer":              {always(want(ask("/"), "an answer")), 0},
		"another answer":          {always(want(ask("/"), "another")), 20},
		"what must be in it":      {always(part(ask("/"), "answer")), 0},
		"what must be in it, not": {always(part(ask("/"), "other")), 20},
		"a failure":               {always(ask("/fails")), 20},
		"no more requests":        {func(int) (*Ask, bool) { return ask("/"), left.Add(-1) >= 0 }, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			around := 0
			slot, err := Run(context.Background(), Plan{
				Address: address, Connections: 2, Lead: 5 * time.Millisecond, Window: 30 * time.Millisecond, Next: tt.next, Around: func() { around++ },
			})
			if err != nil || slot.Errors != tt.errors || (slot.First != nil) != (tt.errors > 0) || around != 2 {
				t.Errorf("%d errors, the first %v, %d calls, %v; want %d errors", slot.Errors, slot.First, around, err, tt.errors)
			}
			if tt.errors == 0 && (slot.Requests == 0 || slot.Requests != len(slot.Latencies)) {
				t.Errorf("%d requests, %d latencies", slot.Requests, len(slot.Latencies))
			}
		})
	}
}

func TestQuartilesOf(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		values []float64
		want   Quartiles
		spread float64
	}{
		"none":             {nil, Quartiles{}, 0},
		"one":              {[]float64{4}, Quartiles{4, 4, 4}, 0},
		"in any order":     {[]float64{5, 1, 3, 2, 4}, Quartiles{2, 3, 4}, 2. / 3},
		"between two":      {[]float64{1, 2}, Quartiles{1.25, 1.5, 1.75}, 1. / 3},
		"one far off":      {[]float64{10, 10, 10, 10, 900}, Quartiles{10, 10, 10}, 0},
		"a third far off":  {[]float64{10, 10, 10, 10, 20, 20, 20}, Quartiles{10, 10, 20}, 1},
		"seven with steps": {[]float64{1, 2, 3, 4, 5, 6, 7}, Quartiles{2.5, 4, 5.5}, 0.75},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := QuartilesOf(tt.values)
			if got != tt.want || got.Spread() != tt.spread {
				t.Errorf("QuartilesOf(%v) = %v, spread %v; want %v, %v", tt.values, got, got.Spread(), tt.want, tt.spread)
			}
		})
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	times := []time.Duration{3, 1, 2, 5, 4}
	if got := []time.Duration{Percentile(nil, 0.5), Percentile(times, 0), Percentile(times, 0.5), Percentile(times, 0.99), Percentile(times, 1)}; fmt.Sprint(got) != "[0s 1ns 3ns 5ns 5ns]" {
		t.Errorf("percentiles are %v", got)
	}
}
