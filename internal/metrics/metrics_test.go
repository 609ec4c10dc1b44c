package metrics

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestDelegationsAreCountedByOutcomeAndReason(t *testing.T) {
	g := NewWithT(t)
	m := NewIdP()
	m.Delegation("", 3*time.Millisecond)
	m.Delegation("", 4*time.Millisecond)
	m.Delegation("TokenExpired", time.Second)
	g.Expect(scrape(m)).To(And(
		ContainSubstring(`attache_delegation_requests_total{outcome="allow",reason=""} 2`),
		ContainSubstring(`attache_delegation_requests_total{outcome="deny",reason="TokenExpired"} 1`),
		ContainSubstring(`attache_delegation_duration_seconds_bucket{outcome="allow",le="0.005"} 2`),
		ContainSubstring(`attache_delegation_duration_seconds_count{outcome="deny"} 1`),
		ContainSubstring("go_goroutines"),
	))
}

func TestExchangesAreCountedBySourceAndOutcome(t *testing.T) {
	g := NewWithT(t)
	m := NewIdP()
	m.Answered("Hit")
	m.Answered("Miss")
	m.CalledSTS("Success", 200*time.Millisecond)
	g.Expect(scrape(m)).To(And(
		ContainSubstring(`attache_exchange_answers_total{source="Hit"} 1`),
		ContainSubstring(`attache_exchange_answers_total{source="Miss"} 1`),
		ContainSubstring(`attache_sts_request_duration_seconds_bucket{outcome="Success",le="0.25"} 1`),
	))
}

func scrape(m *IdP) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}
