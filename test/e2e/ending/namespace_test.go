//go:build e2e

package ending

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/test/harness"
	"attache.dev/attache/test/harness/story"
)

func namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func TestATenantsNamespaceTakesItsRolesWithIt(t *testing.T) {
	e := begin(t)

	e.delete(namespace(e.Tenant))
	e.awaitGone(e.mapping)
	e.awaitGone(namespace(e.Tenant))

	e.Expect(e.inAWS()).To(ConsistOf(e.providerARN()))
	e.Expect(world.Cluster.AwaitReady(t.Context(), e.Provider, story.Readiness)).To(Succeed())
	e.delete(e.Provider)
	e.nothingIsLeft()
}

func TestTheOperatorsNamespaceIsNotDeletedWhileAProviderExists(t *testing.T) {
	e := begin(t)

	err := world.Cluster.Client.Delete(t.Context(), namespace(harness.Namespace))
	e.Expect(err).To(MatchError(SatisfyAll(
		ContainSubstring("exists, and only the operator in this namespace takes what belongs to it out of AWS"),
		ContainSubstring("attache uninstall --namespace "+harness.Namespace),
	)))
	t.Log(err)

	e.delete(e.mapping)
	e.awaitGone(e.mapping)
	e.delete(e.Provider)
	e.nothingIsLeft()
	e.Eventually(func() error {
		return world.Cluster.Client.Delete(t.Context(), namespace(harness.Namespace))
	}, "10s", "200ms").Should(Succeed())
	e.awaitGone(namespace(harness.Namespace))
}

func TestWhereTheOperatorsNamespaceWentFirstAnAdministratorFinishes(t *testing.T) {
	e := begin(t, "uninstallGuard.namespaceDeletion=false")
	e.delete(namespace(harness.Namespace))
	e.awaitNoOperator()

	e.delete(e.Provider)
	said := e.attache(2, "uninstall", "--yes")
	e.Expect(said).To(ContainSubstring("is being deleted, so that no operator can start in it: do its work with --here"))
	e.Expect(e.inAWS()).To(ConsistOf(e.roleARN(), e.providerARN()))

	said = e.attache(0, "uninstall", "--here", "--yes")
	e.Expect(said).To(ContainSubstring("kubectl delete crd"))
	e.Expect(said).NotTo(ContainSubstring("helm uninstall"))

	e.nothingIsLeft()
	e.awaitGone(namespace(harness.Namespace))
}
