package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cohort/directory"
	"cohort/export"
	"cohort/jobs"
	"cohort/models"
	"cohort/store"
)

// jobSettings say how a server works on jobs.
type jobSettings struct {
	JobWorkers int           `default:"4" placeholder:"N" variable:"COHORT_JOB_WORKERS" help:"Jobs that this server works on at a time: 1 to 64, 4 by default. Each account has one at a time."`
	JobLease   time.Duration `default:"30s" variable:"COHORT_JOB_LEASE" help:"After how long the job of a server that has died goes on at another: 5s to 10m, 30s by default."`
}

// Validate is called by the parser of the command line.
func (s jobSettings) Validate() error {
	if s.JobWorkers < 1 || s.JobWorkers > 64 {
		return fmt.Errorf("--job-workers (COHORT_JOB_WORKERS) must lie between 1 and 64")
	}
	if s.JobLease < 5*time.Second || s.JobLease > 10*time.Minute {
		return fmt.Errorf("--job-lease (COHORT_JOB_LEASE) must lie between 5s and 10m")
	}
	return nil
}

// runner makes the workers of the server, and has the directory wake them.
func (s jobSettings) runner(on *store.Store, d *directory.Directory, m *metrics, log *slog.Logger) *jobs.Runner {
	handlers := d.Handlers()
	handlers[models.KindExport] = sparingly(d.ExportHandler(export.Write))
	worked, ended := m.countJobs(on, handlers, log)
	r := jobs.NewRunner(on, handlers, jobs.Options{Workers: s.JobWorkers, Lease: s.JobLease, Log: log, Worked: worked, Ended: ended})
	d.OnJob(r.Wake)
	return r
}

// countJobs adds what there is to know of jobs.
func (m *metrics) countJobs(s *store.Store, handlers map[string]jobs.Handler, log *slog.Logger) (
	worked func(kind string, took time.Duration, rows int, err error), ended func(kind string, state models.JobState),
) {
	parts := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: metricsNamespace, Name: "job_part_duration_seconds", Buckets: durations, Help: "How long parts of jobs took on this server, each a transaction.",
	}, []string{"kind"})
	failures := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: metricsNamespace, Name: "job_part_failures_total", Help: "Parts of jobs that failed on this server, to be tried again or not.",
	}, []string{"kind"})
	rows := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: metricsNamespace, Name: "job_rows_total", Help: "Rows of jobs that are done, whatever came out, on this server.",
	}, []string{"kind"})
	ends := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: metricsNamespace, Name: "jobs_ended_total", Help: "Jobs that ended while this server worked on them, by the state in which they did.",
	}, []string{"kind", "state"})
	m.registry.MustRegister(parts, failures, rows, ends, &openJobs{s, log, prometheus.NewDesc(
		metricsNamespace+"_jobs_open", "Jobs that have not ended, of all accounts and servers.", []string{"state"}, nil)})
	for kind := range handlers {
		parts.WithLabelValues(kind)
		failures.WithLabelValues(kind)
		rows.WithLabelValues(kind)
	}
	return func(kind string, took time.Duration, n int, err error) {
			parts.WithLabelValues(kind).Observe(took.Seconds())
			rows.WithLabelValues(kind).Add(float64(n))
			if err != nil {
				failures.WithLabelValues(kind).Inc()
			}
		}, func(kind string, state models.JobState) {
			ends.WithLabelValues(kind, string(state)).Inc()
		}
}

// openJobs counts when somebody asks.
type openJobs struct {
	store *store.Store
	log   *slog.Logger
	desc  *prometheus.Desc
}

// Describe is the collector's part.
func (o *openJobs) Describe(to chan<- *prometheus.Desc) { to <- o.desc }

// openJobsWithin bounds the question, so that /metrics answers when the database doesn't.
const openJobsWithin = 2 * time.Second

// Collect is the collector's part.
func (o *openJobs) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), openJobsWithin)
	defer cancel()
	counts, err := jobs.Open(ctx, o.store)
	if err != nil { // the rest of the page is still worth having
		o.log.WarnContext(ctx, "count jobs for metrics", "error", err)
		return
	}
	for state, n := range counts {
		to <- prometheus.MustNewConstMetric(o.desc, prometheus.GaugeValue, float64(n), string(state))
	}
}
