package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cohort/directory"
	"cohort/mail"
	"cohort/store"
)

const smtpVariable = "COHORT_SMTP"

// mailSettings say who mails are from. The mail server has no flag, for its address may have a password in it.
type mailSettings struct {
	MailFrom string `placeholder:"ADDRESS" variable:"COHORT_MAIL_FROM" help:"Who mails are from, such as \"Cohort <cohort@example.org>\". Needed with COHORT_SMTP, the mail server: smtp://user:password@host:587 or smtps://user:password@host:465. Without that, each mail becomes a file in data/mail/."`
}

// defaultSender is whom files are from: they don't leave this machine.
const defaultSender = "Cohort <cohort@localhost>"

// post reads where mails go and who they are from.
func (s mailSettings) post(p *program) (mail.Options, error) {
	o := mail.Options{Folder: mail.Folder(p.data("mail")), Log: p.log}
	from := s.MailFrom
	if address := p.Getenv(smtpVariable); address != "" {
		var err error
		if o.SMTP, err = mail.ParseSMTP(address); err != nil {
			return o, fmt.Errorf("%s: %w", smtpVariable, err)
		}
		if from == "" {
			return o, errors.New("COHORT_MAIL_FROM (--mail-from) is not set: with a mail server, say who mails are from, such as \"Cohort <cohort@example.org>\"")
		}
	} else if from == "" {
		from = defaultSender
	}
	var err error
	if o.From, err = mail.ParseSender(from); err != nil {
		return o, fmt.Errorf("COHORT_MAIL_FROM (--mail-from): %w", err)
	}
	return o, nil
}

// postman makes the server's worker for mails, and has the directory wake it.
func postman(s *store.Store, d *directory.Directory, m *metrics, o mail.Options) *mail.Worker {
	o.Did = m.countMails(s, o.Log)
	w := mail.NewWorker(s, o)
	d.OnMail(w.Wake)
	return w
}

// beside runs something until stop is called, which waits for its end.
func beside(run func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		run(ctx)
	}()
	return func() {
		cancel()
		<-over
	}
}

// countMails adds what there is to know of mails.
func (m *metrics) countMails(s *store.Store, log *slog.Logger) func(mail.Outcome) {
	ended := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: metricsNamespace, Name: "mails_total", Help: "What has become of mails at this server; put_off ones come again.",
	}, []string{"outcome"})
	for _, outcome := range mail.Outcomes {
		ended.WithLabelValues(string(outcome))
	}
	m.registry.MustRegister(ended, &waitingMails{
		s, log,
		prometheus.NewDesc(metricsNamespace+"_mails_waiting", "Mails that have not been sent, of all accounts and servers.", []string{"state"}, nil),
		prometheus.NewDesc(metricsNamespace+"_mails_oldest_queued_seconds", "The age of the oldest mail that is queued; 0 when there is none.", nil, nil),
	})
	return func(outcome mail.Outcome) { ended.WithLabelValues(string(outcome)).Inc() }
}

// waitingMails counts when somebody asks.
type waitingMails struct {
	store       *store.Store
	log         *slog.Logger
	counts, age *prometheus.Desc
}

// Describe is the collector's part.
func (w *waitingMails) Describe(to chan<- *prometheus.Desc) {
	to <- w.counts
	to <- w.age
}

// Collect is the collector's part.
func (w *waitingMails) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), openJobsWithin)
	defer cancel()
	waiting, err := mail.CountWaiting(ctx, w.store)
	if err != nil { // the rest of the page is still worth having
		w.log.WarnContext(ctx, "count mails for metrics", "error", err)
		return
	}
	for state, n := range waiting.Counts {
		to <- prometheus.MustNewConstMetric(w.counts, prometheus.GaugeValue, float64(n), string(state))
	}
	age := 0.0
	if !waiting.Oldest.IsZero() {
		age = max(0, time.Since(waiting.Oldest).Seconds())
	}
	to <- prometheus.MustNewConstMetric(w.age, prometheus.GaugeValue, age)
}
