package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"postroom/smtpd"
	"postroom/tickets"
)

// metrics are the figures on /metrics. No label holds anything a stranger wrote.
type metrics struct {
	registry *prometheus.Registry
	sessions *prometheus.GaugeVec
	turned   *prometheus.CounterVec
	replies  *prometheus.CounterVec
	kept     prometheus.Counter
	bytes    prometheus.Counter
	took     prometheus.Histogram
	sent     *prometheus.CounterVec
	deferred *prometheus.CounterVec
	failed   *prometheus.CounterVec
	policies *prometheus.CounterVec
}

func newMetrics(d *desk) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		sessions: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "postroom_smtp_sessions", Help: "Open SMTP sessions."}, []string{"role"}),
		turned:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "postroom_smtp_turned_away_total", Help: "Connections turned away before a session."}, []string{"role", "why"}),
		replies:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "postroom_smtp_replies_total", Help: "Replies by command and first digit."}, []string{"role", "verb", "class"}),
		kept:     prometheus.NewCounter(prometheus.CounterOpts{Name: "postroom_mails_kept_total", Help: "Mails answered 250."}),
		bytes:    prometheus.NewCounter(prometheus.CounterOpts{Name: "postroom_mails_kept_bytes_total", Help: "Bytes of mails answered 250."}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "postroom_mail_seconds", Help: "From the end of the data to the 250.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5}}),
		sent:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "postroom_outgoing_sent_total", Help: "Mails the next hop accepted."}, []string{"kind", "tls"}),
		deferred: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "postroom_outgoing_deferred_total", Help: "Tries put off."}, []string{"kind"}),
		failed:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "postroom_outgoing_failed_total", Help: "Mails given up."}, []string{"kind"}),
		policies: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "postroom_outgoing_tls_total",
			Help: "Connections to other domains' servers by the policy that counted (MTA-STS, DANE) and what came of TLS, as in RFC 8460."}, []string{"policy", "result"}),
	}
	up := func(name, help string, healthy func() error) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			if healthy() != nil {
				return 0
			}
			return 1
		})
	}
	m.registry.MustRegister(m.sessions, m.turned, m.replies, m.kept, m.bytes, m.took, m.sent, m.deferred, m.failed, m.policies,
		up("postroom_store_up", "1 while the store takes changes.", d.store.Err),
		up("postroom_queue_up", "1 while wake-ups reach every node.", d.queue.Healthy),
		up("postroom_limits_up", "1 while limits count for the whole installation.", d.limit.Healthy),
		up("postroom_rspamd_up", "1 while rspamd is asked; also without one.", func() error {
			if r := d.junk.Rspamd(); r != nil {
				return r.Healthy()
			}
			return nil
		}),
		parkedJobs(d), newPrivacyFigures(d),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) Session(role smtpd.Role, delta int) {
	m.sessions.WithLabelValues(string(role)).Add(float64(delta))
}

func (m *metrics) Turned(role smtpd.Role, why string) {
	m.turned.WithLabelValues(string(role), why).Inc()
}

func (m *metrics) Reply(role smtpd.Role, verb string, code int) {
	class := [...]string{"0", "1", "2", "3", "4", "5"}
	m.replies.WithLabelValues(string(role), verb, class[min(max(code/100, 0), 5)]).Inc()
}

func (m *metrics) Kept(_ smtpd.Role, size int64, took time.Duration) {
	m.kept.Inc()
	m.bytes.Add(float64(size))
	m.took.Observe(took.Seconds())
}

func (m *metrics) Sent(kind tickets.OutKind, tls bool) {
	word := "no"
	if tls {
		word = "yes"
	}
	m.sent.WithLabelValues(string(kind), word).Inc()
}

// policyResult counts one connection, or one fetch that failed, in the words of
// RFC 8460.
func (m *metrics) policyResult(policy, result string) {
	m.policies.WithLabelValues(policy, result).Inc()
}

func (m *metrics) Deferred(kind tickets.OutKind) { m.deferred.WithLabelValues(string(kind)).Inc() }
func (m *metrics) Failed(kind tickets.OutKind)   { m.failed.WithLabelValues(string(kind)).Inc() }
