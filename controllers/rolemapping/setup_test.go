package rolemapping

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp/mapping"
)

func TestAMappingHearsOnlyOfWhatItCanTell(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*v1alpha1.SAMLProvider)
		hears  bool
	}{
		{"another spec", func(p *v1alpha1.SAMLProvider) { p.Generation++ }, true},
		{"another active key", func(p *v1alpha1.SAMLProvider) { p.Status.Accounts[0].ActiveKey = "fedcba9876543210" }, true},
		{"another account's end", func(p *v1alpha1.SAMLProvider) {
			p.Status.Accounts = append(p.Status.Accounts, v1alpha1.AccountStatus{ID: "444455556666", State: v1alpha1.AccountFailed})
		}, false},
		{"the end of its account", func(p *v1alpha1.SAMLProvider) { p.Status.Accounts = nil }, true},
		{"a workload without ready pods", func(p *v1alpha1.SAMLProvider) {
			setWorkload(p, metav1.ConditionFalse, v1alpha1.ReasonWorkloadUnavailable)
		}, true},
		{"another time of the last look at IAM", func(p *v1alpha1.SAMLProvider) {
			p.Status.Accounts[0].LastSyncTime = ptr.To(metav1.Now())
		}, false},
		{"another condition", func(p *v1alpha1.SAMLProvider) {
			meta.SetStatusCondition(&p.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionKeysReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonKeyActive})
		}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, newProvider(), newMapping())
			q := newQueue(t)
			w.reconciler.onProvider().Update(t.Context(), event.UpdateEvent{ObjectOld: newProvider(), ObjectNew: newProvider(row.change)}, q)
			g.Expect(q.Len() == 1).To(Equal(row.hears))
		})
	}
}

func TestAMappingHearsOfTheLabelsOfItsNamespace(t *testing.T) {
	namespace := func(name, label string) *metav1.PartialObjectMetadata {
		return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"tenant": label}}}
	}
	for _, row := range []struct {
		name   string
		change event.UpdateEvent
		calls  int
	}{
		{"its own, changed", event.UpdateEvent{ObjectOld: namespace("reports", "a"), ObjectNew: namespace("reports", "b")}, 1},
		{"its own, unchanged", event.UpdateEvent{ObjectOld: namespace("reports", "a"), ObjectNew: namespace("reports", "a")}, 0},
		{"another's, changed", event.UpdateEvent{ObjectOld: namespace("billing", "a"), ObjectNew: namespace("billing", "b")}, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, newProvider(), newMapping())
			q := newQueue(t)
			w.reconciler.onNamespace().Update(t.Context(), row.change, q)
			NewWithT(t).Expect(q.Len()).To(Equal(row.calls))
		})
	}
}

func TestAMappingThatWaitsForAPlaceHearsWhenOneIsFree(t *testing.T) {
	g := NewWithT(t)
	first := newMapping(managed, func(m *v1alpha1.RoleMapping) {
		m.Name, m.UID = "first", "0b0b0b0b-0000-4000-8000-000000000002"
		m.CreationTimestamp.Time = m.CreationTimestamp.Add(-time.Hour)
	})
	w := newWorld(t, newProvider(func(p *v1alpha1.SAMLProvider) { p.Spec.Allow[0].Managed.MaxRoles = ptr.To[int32](1) }), newMapping(managed), first.DeepCopy())
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionAccepted).Reason).To(Equal(v1alpha1.ReasonTooManyRoles))

	w.must(w.client.Delete(t.Context(), first))
	q := newQueue(t)
	w.reconciler.onDeparture().Delete(t.Context(), event.DeleteEvent{Object: first}, q)
	g.Expect(q.Len()).To(Equal(1))
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionReady).Status).To(Equal(metav1.ConditionTrue))

	q = newQueue(t)
	w.reconciler.onDeparture().Delete(t.Context(), event.DeleteEvent{Object: first}, q)
	g.Expect(q.Len()).To(BeZero(), "nobody waits any more")
}

func newQueue(t *testing.T) queue {
	t.Helper()
	q := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[ctrl.Request]())
	t.Cleanup(q.ShutDown)
	return q
}

func TestANamespaceChosenByItsLabels(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(func(p *v1alpha1.SAMLProvider) {
		p.Spec.Allow[0].Namespaces = v1alpha1.NamespaceSelection{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"tenant": "reports"}}}
	}), newMapping(managed))
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionAccepted).Reason).To(Equal(v1alpha1.ReasonNotAllowedByProvider))

	w.must(w.client.Update(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: key.Namespace, Labels: map[string]string{"tenant": "reports"}}}))
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionReady).Status).To(Equal(metav1.ConditionTrue))
}

func TestAMappingThatIsGoneIsForgotten(t *testing.T) {
	g := NewWithT(t)
	for _, m := range []*v1alpha1.RoleMapping{newMapping(), newMapping(managed)} {
		w := newWorld(t, newProvider(), m)
		w.settle()
		w.restartOperator()
		w.settle()
		w.reconciler.onDeparture().Delete(t.Context(), event.DeleteEvent{Object: m}, newQueue(t))
		g.Expect(w.reconciler.looks.first).To(BeEmpty())
		g.Expect(w.reconciler.looks.trust).To(BeEmpty())
		g.Expect(w.reconciler.attempts.Succeeded(m.UID)).To(BeZero())
	}
}

// BenchmarkReconcileUnchanged is what each of thousands of mappings costs when its provider calls.
func BenchmarkReconcileUnchanged(b *testing.B) {
	r := &Reconciler{}
	p, m := newProvider(), newMapping(managed)
	for b.Loop() {
		if s := r.scopeOf(p, m, mapping.Facts{}); s.accept().Reason != v1alpha1.ReasonAccepted {
			b.Fatal("the mapping should be accepted")
		}
	}
}
