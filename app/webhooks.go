package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cohort/auth"
	"cohort/directory"
	"cohort/store"
	"cohort/webhook"
)

// webhookSetting opens nets to webhooks that are closed to them otherwise.
type webhookSetting struct {
	WebhookAllow string `placeholder:"NETS" variable:"COHORT_WEBHOOK_ALLOW" help:"Nets in which webhooks may have private addresses, and plain http, with commas between them, such as 10.1.0.0/16,127.0.0.1. By default webhooks reach the internet alone, by https. Whoever may make a webhook can then send requests to all of these nets."`
}

// Validate is called by the parser of the command line.
func (s webhookSetting) Validate() error {
	_, err := s.parse()
	return err
}

func (s webhookSetting) nets() []netip.Prefix {
	nets, _ := s.parse() // which is checked
	return nets
}

func (s webhookSetting) parse() (nets []netip.Prefix, err error) {
	for text := range strings.SplitSeq(s.WebhookAllow, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		net, err := netip.ParsePrefix(text)
		if one, wrong := netip.ParseAddr(text); wrong == nil && one.Zone() == "" {
			net, err = netip.PrefixFrom(one, one.BitLen()), nil
		}
		if err != nil || net.Addr().Is4In6() {
			return nil, fmt.Errorf("--webhook-allow (COHORT_WEBHOOK_ALLOW) must have nets such as 10.1.0.0/16 with commas between them, not %q", text)
		}
		nets = append(nets, net.Masked())
	}
	return nets, nil
}

// worker makes the server's worker for webhooks, and has the directory wake it.
func (s webhookSetting) worker(on *store.Store, d *directory.Directory, m *metrics, key []byte, log *slog.Logger) *webhook.Worker {
	w := webhook.NewWorker(on, d, webhook.Options{
		Seal: auth.NewSeal(key), Allow: s.nets(), Agent: "Cohort/" + version(), Did: m.countWebhooks(on, log), Log: log,
	})
	d.OnChanges(w.Wake)
	return w
}

// countWebhooks adds what there is to know of webhooks.
func (m *metrics) countWebhooks(s *store.Store, log *slog.Logger) func(webhook.Outcome, time.Duration) {
	ended := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: metricsNamespace, Name: "webhook_deliveries_total", Help: "Attempts of this server to deliver to webhooks, by what came of them, and webhooks that it has paused.",
	}, []string{"outcome"})
	took := prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: metricsNamespace, Name: "webhook_delivery_duration_seconds", Buckets: durations, Help: "How long attempts to deliver to webhooks took on this server.",
	})
	for _, outcome := range webhook.Outcomes {
		ended.WithLabelValues(string(outcome))
	}
	m.registry.MustRegister(ended, took, &openWebhooks{
		s, log, prometheus.NewDesc(metricsNamespace+"_webhooks", "Webhooks by their states, of all accounts and servers.", []string{"state"}, nil),
	})
	return func(outcome webhook.Outcome, d time.Duration) {
		ended.WithLabelValues(string(outcome)).Inc()
		if outcome != webhook.Paused {
			took.Observe(d.Seconds())
		}
	}
}

// openWebhooks counts when somebody asks.
type openWebhooks struct {
	store *store.Store
	log   *slog.Logger
	desc  *prometheus.Desc
}

// Describe is the collector's part.
func (o *openWebhooks) Describe(to chan<- *prometheus.Desc) { to <- o.desc }

// Collect is the collector's part.
func (o *openWebhooks) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), openJobsWithin)
	defer cancel()
	counts, err := webhook.Count(ctx, o.store)
	if err != nil { // the rest of the page is still worth having
		o.log.WarnContext(ctx, "count webhooks for metrics", "error", err)
		return
	}
	for state, n := range counts {
		to <- prometheus.MustNewConstMetric(o.desc, prometheus.GaugeValue, float64(n), string(state))
	}
}
