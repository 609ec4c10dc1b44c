package metrics

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func TestTheOperatorCountsItsWork(t *testing.T) {
	g := NewWithT(t)
	registry := prometheus.NewRegistry()
	m := NewOperator(registry)
	m.CalledIAM("CreateRole", "Success")
	m.CalledIAM("CreateRole", "Throttled")
	m.CalledIAM("CreateRole", "Throttled")
	m.Drifted("RoleMapping", true)
	m.Drifted("RoleMapping", false)
	m.TookSnapshot(700*time.Millisecond, 5, "Success")
	m.TookSnapshot(time.Millisecond, 0, "Denied")
	m.HeldBack("111122223333", "Background")
	m.Paced("111122223333", 7.5)
	m.SignedIn("111122223333", "Denied")
	g.Expect(scrapeOf(registry)).To(And(
		ContainSubstring(`attache_iam_held_back_total{account="111122223333",class="Background"} 1`),
		ContainSubstring(`attache_iam_rate{account="111122223333"} 7.5`),
		ContainSubstring(`attache_sign_ins_total{account="111122223333",outcome="Denied"} 1`),
		ContainSubstring(`attache_iam_requests_total{operation="CreateRole",outcome="Success"} 1`),
		ContainSubstring(`attache_iam_requests_total{operation="CreateRole",outcome="Throttled"} 2`),
		ContainSubstring(`attache_drift_total{kind="RoleMapping",repaired="true"} 1`),
		ContainSubstring(`attache_drift_total{kind="RoleMapping",repaired="false"} 1`),
		ContainSubstring(`attache_snapshot_duration_seconds_bucket{outcome="Success",le="1"} 1`),
		ContainSubstring(`attache_snapshot_duration_seconds_count{outcome="Denied"} 1`),
		ContainSubstring("attache_snapshot_calls 5"),
	))
}

func TestResourcesAreCountedAtEachScrape(t *testing.T) {
	g := NewWithT(t)
	registry := prometheus.NewRegistry()
	counts := map[Standing]int{{Kind: "RoleMapping", Ready: "True", Reason: "Ready"}: 7}
	registry.MustRegister(Resources{Count: func() map[Standing]int { return counts }})
	g.Expect(scrapeOf(registry)).To(ContainSubstring(`attache_resources{kind="RoleMapping",ready="True",reason="Ready"} 7`))

	counts = map[Standing]int{{Kind: "RoleMapping", Ready: "False", Reason: "Denied"}: 1}
	g.Expect(scrapeOf(registry)).To(And(
		ContainSubstring(`attache_resources{kind="RoleMapping",ready="False",reason="Denied"} 1`),
		Not(ContainSubstring(`ready="True"`)),
	))
}

func scrapeOf(registry *prometheus.Registry) string {
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}
