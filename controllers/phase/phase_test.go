package phase_test

import (
	"context"
	"errors"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/controllers/phase"
	"attache.dev/attache/controllers/status"
)

var (
	resource = schema.GroupResource{Resource: "things"}
	conflict = apierrors.NewConflict(resource, "x", errors.New("changed"))
	exists   = apierrors.NewAlreadyExists(resource, "x")
	errAway  = errors.New("the API server is away")
)

type reconciler struct{}

func TestRunGoesThroughAllPhasesInOrder(t *testing.T) {
	g := NewWithT(t)
	step := func(name string, err error) phase.Phase[reconciler, *[]string] {
		return phase.Phase[reconciler, *[]string]{
			Condition: v1alpha1.ConditionReady,
			Do: func(_ reconciler, _ context.Context, done *[]string) (status.Finding, error) {
				*done = append(*done, name)
				return status.Finding{Message: name}, err
			},
		}
	}
	left := step("left out", nil)
	left.Concerns = func(done *[]string) bool { return len(*done) == 0 }
	var done []string
	findings, failures := phase.Run(t.Context(), reconciler{}, &done, []phase.Phase[reconciler, *[]string]{
		step("first", nil), left, step("second", errAway), step("third", nil),
	})
	g.Expect(done).To(Equal([]string{"first", "second", "third"}), "whatever fails")
	g.Expect(failures).To(ConsistOf(errAway))
	g.Expect(findings).To(HaveLen(3))
	g.Expect(findings[1]).To(And(HaveField("Condition", v1alpha1.ConditionReady), HaveField("Reason", v1alpha1.ReasonKubernetesError), HaveField("Message", errAway.Error())))
}

func TestOnlyConflicts(t *testing.T) {
	for _, row := range []struct {
		name     string
		failures []error
		want     bool
	}{
		{"nothing failed", nil, false},
		{"the object has changed", []error{conflict}, true},
		{"the cache does not have it yet", []error{exists, conflict}, true},
		{"something else failed too", []error{conflict, errAway}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			NewWithT(t).Expect(phase.OnlyConflicts(row.failures)).To(Equal(row.want))
		})
	}
}

func TestFinalizersComeAndGo(t *testing.T) {
	g := NewWithT(t)
	stored := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "x", Finalizers: []string{"others"}}}
	c := fake.NewClientBuilder().WithObjects(stored).Build()
	read := func() *corev1.ConfigMap {
		o := &corev1.ConfigMap{}
		g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(stored), o)).To(Succeed())
		return o
	}
	o, stale := read(), read()
	o.Data = map[string]string{"work": "goes on with what was read"}
	g.Expect(phase.AddFinalizer(t.Context(), c, o, "mine")).To(Succeed())
	g.Expect(o.Data).NotTo(BeEmpty())
	g.Expect(o.Finalizers).To(ConsistOf("others", "mine"))
	g.Expect(read().Finalizers).To(ConsistOf("others", "mine"))
	g.Expect(o.ResourceVersion).To(Equal(read().ResourceVersion))

	g.Expect(phase.AddFinalizer(t.Context(), c, stale, "mine")).To(MatchError(apierrors.IsConflict, "IsConflict"), "nothing is written on top of what was not read")
	version := o.ResourceVersion
	g.Expect(phase.AddFinalizer(t.Context(), c, o, "mine")).To(Succeed())
	g.Expect(read().ResourceVersion).To(Equal(version), "nothing to do")

	g.Expect(phase.RemoveFinalizer(t.Context(), c, o, "mine")).To(Succeed())
	g.Expect(read().Finalizers).To(ConsistOf("others"))
	g.Expect(c.Delete(t.Context(), read())).To(Succeed())
	g.Expect(phase.RemoveFinalizer(t.Context(), c, read(), "others")).To(Succeed())
	gone := stored.DeepCopy()
	g.Expect(phase.RemoveFinalizer(t.Context(), c, gone, "others")).To(Succeed(), "what is gone has none")
}
