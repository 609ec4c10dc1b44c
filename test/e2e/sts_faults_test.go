//go:build e2e

package e2e

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake"
)

func TestSTSFailingIsToldWithATimeToTryAgain(t *testing.T) {
	s := newStory(t).ready()
	door := s.door()
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
			token := s.token(s.audience(), s.livingPod("app-"+string(tt.fault.Kind)))
			g.Expect(aws.Control.AddFault(t.Context(), tt.fault)).To(Succeed())
			got := s.delegate(door, s.parameters(token))
			g.Expect(aws.Control.ClearFaults(t.Context())).To(Succeed())

			g.Expect(got.status).To(Equal(tt.status), got.Description)
			g.Expect(got.Error).To(Equal(tt.code))
			g.Expect(got.retryAfter).NotTo(BeEmpty())
			t.Log(got.Description)
			g.Eventually(func() int { return s.delegate(door, s.parameters(token)).status }, "30s", "500ms").Should(Equal(200))
		})
	}
}
