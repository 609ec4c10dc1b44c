package controllers_test

import (
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/test/awsfake"
)

func TestAnOfferedProviderIsAdoptedAndOutlivesItsObject(t *testing.T) {
	w := newWorld(t)
	w.createForeign("adopted")
	w.aws.tag("adopted", awsiam.TagAdopt, "adopted")
	w.aws.tag("adopted", "team", "identity")
	p := w.createProvider("adopted", func(p *v1alpha1.SAMLProvider) { p.Spec.Adoption = v1alpha1.AdoptionIfTagged })
	w.Eventually(w.condition(p, v1alpha1.ConditionProvidersSynced)).Should(HaveField("Status", metav1.ConditionTrue))
	w.Expect(p.Status.Accounts).To(ConsistOf(HaveField("Adopted", true)))
	w.Expect(w.aws.tags("adopted")).To(And(
		HaveKeyWithValue(awsiam.TagObjectUID, string(p.UID)), HaveKeyWithValue(awsiam.TagAdopted, "true"),
		HaveKeyWithValue("team", "identity"), Not(HaveKey(awsiam.TagAdopt))))
	w.Expect(*w.aws.provider("adopted").SAMLMetadataDocument).To(ContainSubstring(p.Spec.Issuer))
	w.Eventually(w.events(p)).Should(ContainElement("Normal Adopted"))

	w.loseStatus(p)
	w.Eventually(func() []v1alpha1.AccountStatus {
		w.condition(p, v1alpha1.ConditionReady)()
		return p.Status.Accounts
	}).Should(ConsistOf(HaveField("Adopted", true)), "rebuilt from the tags")

	before := w.aws.provider("adopted")
	w.Expect(env.Client.Delete(t.Context(), p)).To(Succeed())
	w.Eventually(w.gone(p)).Should(BeTrue())
	after := w.aws.provider("adopted")
	w.Expect(after.SAMLMetadataDocument).To(Equal(before.SAMLMetadataDocument))
	w.Expect(after.Tags).To(Equal(before.Tags))

	t.Run("and an object of the same name takes it up again", func(*testing.T) {
		again := w.createProvider("adopted", func(p *v1alpha1.SAMLProvider) {
			p.Spec.Adoption, p.Spec.DeletionPolicy = v1alpha1.AdoptionIfTagged, v1alpha1.DeletionDelete
		})
		w.Eventually(w.condition(again, v1alpha1.ConditionProvidersSynced)).Should(HaveField("Status", metav1.ConditionTrue))
		w.Expect(env.Client.Delete(t.Context(), again)).To(Succeed())
		w.Eventually(w.gone(again)).Should(BeTrue())
		w.Expect(w.aws.provider("adopted")).To(BeNil(), "its deletionPolicy says so")
	})
}

func TestARetainedProviderStaysInIAM(t *testing.T) {
	w := newWorld(t)
	p := w.createProvider("retained", func(p *v1alpha1.SAMLProvider) { p.Spec.DeletionPolicy = v1alpha1.DeletionRetain })
	w.Eventually(w.condition(p, v1alpha1.ConditionProvidersSynced)).Should(HaveField("Status", metav1.ConditionTrue))
	w.aws.disturb(awsfake.Fault{Operation: awsfake.AnyOperation, Kind: awsfake.FaultUnavailable})
	w.Expect(env.Client.Delete(t.Context(), p)).To(Succeed())
	w.Eventually(w.gone(p)).Should(BeTrue(), "no call is made")
	w.Eventually(w.notes(p)).Should(ContainElement(And(HavePrefix("Normal Retained"), ContainSubstring("spec.deletionPolicy is Retain"))))
	w.aws.mend()
	w.Expect(w.aws.provider("retained")).NotTo(BeNil())
}

func TestDriftIsRepairedAndTold(t *testing.T) {
	w := newWorld(t)
	p := w.createProvider("drift")
	w.Eventually(w.condition(p, v1alpha1.ConditionProvidersSynced)).Should(HaveField("Status", metav1.ConditionTrue))
	good := *w.aws.provider("drift").SAMLMetadataDocument

	for _, row := range []struct {
		name   string
		drifts func()
		field  string
	}{
		{"metadata with another key", func() { w.aws.setMetadata("drift", w.foreignMetadata(p.Spec.Issuer)) }, "keys["},
		{"a tag", func() { w.aws.tag("drift", awsiam.TagName, "other") }, "tags[attache.dev/name]"},
		{"a provider that is deleted by hand", func() { w.aws.delete("drift") }, "providerARN"},
	} {
		t.Run(row.name, func(*testing.T) {
			row.drifts()
			w.reconcileNow(p)
			w.Eventually(func() *v1alpha1.Drift {
				w.condition(p, v1alpha1.ConditionReady)()
				return p.Status.Accounts[0].Drift
			}).Should(And(Not(BeNil()), HaveField("Repaired", true), HaveField("Differences", ContainElement(HaveField("Field", HavePrefix(row.field))))))
			w.Expect(*w.aws.provider("drift").SAMLMetadataDocument).To(Equal(good))
			w.Expect(w.aws.tags("drift")).To(HaveKeyWithValue(awsiam.TagName, "drift"))
			w.Eventually(w.notes(p)).Should(ContainElement(And(HavePrefix("Normal DriftRepaired"), ContainSubstring(row.field))))
		})
	}
}

func TestAQuotaThatIsUsedUpIsToldAndTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.aws.disturb(awsfake.Fault{Operation: "CreateSAMLProvider", Kind: awsfake.FaultFail, Status: http.StatusConflict, Code: "LimitExceeded"})
	p := w.createProvider("quota")
	w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(HaveField("Reason", v1alpha1.ReasonQuotaExceeded))
	w.Expect(w.condition(p, v1alpha1.ConditionStalled)()).To(BeZero(), "it is tried again each interval")
	w.aws.mend()
	w.reconcileNow(p)
	w.Eventually(w.condition(p, v1alpha1.ConditionProvidersSynced)).Should(HaveField("Status", metav1.ConditionTrue))
}

func TestTwoClustersOnOneAccountLeaveEachOtherAlone(t *testing.T) {
	w := newWorld(t)
	w.createForeign("shared")
	other := awsiam.Owner{ClusterUID: "another-cluster", ObjectUID: "another-object", Name: "shared"}
	for k, v := range other.Tags() {
		w.aws.tag("shared", k, v)
	}
	before := w.aws.provider("shared")
	p := w.createProvider("shared", func(p *v1alpha1.SAMLProvider) { p.Spec.Adoption = v1alpha1.AdoptionIfTagged })
	w.Eventually(w.condition(p, v1alpha1.ConditionStalled)).Should(HaveField("Reason", v1alpha1.ReasonNotOwned))
	w.Expect(env.Client.Delete(t.Context(), p)).To(Succeed())
	w.Eventually(w.gone(p)).Should(BeTrue())
	after := w.aws.provider("shared")
	w.Expect(after.SAMLMetadataDocument).To(Equal(before.SAMLMetadataDocument))
	w.Expect(after.Tags).To(Equal(before.Tags))
}
