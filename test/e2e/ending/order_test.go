//go:build e2e

package ending

import (
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/test/awsfake"
)

func TestAProviderDeletedBeforeItsMappingsWaitsInWordsAndGoesAfterThem(t *testing.T) {
	e := begin(t)

	e.delete(e.Provider)
	e.awaitWords(e.Provider, v1alpha1.ReasonInUse, e.Tenant+"/uploader")
	e.Expect(e.inAWS()).To(ConsistOf(e.roleARN(), e.providerARN()), "a provider that waits takes nothing away")

	e.delete(e.mapping)
	e.nothingIsLeft()
}

func TestAProviderDeletedAfterItsMappingsGoesAtOnce(t *testing.T) {
	e := begin(t)

	e.delete(e.mapping)
	e.awaitGone(e.mapping)
	e.Expect(e.inAWS()).To(ConsistOf(e.providerARN()))
	e.delete(e.Provider)
	e.nothingIsLeft()
}

func TestBothDeletedInOneGoGoInTheRightOrder(t *testing.T) {
	e := begin(t)
	e.Expect(world.AWS.Control.ClearCalls(t.Context())).To(Succeed())

	e.delete(e.Provider)
	e.delete(e.mapping)
	e.nothingIsLeft()

	calls, err := world.AWS.Control.Calls(t.Context(), "")
	e.Expect(err).NotTo(HaveOccurred())
	var deletions []string
	for _, call := range calls {
		if call.Operation == "DeleteRole" || call.Operation == "DeleteSAMLProvider" {
			deletions = append(deletions, call.Operation)
		}
	}
	e.Expect(deletions).To(Equal([]string{"DeleteRole", "DeleteSAMLProvider"}))
}

func TestAMappingDeletedWhileAWSIsDown(t *testing.T) {
	t.Run("waits in words for IAM, and goes when it is back", func(t *testing.T) {
		e := begin(t)
		e.Expect(world.AWS.Control.AddFault(t.Context(), awsfake.Fault{Operation: awsfake.AnyOperation, Kind: awsfake.FaultUnavailable})).To(Succeed())

		e.delete(e.mapping)
		e.awaitWords(e.mapping, v1alpha1.ReasonAWSUnavailable)
		e.Expect(e.mapping.Finalizers).NotTo(BeEmpty())

		e.Expect(world.AWS.Control.ClearFaults(t.Context())).To(Succeed())
		e.awaitGone(e.mapping)
		e.Expect(e.inAWS()).To(ConsistOf(e.providerARN()))
		e.delete(e.Provider)
		e.nothingIsLeft()
	})
	t.Run("does not need STS", func(t *testing.T) {
		e := begin(t)
		e.Expect(world.AWS.Control.AddFault(t.Context(), awsfake.Fault{Operation: "AssumeRoleWithSAML", Kind: awsfake.FaultUnavailable})).To(Succeed())

		e.delete(e.mapping)
		e.awaitGone(e.mapping)
		e.delete(e.Provider)
		e.nothingIsLeft()
	})
}

func TestWhatKeepsIAMFromDeletingARoleIsNamed(t *testing.T) {
	e := begin(t)
	undo, err := world.AWS.AddToInstanceProfile(t.Context(), e.mapping.ManagedRoleName())
	e.Expect(err).NotTo(HaveOccurred())

	e.delete(e.mapping)
	e.awaitWords(e.mapping, v1alpha1.ReasonDeleteConflict, "instance profile", e.mapping.ManagedRoleName())
	e.Expect(undo(t.Context())).To(Succeed())

	// A person who has put it right need not wait for the next attempt.
	now := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"annotations":{"`+v1alpha1.AnnotationReconcileAt+`":"now"}}}`))
	e.Expect(client.IgnoreNotFound(world.Cluster.Client.Patch(t.Context(), e.mapping, now))).To(Succeed())
	e.awaitGone(e.mapping)
	e.delete(e.Provider)
	e.nothingIsLeft()
}

func TestADeletionGoesOnWhereItWasWhenTheOperatorStartsAgain(t *testing.T) {
	e := begin(t)
	e.Expect(world.AWS.Control.AddFault(t.Context(), awsfake.Fault{Operation: "DeleteRole", Kind: awsfake.FaultUnavailable})).To(Succeed())
	e.delete(e.mapping)
	e.delete(e.Provider)
	e.awaitWords(e.mapping, v1alpha1.ReasonAWSUnavailable)

	e.Expect(world.Cluster.RestartOperator(t.Context())).To(Succeed())
	e.Expect(world.AWS.Control.ClearFaults(t.Context())).To(Succeed())

	e.nothingIsLeft()
}
