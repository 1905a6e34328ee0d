package app

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"cohort/auth"
	"cohort/export"
	"cohort/graph"
	"cohort/playground"
)

const readyWithin = 2 * time.Second

// handler is everything that the server answers.
func (on *site) handler() http.Handler {
	door := auth.NewDoor(on.tokens, auth.NewStandings(on.store, auth.StandingOptions{}), on.directory.Activate)
	door.Log = on.log
	door.Welcome(on.directory.Identify)
	api := door.Middleware(graph.New(graph.Options{Directory: on.directory, Log: on.log, Limits: on.limits, Trusted: on.trusted, Streams: on.streams, Origins: on.origins, Observer: on.observer()}))
	schema := []byte(graph.Schema())

	shared := http.NewServeMux() // with the pages of other origins, where they may; the page and its token never
	shared.Handle("/graphql", api)
	shared.Handle("GET /schema.graphql", text("text/plain; charset=utf-8", schema))
	routes := http.NewServeMux()
	routes.Handle("/graphql", crossOrigin(on.origins, shared))
	routes.Handle("/schema.graphql", crossOrigin(on.origins, shared))
	routes.Handle("/oauth/token", auth.NewExchange(on.tokens, on.store, on.log))
	routes.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "alive") })
	routes.HandleFunc("GET /readyz", on.ready)
	if on.demo || on.metricsToken != "" {
		routes.Handle("GET /metrics", on.metrics.page(on.metricsToken, on.log))
	}
	routes.HandleFunc("GET /{$}", on.page)
	routes.Handle("GET /playground/{file}", playground.Files())

	packed := compressed(routes)
	whole := http.NewServeMux() // a range of a file is one of the file as it is
	whole.Handle("/exports/{job}/{name}", crossOrigin(on.origins, export.Downloads(on.directory, on.log)))
	whole.Handle("/", packed)
	h := hardened(whole)
	if on.demo {
		h = loopbackOnly(on.port, h)
	}
	h = recovering(on.log, h)
	return auth.RequestID(on.traces.requests(on.observed(h)))
}

// observer counts and traces operations.
func (on *site) observer() *graph.Observer {
	return &graph.Observer{
		Begin: on.traces.begin,
		End: func(ctx context.Context, o graph.Operation, begin time.Time, code string) {
			on.metrics.operation(o, begin, code)
			on.traces.end(ctx, o, code)
		},
	}
}

// ready answers 200 while the database answers, else 503.
func (on *site) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	if err := on.store.Ready(ctx); err != nil {
		on.log.WarnContext(ctx, "not ready", "error", err, "requestId", auth.RequestIDFrom(ctx))
		plain(w, http.StatusServiceUnavailable, "the database does not answer")
		return
	}
	plain(w, http.StatusOK, "ready")
}

func text(contentType string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}
}

func plain(w http.ResponseWriter, status int, line string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, line)
}

func hardened(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

// loopbackOnly refuses requests to any other name than localhost and loopback addresses with the server's
// port: a web page whose own name has been turned to this machine must not reach it.
func loopbackOnly(port int, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLoopbackHost(r.Host, port) {
			plain(w, http.StatusMisdirectedRequest, "This is a demo: it answers to localhost and to loopback addresses only, with the port it listens on.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isLoopbackHost(hostport string, port int) bool {
	host, given, err := net.SplitHostPort(hostport)
	if err != nil { // browsers leave out port 80
		host, given = strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]"), "80"
	}
	if given != strconv.Itoa(port) {
		return false
	}
	address, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && address.IsLoopback()
}

// recovering answers 500 with the request's id when a handler panics, and logs why.
func recovering(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if cause == http.ErrAbortHandler { //nolint:errorlint // the value that net/http compares, too
				panic(cause)
			}
			id := auth.RequestIDFrom(r.Context())
			log.ErrorContext(r.Context(), "panic", "cause", fmt.Sprint(cause), "requestId", id, "stack", string(debug.Stack()))
			if answer, ok := w.(*recorder); ok && answer.status != 0 {
				panic(http.ErrAbortHandler) // half an answer must not look like a whole one
			}
			w.Header().Del("Content-Length")
			plain(w, http.StatusInternalServerError, "Something went wrong on our side. Request id: "+id)
		}()
		next.ServeHTTP(w, r)
	})
}

// observed counts each request, completes its span, and writes a line about it, which tells nothing that a caller
// sent but method and path.
func (on *site) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		answer := &recorder{ResponseWriter: w}
		on.metrics.inFlight.Inc()
		defer func() {
			on.metrics.inFlight.Dec()
			route := routeOf(r)
			on.metrics.answered(route, answer.code())
			on.traces.answered(r, route, answer.code())
			level := slog.LevelInfo
			if isProbe(r.URL.Path) && answer.code() == http.StatusOK { // every few seconds
				level = slog.LevelDebug
			}
			line := []slog.Attr{
				slog.String("method", shortened(r.Method)), slog.String("path", shortened(r.URL.Path)), slog.Int("status", answer.code()),
				slog.Duration("took", time.Since(begin)), slog.String("requestId", auth.RequestIDFrom(r.Context())),
			}
			on.log.LogAttrs(r.Context(), level, "request", append(line, on.traces.id(r.Context())...)...)
		}()
		next.ServeHTTP(answer, r)
	})
}

func isProbe(path string) bool { return path == "/healthz" || path == "/readyz" || path == "/metrics" }

func shortened(s string) string {
	const most = 100
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int // 0 before the answer begins
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) { // those below may be followed by another
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Flush is for handlers that stream and ask for it by its interface.
func (r *recorder) Flush() { _ = http.NewResponseController(r.ResponseWriter).Flush() }

// Hijack is for the same: the compressing writer above asks for it by its interface, and browsers take gzip.
func (r *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(r.ResponseWriter).Hijack()
}

// Unwrap lets http.ResponseController reach what is below.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK // what net/http sends for a handler that wrote nothing
	}
	return r.status
}
