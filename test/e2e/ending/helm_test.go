//go:build e2e

package ending

import (
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/test/harness"
	"attache.dev/attache/test/harness/story"
)

func TestHelmUninstallIsRefusedInWordsAndCanBeTakenBack(t *testing.T) {
	e := begin(t)

	said, err := harness.HelmUninstall(t.Context())
	e.Expect(err).To(HaveOccurred())
	e.Expect(said).To(SatisfyAll(
		ContainSubstring("SAMLProvider "+e.Tenant),
		ContainSubstring("RoleMapping "+e.Tenant+"/uploader"),
		ContainSubstring("attache uninstall --namespace "+harness.Namespace),
	))
	t.Log(said)
	e.Expect(world.Cluster.AwaitDeployment(t.Context(), harness.Namespace, "attache-operator", story.Readiness)).To(Succeed())
	e.Expect(e.inAWS()).To(ConsistOf(e.roleARN(), e.providerARN()))

	// Helm calls the release uninstalling now, and would not upgrade it.
	_, err = harness.Helm(t.Context(), "rollback", "attache", "--namespace", harness.Namespace, "--wait")
	e.Expect(err).NotTo(HaveOccurred())
	e.Expect(world.Cluster.InstallAttache(t.Context(), world.AWS, world.Images.Attache)).To(Succeed())
	e.Expect(world.Cluster.AwaitReady(t.Context(), e.Provider, story.Readiness)).To(Succeed())
}

func TestAChartInstalledAgainCompletesWhatWasPending(t *testing.T) {
	e := begin(t)
	_, err := harness.HelmUninstall(t.Context(), "--no-hooks")
	e.Expect(err).NotTo(HaveOccurred())

	e.delete(e.Provider)
	e.delete(e.mapping)
	for _, o := range []client.Object{e.Provider, e.mapping} {
		e.Expect(world.Cluster.Client.Get(t.Context(), client.ObjectKeyFromObject(o), o)).To(Succeed())
		e.Expect(o.GetFinalizers()).NotTo(BeEmpty())
	}
	e.awaitNoOperator()
	said := e.attache(2, "uninstall", "--yes")
	e.Expect(said).To(ContainSubstring("no operator is installed in namespace " + harness.Namespace))

	e.Expect(install(t.Context())).To(Succeed())
	e.nothingIsLeft()
}

func TestWhereTheChartWentFirstAnAdministratorFinishes(t *testing.T) {
	e := begin(t)
	said := e.attache(2, "uninstall", "--here", "--yes")
	e.Expect(said).To(ContainSubstring("two must never work at once"))
	_, err := harness.HelmUninstall(t.Context(), "--no-hooks")
	e.Expect(err).NotTo(HaveOccurred())

	e.attache(0, "uninstall", "--here", "--yes")
	e.nothingIsLeft()
}

func TestTheDefinitionsTakeTheirObjectsWithThem(t *testing.T) {
	e := begin(t)

	_, err := harness.Kubectl(t.Context(), "delete", "crd", "samlproviders.attache.dev", "rolemappings.attache.dev", "--timeout=2m")
	e.Expect(err).NotTo(HaveOccurred())
	e.Expect(e.inAWS()).To(BeEmpty())

	said := e.attache(0, "uninstall", "--check")
	e.Expect(said).To(ContainSubstring("Nothing is left"))
	_, err = harness.HelmUninstall(t.Context())
	e.Expect(err).NotTo(HaveOccurred())
	e.Expect(install(t.Context())).To(Succeed())
	e.Expect(meta.IsNoMatchError(world.Cluster.Client.List(t.Context(), &v1alpha1.SAMLProviderList{}))).To(BeFalse())
}
