package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Operator holds the metrics of the operator's own work. A nil one counts nothing.
type Operator struct {
	requests      *prometheus.CounterVec
	drift         *prometheus.CounterVec
	snapshotTimes *prometheus.HistogramVec
	snapshotCalls prometheus.Gauge
	heldBack      *prometheus.CounterVec
	rate          *prometheus.GaugeVec
	signIns       *prometheus.CounterVec
}

// NewOperator returns metrics that start at zero and that the registry serves.
func NewOperator(registry prometheus.Registerer) *Operator {
	m := &Operator{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "attache_iam_requests_total",
			Help: "Calls to IAM by operation and outcome: Success, or the kind of the error.",
		}, []string{"operation", "outcome"}),
		drift: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "attache_drift_total",
			Help: "How often AWS was found to differ from what it was given, by kind of object and whether it was put right.",
		}, []string{"kind", "repaired"}),
		snapshotTimes: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "attache_snapshot_duration_seconds",
			Help:    "How long it took to read all roles of an account, by outcome: Success, or the kind of the error.",
			Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120},
		}, []string{"outcome"}),
		snapshotCalls: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "attache_snapshot_calls",
			Help: "Calls to IAM that the last snapshot took.",
		}),
		heldBack: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "attache_iam_held_back_total",
			Help: "Calls to IAM that were not made, to leave room for others, by account and by who waits: Interactive or Background.",
		}, []string{"account", "class"}),
		rate: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "attache_iam_rate",
			Help: "Calls to IAM a second that the operator allows itself in an account; it falls when AWS throttles.",
		}, []string{"account"}),
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "attache_sign_ins_total",
			Help: "Attempts of the operator to get credentials of its own, by account and outcome: Success, or the kind of the error.",
		}, []string{"account", "outcome"}),
	}
	registry.MustRegister(m.requests, m.drift, m.snapshotTimes, m.snapshotCalls, m.heldBack, m.rate, m.signIns)
	return m
}

// HeldBack counts one call to IAM that was not made, for work of a class such as Background.
func (m *Operator) HeldBack(accountID, class string) {
	if m == nil {
		return
	}
	m.heldBack.WithLabelValues(accountID, class).Inc()
}

// Paced tells how many calls a second an account is now taken to bear.
func (m *Operator) Paced(accountID string, callsPerSecond float64) {
	if m == nil {
		return
	}
	m.rate.WithLabelValues(accountID).Set(callsPerSecond)
}

// SignedIn counts one attempt to get the operator's own credentials for an account.
func (m *Operator) SignedIn(accountID, outcome string) {
	if m == nil {
		return
	}
	m.signIns.WithLabelValues(accountID, outcome).Inc()
}

// CalledIAM counts one call to IAM.
func (m *Operator) CalledIAM(operation, outcome string) {
	if m == nil {
		return
	}
	m.requests.WithLabelValues(operation, outcome).Inc()
}

// Drifted counts drift that was found in what an object of a kind, such as RoleMapping, has in AWS.
func (m *Operator) Drifted(kind string, repaired bool) {
	if m == nil {
		return
	}
	m.drift.WithLabelValues(kind, strconv.FormatBool(repaired)).Inc()
}

// TookSnapshot counts one snapshot of an account.
func (m *Operator) TookSnapshot(took time.Duration, calls int, outcome string) {
	if m == nil {
		return
	}
	m.snapshotTimes.WithLabelValues(outcome).Observe(took.Seconds())
	if calls > 0 {
		m.snapshotCalls.Set(float64(calls))
	}
}

// Standing is what a number of objects have in common: their kind, and status and reason of their
// condition Ready. Both are out of closed sets.
type Standing struct{ Kind, Ready, Reason string }

// Resources serves how many objects stand how. It asks at each scrape, so that no object is
// remembered that is gone.
type Resources struct {
	// Count returns the numbers.
	Count func() map[Standing]int
}

var resourcesDescription = prometheus.NewDesc("attache_resources",
	"Objects by kind, and by status and reason of their condition Ready.", []string{"kind", "ready", "reason"}, nil)

// Describe implements prometheus.Collector.
func (r Resources) Describe(to chan<- *prometheus.Desc) { to <- resourcesDescription }

// Collect implements prometheus.Collector.
func (r Resources) Collect(to chan<- prometheus.Metric) {
	for s, n := range r.Count() {
		to <- prometheus.MustNewConstMetric(resourcesDescription, prometheus.GaugeValue, float64(n), s.Kind, s.Ready, s.Reason)
	}
}
