package controllers_test

import (
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp/deploy"
	"attache.dev/attache/test/awsfake"
)

func TestASuspendedProviderIsLeftAloneUntilItIsResumed(t *testing.T) {
	w := newWorld(t)
	p := w.createProvider("suspended")
	w.runPods("suspended")
	w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(HaveField("Status", metav1.ConditionTrue))
	update(w, p, func(p *v1alpha1.SAMLProvider) { p.Spec.Suspend = true })
	w.settle()

	w.aws.delete("suspended")
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: deploy.Name("suspended")}}
	w.Expect(env.Client.Delete(t.Context(), d)).To(Succeed())
	told, writes := w.condition(p, v1alpha1.ConditionReady)(), w.writes.Load()
	update(w, p, func(p *v1alpha1.SAMLProvider) {
		metav1.SetMetaDataAnnotation(&p.ObjectMeta, v1alpha1.AnnotationReconcileAt, "now")
	})
	w.stop()
	w.startOperator()
	w.Consistently(w.writes.Load).Should(Equal(writes))
	w.Expect(w.condition(p, v1alpha1.ConditionReady)()).To(Equal(told))
	w.Expect(w.aws.provider("suspended")).To(BeNil())

	update(w, p, func(p *v1alpha1.SAMLProvider) { p.Spec.Suspend = false })
	w.runPods("suspended")
	w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(SatisfyAll(
		HaveField("Status", metav1.ConditionTrue), HaveField("ObservedGeneration", p.Generation)))
	w.Expect(w.aws.provider("suspended")).NotTo(BeNil())
	w.Expect(p.Status.LastHandledReconcileAt).To(Equal("now"))

	t.Run("and goes although it is suspended", func(*testing.T) {
		update(w, p, func(p *v1alpha1.SAMLProvider) { p.Spec.Suspend = true })
		w.Expect(env.Client.Delete(t.Context(), p)).To(Succeed())
		w.Eventually(w.gone(p)).Should(BeTrue())
		w.Expect(w.aws.provider("suspended")).To(BeNil())
	})
}

func TestAnEmergencyStopIsToldAndWakesNobodyUp(t *testing.T) {
	w := newWorld(t)
	p := w.createProvider("denied")
	w.runPods("denied")
	w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(HaveField("Status", metav1.ConditionTrue))
	update(w, p, func(p *v1alpha1.SAMLProvider) { p.Spec.Deny = true })
	w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(SatisfyAll(
		HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonDenied), HaveField("Message", ContainSubstring("setting spec.deny to false"))))
	w.Expect(w.condition(p, v1alpha1.ConditionStalled)()).To(BeZero())
	w.Expect(w.condition(p, v1alpha1.ConditionReconciling)()).To(BeZero())
	w.Expect(p.Status.ObservedGeneration).To(Equal(p.Generation))
	w.Eventually(w.events(p)).Should(ContainElement("Warning Denied"))

	update(w, p, func(p *v1alpha1.SAMLProvider) { p.Spec.Deny = false })
	w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(HaveField("Status", metav1.ConditionTrue))
}

func TestReconcileAtAsksIAMAtOnceWhateverWaits(t *testing.T) {
	for _, row := range []struct {
		name   string
		fault  awsfake.Fault
		reason string
	}{
		{"throttled-back-off", awsfake.Fault{Kind: awsfake.FaultThrottle}, v1alpha1.ReasonThrottled},
		{"denied-for-minutes", awsfake.Fault{Kind: awsfake.FaultDeny}, v1alpha1.ReasonAccessDenied},
		{"stalled-for-good", awsfake.Fault{Kind: awsfake.FaultFail, Status: http.StatusBadRequest, Code: "InvalidInput"}, v1alpha1.ReasonInvalidRequest},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			row.fault.Operation = "GetSAMLProvider"
			w.aws.disturb(row.fault)
			p := w.createProvider(row.name)
			w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(HaveField("Reason", row.reason))
			w.aws.mend()
			w.reconcileNow(p)
			// Less than any of the delays that were under way.
			w.Eventually(w.condition(p, v1alpha1.ConditionProvidersSynced)).WithTimeout(4 * time.Second).Should(HaveField("Status", metav1.ConditionTrue))
		})
	}

	t.Run("the interval", func(t *testing.T) {
		w := newWorld(t)
		p := w.createProvider("interval", func(p *v1alpha1.SAMLProvider) { p.Spec.Interval = &metav1.Duration{Duration: 24 * time.Hour} })
		w.Eventually(w.condition(p, v1alpha1.ConditionProvidersSynced)).Should(HaveField("Status", metav1.ConditionTrue))
		w.aws.delete("interval")
		w.touch(p)
		w.Consistently(func() bool { return w.aws.provider("interval") == nil }).Should(BeTrue(), "it is not time")
		w.reconcileNow(p)
		w.Eventually(func() bool { return w.aws.provider("interval") != nil }).Should(BeTrue())
	})
}

func TestDriftIsFoundWhenTheIntervalIsOver(t *testing.T) {
	w := newWorld(t)
	p := w.createProvider("over", func(p *v1alpha1.SAMLProvider) { p.Spec.Interval = &metav1.Duration{Duration: 6 * time.Hour} })
	w.Eventually(w.condition(p, v1alpha1.ConditionProvidersSynced)).Should(HaveField("Status", metav1.ConditionTrue))
	w.aws.delete("over")
	w.ahead.Store(int64(4 * time.Hour))
	w.touch(p)
	w.Consistently(func() bool { return w.aws.provider("over") == nil }).Should(BeTrue(), "it is not time")

	w.ahead.Store(int64(6 * time.Hour))
	update(w, p, func(p *v1alpha1.SAMLProvider) { metav1.SetMetaDataAnnotation(&p.ObjectMeta, "touched", "again") })
	w.Eventually(func() bool { return w.aws.provider("over") != nil }).Should(BeTrue())
	w.Eventually(w.events(p)).Should(ContainElement("Normal DriftRepaired"))
}
