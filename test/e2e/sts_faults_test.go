//go:build e2e

package e2e

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake"
)

func TestSTSFailingIsToldWithATimeToTryAgain(t *testing.T) {
	s := world.New(t).Ready()
	door := s.Door()
	const operation = "AssumeRoleWithSAML"

	for _, tt := range []struct {
		name   string
		fault  awsfake.Fault
		status int
		code   string
	}{
		{"throttled", awsfake.Fault{Operation: operation, Kind: awsfake.FaultThrottle}, 429, "slow_down"},
		{"down", awsfake.Fault{Operation: operation, Kind: awsfake.FaultUnavailable}, 503, "temporarily_unavailable"},
		{"slower than a caller waits", awsfake.Fault{Operation: operation, Kind: awsfake.FaultDelay, Delay: awsfake.Duration(time.Minute)}, 503, "temporarily_unavailable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			// Another pod is another session: nothing of it is cached.
			token := s.Token(s.Audience(), s.LivingPod("app-"+string(tt.fault.Kind)))
			g.Expect(aws.Control.AddFault(t.Context(), tt.fault)).To(Succeed())
			got := s.Delegate(door, s.Parameters(token))
			g.Expect(aws.Control.ClearFaults(t.Context())).To(Succeed())

			g.Expect(got.Status).To(Equal(tt.status), got.Description)
			g.Expect(got.Error).To(Equal(tt.code))
			g.Expect(got.RetryAfter).NotTo(BeEmpty())
			t.Log(got.Description)
			g.Eventually(func() int { return s.Delegate(door, s.Parameters(token)).Status }, "30s", "500ms").Should(Equal(200))
		})
	}
}
