// Package metrics counts what the IdP does. Every label has a closed set of values, and none holds
// a name that a user chose.
package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// buckets in seconds: a cached answer takes less than a millisecond, an exchange with STS some
// hundred, and one that is given up seconds.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// IdP holds the metrics of an IdP's pod.
type IdP struct {
	registry    *prometheus.Registry
	delegations *prometheus.CounterVec
	durations   *prometheus.HistogramVec
	answers     *prometheus.CounterVec
	calls       *prometheus.HistogramVec
}

// NewIdP returns metrics that start at zero, with those of the Go runtime and the process.
func NewIdP() *IdP {
	m := &IdP{
		registry: prometheus.NewRegistry(),
		delegations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "attache_delegation_requests_total",
			Help: "Requests to /delegation by outcome (allow or deny) and, for those denied, by reason.",
		}, []string{"outcome", "reason"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "attache_delegation_duration_seconds",
			Help:    "How long /delegation took to decide, by outcome.",
			Buckets: buckets,
		}, []string{"outcome"}),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "attache_exchange_answers_total",
			Help: "Answers to requests for credentials by source: Hit (remembered), Miss (STS was called) or Coalesced (shared a call).",
		}, []string{"source"}),
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "attache_sts_request_duration_seconds",
			Help:    "How long calls of AssumeRoleWithSAML took, by outcome: Success or the reason of the refusal.",
			Buckets: buckets,
		}, []string{"outcome"}),
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.delegations, m.durations, m.answers, m.calls,
	)
	return m
}

// Delegation counts one request to /delegation. The reason is empty for one that was allowed.
func (m *IdP) Delegation(reason string, took time.Duration) {
	outcome := "deny"
	if reason == "" {
		outcome = "allow"
	}
	m.delegations.WithLabelValues(outcome, reason).Inc()
	m.durations.WithLabelValues(outcome).Observe(took.Seconds())
}

// Answered counts one answer to a request for credentials.
func (m *IdP) Answered(source string) { m.answers.WithLabelValues(source).Inc() }

// CalledSTS counts one call of AssumeRoleWithSAML.
func (m *IdP) CalledSTS(outcome string, took time.Duration) {
	m.calls.WithLabelValues(outcome).Observe(took.Seconds())
}

// Handler serves the metrics to Prometheus.
func (m *IdP) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}
