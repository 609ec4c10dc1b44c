package controllers_test

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/test/testenv"
)

func TestARoleOfSomebodyElseIsLeftAloneUntilItIsOffered(t *testing.T) {
	w := newWorld(t)
	ns := env.Namespace(t, "reports")
	w.createServingProvider("adoption", allowManaged(ns))
	m := newManaged(ns, "adoption")
	w.aws.makeRole(roleARN(m), foreignTrust, map[string]string{"team": "somebody"})
	before := *w.aws.roleOf(m)
	w.apply(m)
	w.Eventually(w.condition(m, v1alpha1.ConditionStalled)).Should(SatisfyAll(
		HaveField("Reason", v1alpha1.ReasonNotOwned), HaveField("Message", ContainSubstring("offer it by the tag attache.dev/adopt="+ns+"/uploader"))))
	w.Eventually(w.events(m)).Should(ContainElement("Warning NotOwned"))
	w.Expect(*w.aws.roleOf(m)).To(Equal(before))

	w.Expect(w.aws.admin().Roles().Do(t.Context(), roleARN(m), role.Tag(map[string]string{awsiam.TagAdopt: ns + "/uploader"}))).To(Succeed())
	w.lookNow(m)
	w.Expect(w.condition(m, v1alpha1.ConditionRoleSynced)()).To(SatisfyAll(
		HaveField("Reason", v1alpha1.ReasonNotOwned), HaveField("Message", ContainSubstring("set spec.adoption: IfTagged"))))

	update(w, m, func(m *v1alpha1.RoleMapping) { m.Spec.Adoption = v1alpha1.AdoptionIfTagged })
	w.ready(m)
	w.Expect(m.Status.Role.Adopted).To(BeTrue())
	held := w.aws.roleOf(m)
	w.Expect(held.TrustPolicy).To(MatchJSON(trustOf("adoption", ns+"/uploader")))
	w.Expect(held.Tags).To(And(HaveKeyWithValue("team", "reports"), HaveKeyWithValue(awsiam.TagAdopted, "true"),
		HaveKeyWithValue(awsiam.TagObjectUID, string(m.UID)), Not(HaveKey(awsiam.TagAdopt))))
	w.Eventually(w.events(m)).Should(ContainElement("Normal Adopted"))

	w.delete(m)
	w.Eventually(w.gone(m)).Should(BeTrue())
	w.Expect(w.aws.roleOf(m)).NotTo(BeNil(), "what was adopted stays")
	w.Eventually(w.events(m)).Should(ContainElement("Normal Retained"))
}

func TestAdoptionThatAllowDoesNotGiveIsRefused(t *testing.T) {
	w := newWorld(t)
	ns := env.Namespace(t, "reports")
	w.createServingProvider("no-adoption", allowManaged(ns, func(a *v1alpha1.AllowManaged) { a.Adoption = false }))
	m := newManaged(ns, "no-adoption", func(m *v1alpha1.RoleMapping) { m.Spec.Adoption = v1alpha1.AdoptionIfTagged })
	w.aws.makeRole(roleARN(m), foreignTrust, map[string]string{awsiam.TagAdopt: ns + "/uploader"})
	before := *w.aws.roleOf(m)
	w.apply(m)
	w.Eventually(w.condition(m, v1alpha1.ConditionAccepted)).Should(SatisfyAll(
		HaveField("Reason", v1alpha1.ReasonNotAllowedByProvider), HaveField("Message", ContainSubstring("adoption"))))
	w.Expect(*w.aws.roleOf(m)).To(Equal(before))
}

func TestALostLedgerIsRebuiltFromTheTags(t *testing.T) {
	w := newWorld(t)
	ns := env.Namespace(t, "reports")
	w.createServingProvider("rebuilt", allowManaged(ns))
	m := w.apply(newManaged(ns, "rebuilt"))
	w.ready(m)
	before := *m.Status.Role
	w.stop()
	w.loseRoleStatus(m)
	w.startOperator()
	w.ready(m)
	w.Expect(m.Status.Role).To(HaveValue(And(HaveField("ARN", before.ARN), HaveField("State", v1alpha1.RoleSynced), HaveField("Hash", before.Hash))))
	created, err := w.aws.control.Calls(t.Context(), "CreateRole")
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(created).To(HaveLen(1))
}

// TestTwoOperatorsInTwoClustersNeverTouchEachOthersRoles has both at work at once, on real control
// planes, with the same rights in the same account and objects of the same names.
func TestTwoOperatorsInTwoClustersNeverTouchEachOthersRoles(t *testing.T) {
	shared := newFakeAWS(t)
	here := newWorldOn(t, env, "c1c1c1c1-0000-4000-8000-000000000001", shared)
	another := testenv.Another(t)
	here.Expect(prepareCluster(t.Context(), another.Client)).To(Succeed())
	there := newWorldOn(t, another, "c2c2c2c2-0000-4000-8000-000000000002", shared)
	ns := env.Namespace(t, "reports")
	there.namespaceOn(ns, nil)

	here.createServingProvider("shared-roles", allowManaged(ns))
	// The other cluster has a provider of its own, and mappings of the same names.
	there.createServingProvider("shared-roles", allowManaged(ns), func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].ProviderName = "there" })
	mine := here.apply(newManaged(ns, "shared-roles"))
	here.ready(mine)
	before := *shared.roleOf(mine)
	theirs := there.apply(newManaged(ns, "shared-roles", func(m *v1alpha1.RoleMapping) { m.Spec.Adoption = v1alpha1.AdoptionIfTagged }))
	there.Eventually(there.condition(theirs, v1alpha1.ConditionStalled)).Should(HaveField("Reason", v1alpha1.ReasonNotOwned))
	free := there.apply(newManaged(ns, "shared-roles", func(m *v1alpha1.RoleMapping) { m.Name = "free" }))
	there.ready(free)

	// Both restart, and look at the whole account.
	for _, w := range []*world{here, there} {
		w.stop()
		w.startOperator()
	}
	there.lookNow(theirs)
	here.lookNow(mine)
	here.Expect(*shared.roleOf(mine)).To(Equal(before))
	there.Expect(shared.roleOf(free).Tags).To(HaveKeyWithValue(awsiam.TagClusterUID, "c2c2c2c2-0000-4000-8000-000000000002"))

	there.delete(theirs)
	there.Eventually(there.gone(theirs)).Should(BeTrue())
	there.delete(free)
	there.Eventually(there.gone(free)).Should(BeTrue())
	here.Expect(*shared.roleOf(mine)).To(Equal(before))
	here.Expect(shared.roleOf(free)).To(BeNil())
	here.lookNow(mine)
	here.Expect(here.condition(mine, v1alpha1.ConditionReady)()).To(HaveField("Status", metav1.ConditionTrue))
	here.Expect(client.ObjectKeyFromObject(mine)).To(Equal(client.ObjectKeyFromObject(theirs)))
}
