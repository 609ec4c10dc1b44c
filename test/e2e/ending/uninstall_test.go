//go:build e2e

package ending

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/test/awsfake"
	"attache.dev/attache/test/harness"
	"attache.dev/attache/test/harness/story"
)

func TestUninstallLeavesNothingAndHelmFollows(t *testing.T) {
	e := begin(t)
	existing := e.Mapping("existing")
	e.Create(existing)

	e.Expect(e.attache(2, "uninstall", "--check")).To(ContainSubstring("1 RoleMapping with a managed role and 1 SAMLProvider (RoleMapping %s/uploader, SAMLProvider %s)", e.Tenant, e.Tenant))
	e.Expect(e.attache(2, "uninstall")).To(ContainSubstring("not confirmed"))
	said := e.attache(0, "uninstall", "--yes")
	e.Expect(said).To(SatisfyAll(
		ContainSubstring("RoleMapping %s/uploader (in AWS: %s deleted)", e.Tenant, e.roleARN()),
		ContainSubstring("SAMLProvider %s (in AWS: %s deleted)", e.Tenant, e.providerARN()),
		ContainSubstring("helm uninstall attache --namespace "+harness.Namespace),
	))
	e.nothingIsLeft()
	e.Expect(world.Cluster.AwaitCondition(t.Context(), existing, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonProviderNotFound, story.Readiness)).To(Succeed())

	e.Expect(e.attache(0, "uninstall")).To(ContainSubstring("Nothing is left to delete"))
	_, err := harness.HelmUninstall(t.Context())
	e.Expect(err).NotTo(HaveOccurred())
}

func TestUninstallWithRetainLeavesAWSExactlyAsItIs(t *testing.T) {
	e := begin(t)
	e.Expect(world.AWS.Control.ClearCalls(t.Context())).To(Succeed())
	kept := []string{e.roleARN(), e.providerARN()}
	t.Cleanup(func() {
		if err := world.AWS.Remove(context.WithoutCancel(t.Context()), kept...); err != nil {
			t.Error(err)
		}
	})

	said := e.attache(0, "uninstall", "--retain", "--yes")
	e.Expect(said).To(ContainSubstring(e.roleARN() + " stays"))

	e.awaitGone(e.mapping)
	e.awaitGone(e.Provider)
	e.Expect(e.inAWS()).To(ConsistOf(kept))
	calls, err := world.AWS.Control.Calls(t.Context(), "")
	e.Expect(err).NotTo(HaveOccurred())
	for _, call := range calls {
		e.Expect(call.Operation).NotTo(MatchRegexp("^(Delete|Detach|Put|Update|Attach|Tag|Untag|Create)"))
	}
	_, err = harness.HelmUninstall(t.Context())
	e.Expect(err).NotTo(HaveOccurred())
}

func TestUninstallSaysWhatItWaitsForWhenItsTimeIsOver(t *testing.T) {
	e := begin(t)
	e.Expect(world.AWS.Control.AddFault(t.Context(), awsfake.Fault{Operation: awsfake.AnyOperation, Kind: awsfake.FaultUnavailable})).To(Succeed())

	said := e.attache(3, "uninstall", "--yes", "--timeout", "5s")
	e.Expect(said).To(SatisfyAll(
		ContainSubstring("5s are over"),
		MatchRegexp("RoleMapping %s/uploader: %s: .+", e.Tenant, v1alpha1.ReasonAWSUnavailable),
	))

	e.Expect(world.AWS.Control.ClearFaults(t.Context())).To(Succeed())
	e.attache(0, "uninstall", "--yes")
	e.nothingIsLeft()
}
