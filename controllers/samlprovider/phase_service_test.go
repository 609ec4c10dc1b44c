package samlprovider

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp/deploy"
	"attache.dev/attache/internal/tlsca"
)

func TestAnEmergencyStopIsTold(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.settle()
	w.startPods()
	w.settle()
	w.events()
	w.edit(func(p *v1alpha1.SAMLProvider) { p.Spec.Deny = true })
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionReady)).To(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonDenied),
		HaveField("Message", ContainSubstring("setting spec.deny to false"))))
	g.Expect(w.condition(v1alpha1.ConditionStalled)).To(BeZero(), "nobody need be woken up")
	g.Expect(w.condition(v1alpha1.ConditionReconciling)).To(BeZero())
	g.Expect(w.condition(v1alpha1.ConditionProvidersSynced).Status).To(Equal(metav1.ConditionTrue))
	g.Expect(w.provider().Status.ObservedGeneration).To(Equal(w.provider().Generation))
	g.Expect(w.events()).To(ConsistOf(HavePrefix("Warning " + v1alpha1.ReasonDenied)))

	w.edit(func(p *v1alpha1.SAMLProvider) { p.Spec.Deny = false })
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionReady).Status).To(Equal(metav1.ConditionTrue))
}

func TestASuspendedProvider(t *testing.T) {
	suspend := func(p *v1alpha1.SAMLProvider) { p.Spec.Suspend = true }
	resume := func(p *v1alpha1.SAMLProvider) { p.Spec.Suspend = false }

	t.Run("is neither written nor asked about, and catches up at once when it is resumed", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		w.startPods()
		w.settle()
		w.edit(suspend)
		d := &appsv1.Deployment{}
		w.get(deploy.Name("corp"), d)
		g.Expect(w.client.Delete(t.Context(), d)).To(Succeed())
		w.aws.remove()
		before := w.provider()
		w.events()
		w.aws.calls()
		w.writes = 0

		w.now = w.now.Add(2 * v1alpha1.DefaultInterval)
		w.restartOperator()
		w.settle()
		g.Expect(w.writes).To(BeZero())
		g.Expect(w.aws.calls()).To(BeEmpty())
		g.Expect(w.events()).To(BeEmpty())
		g.Expect(w.provider()).To(Equal(before))

		w.edit(resume)
		w.settle()
		g.Expect(w.aws.held()).NotTo(BeNil())
		w.get(deploy.Name("corp"), d)
	})

	t.Run("is not asked about for the first time either", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t, suspend)
		w.settle()
		g.Expect(w.aws.calls()).To(BeEmpty())
		g.Expect(w.hasKeys()).To(BeFalse())
	})

	t.Run("asks IAM when it is resumed, although its last word would hold", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		w.edit(suspend)
		w.settle()
		w.aws.remove()
		w.edit(resume)
		w.settle()
		g.Expect(w.aws.held()).NotTo(BeNil())
	})

	t.Run("goes when it is deleted", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		w.edit(suspend)
		w.delete()
		w.settle()
		g.Expect(w.gone()).To(BeTrue())
		g.Expect(w.aws.held()).To(BeNil())
	})

	t.Run("keeps its serving certificate, without which no credentials would flow", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		before := w.serving()
		w.edit(suspend)
		result := w.settle()
		g.Expect(result.RequeueAfter).To(BeNumerically("~", before.RenewAt().Sub(w.now), time.Hour))
		w.now = w.now.Add(result.RequeueAfter)
		w.settle()
		g.Expect(w.serving().Certificate.NotAfter).To(BeTemporally(">", before.Certificate.NotAfter))
	})
}

// serving is the serving certificate.
func (w *world) serving() *tlsca.Serving {
	w.t.Helper()
	_, s := w.servingSecret()
	return s
}
