package app

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"cohort/graph"
	"cohort/store"
)

const (
	metricsVariable  = "COHORT_METRICS_TOKEN" //nolint:gosec // the name of it
	minMetricsToken  = 16
	otherRoute       = "other"
	metricsNamespace = "cohort"
)

// metrics count and time what the server does, for Prometheus. The values of labels are from lists of our own: a
// client can't make up one, and none is about anybody.
type metrics struct {
	registry   *prometheus.Registry
	inFlight   prometheus.Gauge
	requests   *prometheus.CounterVec
	answers    map[answerKey]prometheus.Counter // the usual ones of requests, to be found without a lock
	operations map[operationKey]operationMetrics
	statements map[store.Work]prometheus.Observer
	failures   map[store.Work]prometheus.Counter
}

type answerKey struct {
	route  string
	status int
}

type operationKey struct{ kind, field string }

type operationMetrics struct {
	requests *prometheus.CounterVec // by code
	ok       prometheus.Counter
	duration prometheus.Observer
}

// From 0.5 ms, which a check in memory takes, to the 90 s after which an answer is cut off.
var durations = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 30, 90}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: metricsNamespace, Name: "http_requests_in_flight", Help: "Requests that are being answered.",
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: metricsNamespace, Name: "http_requests_total", Help: "Answers, by route and status.",
		}, []string{"route", "status"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: metricsNamespace, Name: "build_info", Help: "1, with the version.", ConstLabels: prometheus.Labels{"version": version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.inFlight, m.requests, build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.countAnswers()
	m.countOperations()
	m.countWork()
	return m
}

func (m *metrics) countAnswers() {
	m.answers = map[answerKey]prometheus.Counter{}
	for _, route := range []string{"/graphql", "/healthz", "/readyz", "/metrics"} {
		for _, status := range []int{200, 401, 503} {
			m.answers[answerKey{route, status}] = m.requests.WithLabelValues(route, strconv.Itoa(status))
		}
	}
}

func (m *metrics) countOperations() {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: metricsNamespace, Name: "graphql_requests_total",
		Help: "GraphQL requests, by kind of operation, root field (" + graph.Several + " for more than one) and outcome: " + graph.CodeOK +
			" or the code of the first error. Those refused before they are known to be valid have kind and field none.",
	}, []string{"kind", "field", "code"})
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: metricsNamespace, Name: "graphql_request_duration_seconds",
		Help: "How long GraphQL requests took, from their arrival behind the token's check to the answer.", Buckets: durations,
	}, []string{"kind", "field"})
	m.registry.MustRegister(requests, duration)
	m.operations = map[operationKey]operationMetrics{}
	add := func(kind, field string) {
		labels := prometheus.Labels{"kind": kind, "field": field}
		of := requests.MustCurryWith(labels)
		m.operations[operationKey{kind, field}] = operationMetrics{of, of.WithLabelValues(graph.CodeOK), duration.With(labels)}
	}
	add("none", "none")
	for kind, fields := range graph.RootFields() {
		for _, field := range append(fields, graph.Several) {
			add(kind, field)
		}
	}
}

func (m *metrics) countWork() {
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: metricsNamespace, Name: "database_duration_seconds", Buckets: durations,
		Help: "How long statements took, by kind; transactions (writing) and snapshots (reading), each try by itself; " +
			"a turn, the waiting behind this server's other writers of the account; a retry, the pause before a transaction begins anew.",
	}, []string{"work"})
	failed := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: metricsNamespace, Name: "database_failures_total",
		Help: "What of that failed. Transactions are also rolled back when a caller asked for what may not be.",
	}, []string{"work"})
	m.registry.MustRegister(took, failed)
	m.statements, m.failures = map[store.Work]prometheus.Observer{}, map[store.Work]prometheus.Counter{}
	for _, work := range store.Works {
		m.statements[work], m.failures[work] = took.WithLabelValues(string(work)), failed.WithLabelValues(string(work))
	}
}

// watch adds what is only known once the store and the directory are there.
func (m *metrics) watch(on *site) error {
	read, err := on.store.Read.DB()
	if err != nil {
		return err
	}
	write, err := on.store.Write.DB()
	if err != nil {
		return err
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: metricsNamespace, Name: name, Help: help}, value)
	}
	m.registry.MustRegister(
		collectors.NewDBStatsCollector(read, "read"), collectors.NewDBStatsCollector(write, "write"),
		gauge("rosters", "Accounts that are held in memory.", func() float64 {
			accounts, _ := on.directory.InMemory()
			return float64(accounts)
		}),
		gauge("roster_bytes", "About how much they take.", func() float64 {
			_, bytes := on.directory.InMemory()
			return float64(bytes)
		}),
	)
	return nil
}

func (m *metrics) operation(o graph.Operation, begin time.Time, code string) {
	of, ok := m.operations[operationKey{o.Kind(), o.Field()}]
	if !ok {
		of = m.operations[operationKey{"none", "none"}]
	}
	if code == graph.CodeOK {
		of.ok.Inc()
	} else {
		of.requests.WithLabelValues(code).Inc()
	}
	of.duration.Observe(time.Since(begin).Seconds())
}

func (m *metrics) work(work store.Work, begin time.Time, err error) {
	m.statements[work].Observe(time.Since(begin).Seconds())
	if err != nil && work != store.Retry {
		m.failures[work].Inc()
	}
}

func (m *metrics) answered(route string, status int) {
	if usual, ok := m.answers[answerKey{route, status}]; ok {
		usual.Inc()
		return
	}
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
}

// routeOf is the pattern that the request has matched, which is one of ours.
func routeOf(r *http.Request) string {
	pattern := strings.TrimSuffix(r.Pattern, "{$}")
	if _, path, ok := strings.Cut(pattern, " "); ok {
		return path
	}
	if pattern == "" {
		return otherRoute
	}
	return pattern
}

// page answers those who show the token, whom nobody else on a shared machine or behind a proxy can pass for. An
// empty token is for the demo, which answers to this machine alone.
func (m *metrics) page(token string, log *slog.Logger) http.Handler {
	page := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn), DisableCompression: true, // there is one for all
	})
	want := sha256.Sum256([]byte("Bearer " + token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(r.Header.Get("Authorization")))
		if token != "" && subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			plain(w, http.StatusUnauthorized, "the token of "+metricsVariable+" is needed")
			return
		}
		page.ServeHTTP(w, r)
	})
}
