package rolemapping

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
)

func TestWhatIsNoLongerAllowedLeavesItsRoleAsItIs(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*world)
		reason string
	}{
		{"allow is taken away", func(w *world) { w.editProvider(func(p *v1alpha1.SAMLProvider) { p.Spec.Allow = nil }) }, v1alpha1.ReasonNotAllowedByProvider},
		{"the mapping is stopped", func(w *world) { w.edit(func(m *v1alpha1.RoleMapping) { m.Spec.Deny = true }) }, v1alpha1.ReasonDenied},
		{"the provider is stopped", func(w *world) { w.editProvider(func(p *v1alpha1.SAMLProvider) { p.Spec.Deny = true }) }, v1alpha1.ReasonDenied},
		{"the provider is gone", deleteProvider, v1alpha1.ReasonProviderNotFound},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, newProvider(), newMapping(managed))
			w.settle()
			w.calls()
			row.change(w)
			w.settle()
			g.Expect(w.condition(v1alpha1.ConditionAccepted).Reason).To(Equal(row.reason))
			g.Expect(w.condition(v1alpha1.ConditionReady).Status).To(Equal(metav1.ConditionFalse))
			g.Expect(w.condition(v1alpha1.ConditionRoleSynced).Reason).To(Equal(v1alpha1.ReasonSynced), "its last word")
			g.Expect(w.mapping().Status.Role).NotTo(BeNil())
			g.Expect(w.mapping().Status.RoleARN).To(BeEmpty())
			g.Expect(w.calls()).To(BeEmpty())
		})
	}
}

func TestASuspendedMappingIsLeftAlone(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed))
	w.settle()
	w.edit(func(m *v1alpha1.RoleMapping) {
		m.Spec.Suspend = true
		m.Spec.Role.Managed.Description = "Something else"
		m.Annotations = map[string]string{v1alpha1.AnnotationReconcileAt: "now"}
	})
	before := w.mapping().Status
	w.calls()
	w.now = w.now.Add(24 * time.Hour)
	g.Expect(w.reconcile().RequeueAfter).To(BeZero())
	g.Expect(w.calls()).To(BeEmpty())
	g.Expect(w.mapping().Status).To(Equal(before))

	w.must(changes[1].spoil(w))
	w.edit(func(m *v1alpha1.RoleMapping) {
		m.Spec.Suspend = false
		m.Spec.Role.Managed.Description = "Uploads reports"
	})
	w.settle()
	g.Expect(w.mapping().Status.Drift).To(HaveValue(And(HaveField("Repaired", true), HaveField("Differences", ConsistOf(HaveField("Field", "maxSessionDuration"))))),
		"what was changed by hand meanwhile is put back")

	w.edit(func(m *v1alpha1.RoleMapping) { m.Spec.Suspend = true })
	w.delete()
	w.settle()
	g.Expect(w.gone()).To(BeTrue(), "a deletion goes on")
	g.Expect(w.absent()).To(BeTrue())
}

func TestTheAnnotationHasIAMLookedAtOnce(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed))
	w.settle()
	w.calls()
	w.reconcile()
	g.Expect(w.calls()).To(BeEmpty())

	w.must(changes[0].spoil(w))
	w.calls()
	w.edit(func(m *v1alpha1.RoleMapping) {
		m.Generation-- // an annotation is no spec
		m.Annotations = map[string]string{v1alpha1.AnnotationReconcileAt: "2026-11-23T12:00:00Z"}
	})
	w.settle()
	g.Expect(w.calls()).To(ContainElement("GetRole"))
	g.Expect(w.mapping().Status.LastHandledReconcileAt).To(Equal("2026-11-23T12:00:00Z"))
	g.Expect(w.mapping().Status.Drift).To(HaveValue(HaveField("Repaired", true)))
	w.reconcile()
	g.Expect(w.calls()).To(BeEmpty())
}
