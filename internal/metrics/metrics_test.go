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

	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	g.Expect(w.Body.String()).To(And(
		ContainSubstring(`attache_delegation_requests_total{outcome="allow",reason=""} 2`),
		ContainSubstring(`attache_delegation_requests_total{outcome="deny",reason="TokenExpired"} 1`),
		ContainSubstring(`attache_delegation_duration_seconds_bucket{outcome="allow",le="0.005"} 2`),
		ContainSubstring(`attache_delegation_duration_seconds_count{outcome="deny"} 1`),
		ContainSubstring("go_goroutines"),
	))
}
