package controllers_test

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
)

const uploader = "arn:aws:iam::111122223333:role/reports-uploader"

func TestAMappingBecomesReadyWithoutBeingTouched(t *testing.T) {
	for _, row := range []struct {
		name string
		// provider is what there is of it when the mapping is made; nil for nothing.
		provider func(*v1alpha1.SAMLProvider)
		role     string
		reason   string
		says     string
		stalled  bool
		// fix is what the provider's owner does then.
		fix func(namespace string) func(*v1alpha1.SAMLProvider)
	}{
		{
			name: "absent", role: uploader,
			reason: v1alpha1.ReasonProviderNotFound, says: `SAMLProvider "absent" does not exist: create it`,
			fix: func(namespace string) func(*v1alpha1.SAMLProvider) {
				return allow(namespace, "arn:aws:iam::111122223333:role/reports-*")
			},
		},
		{
			name: "allows-nothing", role: uploader, provider: func(*v1alpha1.SAMLProvider) {},
			reason: v1alpha1.ReasonNotAllowedByProvider, says: "ask its owner to add", stalled: true,
			fix: func(namespace string) func(*v1alpha1.SAMLProvider) {
				return allow(namespace, "arn:aws:iam::111122223333:role/reports-*")
			},
		},
		{
			name: "allows-others", role: uploader, provider: allow("billing", "arn:aws:iam::111122223333:role/*"),
			reason: v1alpha1.ReasonNotAllowedByProvider, says: "has no entry for namespace", stalled: true,
			fix: func(namespace string) func(*v1alpha1.SAMLProvider) {
				return allow(namespace, uploader)
			},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			ns := env.Namespace(t, "reports")
			var p *v1alpha1.SAMLProvider
			if row.provider != nil {
				p = w.createProvider(row.name, row.provider)
			}
			m := newMapping(ns, row.name, row.role)
			w.Expect(env.Client.Create(t.Context(), m)).To(Succeed())
			w.Eventually(w.condition(m, v1alpha1.ConditionAccepted)).Should(SatisfyAll(
				HaveField("Status", metav1.ConditionFalse),
				HaveField("Reason", row.reason),
				HaveField("Message", ContainSubstring(row.says))))
			w.Expect(w.condition(m, v1alpha1.ConditionStalled)().Status == metav1.ConditionTrue).To(Equal(row.stalled))
			w.Eventually(w.notes(m)).Should(ContainElement(And(HavePrefix("Warning "+row.reason), ContainSubstring(row.says))))

			if p == nil {
				p = w.createProvider(row.name, row.fix(ns))
			} else {
				update(w, p, row.fix(ns))
			}
			w.runPods(row.name)
			w.Eventually(w.condition(m, v1alpha1.ConditionReady)).Should(HaveField("Status", metav1.ConditionTrue))
			w.Expect(m.Generation).To(BeEquivalentTo(1))
			w.Expect(m.Status.ObservedGeneration).To(BeEquivalentTo(1))
			w.Expect(m.Status.RoleARN).To(Equal(row.role))
			w.Expect(m.Status.ProviderARN).To(Equal("arn:aws:iam::111122223333:saml-provider/" + row.name))

			w.Expect(env.Client.Delete(t.Context(), p)).To(Succeed())
			w.Eventually(w.condition(m, v1alpha1.ConditionReady)).Should(HaveField("Reason", v1alpha1.ReasonProviderNotFound))
			w.Expect(m.Status.ProviderARN).To(BeEmpty())
		})
	}
}

func TestAMappingOfAnAccountThatIsNotListedSaysSo(t *testing.T) {
	w := newWorld(t)
	ns := env.Namespace(t, "reports")
	w.createProvider("one-account", allow(ns, "arn:aws:iam::444455556666:role/*"))
	m := newMapping(ns, "one-account", "arn:aws:iam::444455556666:role/reports-uploader")
	w.Expect(env.Client.Create(t.Context(), m)).To(Succeed())
	w.Eventually(w.condition(m, v1alpha1.ConditionStalled)).Should(SatisfyAll(
		HaveField("Reason", v1alpha1.ReasonAccountNotListed),
		HaveField("Message", And(ContainSubstring("444455556666"), ContainSubstring("111122223333")))))
}

func TestAMappingWaitsForItsProvider(t *testing.T) {
	w := newWorld(t)
	ns := env.Namespace(t, "reports")
	p := w.createProvider("slow", allow(ns, uploader))
	m := newMapping(ns, "slow", uploader)
	w.Expect(env.Client.Create(t.Context(), m)).To(Succeed())
	w.Eventually(w.condition(p, v1alpha1.ConditionProvidersSynced)).Should(HaveField("Status", metav1.ConditionTrue))
	w.Eventually(w.condition(m, v1alpha1.ConditionReady)).Should(SatisfyAll(
		HaveField("Reason", v1alpha1.ReasonProviderNotReady), HaveField("Message", ContainSubstring("No pod of SAMLProvider"))))
	w.Expect(w.condition(m, v1alpha1.ConditionAccepted)()).To(HaveField("Status", metav1.ConditionTrue))
	w.Expect(w.condition(m, v1alpha1.ConditionReconciling)()).To(HaveField("Status", metav1.ConditionTrue))
}

func TestManyMappingsOfAnUnchangedProviderCauseNoWrites(t *testing.T) {
	const many = 200
	w := newWorld(t)
	ns := env.Namespace(t, "many")
	p := w.createProvider("popular", allow(ns, uploader))
	w.runPods("popular")
	w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(HaveField("Status", metav1.ConditionTrue))
	w.settle()
	before := w.writes.Load()
	for i := range many {
		m := newMapping(ns, "popular", uploader)
		m.Name = fmt.Sprintf("uploader-%d", i)
		w.Expect(env.Client.Create(t.Context(), m)).To(Succeed())
	}
	w.Eventually(w.writes.Load).Should(BeEquivalentTo(before+many), "one status each")
	w.settle()
	w.touch(p)
	w.Consistently(w.writes.Load).Should(BeEquivalentTo(before + many))
}
