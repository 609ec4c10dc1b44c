package ssa_test

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"attache.dev/attache/controllers/ssa"
)

const label = "attache.dev/provider"

var (
	owner = &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "corp", UID: "u1"}}
	key   = client.ObjectKey{Namespace: "attache-system", Name: "attache-corp"}
)

func account(name string) *corev1ac.ServiceAccountApplyConfiguration {
	return corev1ac.ServiceAccount(key.Name, key.Namespace).
		WithLabels(map[string]string{label: owner.Name}).
		WithAnnotations(map[string]string{"note": name})
}

func newApplier(t *testing.T, objects ...client.Object) (a *ssa.Applier, c client.Client, applied *int) {
	t.Helper()
	applied = new(int)
	c = fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithObjects(objects...).WithReturnManagedFields().
		WithInterceptorFuncs(interceptor.Funcs{
			Apply: func(ctx context.Context, c client.WithWatch, o runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
				*applied++
				return c.Apply(ctx, o, opts...)
			},
		}).Build()
	return &ssa.Applier{Client: c, Label: label, Cached: func(kind schema.GroupVersionKind) client.Object {
		o := &metav1.PartialObjectMetadata{}
		o.SetGroupVersionKind(kind)
		return o
	}}, c, applied
}

func TestWhatStandsAsAppliedIsNotAppliedAgain(t *testing.T) {
	g := NewWithT(t)
	a, c, applied := newApplier(t)
	for range 3 {
		g.Expect(a.Apply(t.Context(), owner, account("one"))).To(Succeed())
	}
	g.Expect(*applied).To(Equal(1))

	g.Expect(a.Apply(t.Context(), owner, account("two"))).To(Succeed())
	g.Expect(*applied).To(Equal(2), "another configuration")

	touched := &corev1.ServiceAccount{}
	g.Expect(c.Get(t.Context(), key, touched)).To(Succeed())
	touched.Annotations["note"] = "touched"
	g.Expect(c.Update(t.Context(), touched)).To(Succeed())
	g.Expect(a.Apply(t.Context(), owner, account("two"))).To(Succeed())
	g.Expect(*applied).To(Equal(3), "an object that was touched")
	g.Expect(c.Get(t.Context(), key, touched)).To(Succeed())
	g.Expect(touched.Annotations).To(HaveKeyWithValue("note", "two"))

	g.Expect(c.Delete(t.Context(), touched)).To(Succeed())
	g.Expect(a.Apply(t.Context(), owner, account("two"))).To(Succeed())
	g.Expect(*applied).To(Equal(4), "an object that was deleted")

	a.Forget(owner.UID)
	g.Expect(a.Apply(t.Context(), owner, account("two"))).To(Succeed())
	g.Expect(*applied).To(Equal(5), "an object of which nothing is remembered")
}

func TestOnlyTheOwnersObjectsAreTakenOver(t *testing.T) {
	controlledBy := func(name string, uid types.UID) []metav1.OwnerReference {
		return []metav1.OwnerReference{{APIVersion: "v1", Kind: "Namespace", Name: name, UID: uid, Controller: new(true)}}
	}
	for _, row := range []struct {
		name string
		meta metav1.ObjectMeta
		// says is part of the refusal; empty for the owner's.
		says string
	}{
		{"controlled by the owner", metav1.ObjectMeta{OwnerReferences: controlledBy("corp", "u1")}, ""},
		{"controlled by a former owner of the same name", metav1.ObjectMeta{OwnerReferences: controlledBy("corp", "u0"), Labels: map[string]string{label: "corp"}}, ssa.ErrLeftover.Error()},
		{"controlled by another", metav1.ObjectMeta{OwnerReferences: controlledBy("other", "u2"), Labels: map[string]string{label: "corp"}}, "was not made for corp"},
		{"with the owner's label", metav1.ObjectMeta{Labels: map[string]string{label: "corp"}}, ""},
		{"with another's label", metav1.ObjectMeta{Labels: map[string]string{label: "other"}}, "was not made for corp"},
		{"with nothing that says whose it is", metav1.ObjectMeta{}, "was not made for corp"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			row.meta.Namespace, row.meta.Name = key.Namespace, key.Name
			a, _, applied := newApplier(t, &corev1.ServiceAccount{ObjectMeta: row.meta})
			err := a.Apply(t.Context(), owner, account("one"))
			if row.says == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(ContainSubstring(row.says)))
			g.Expect(*applied).To(BeZero())
		})
	}
}

func TestAnObjectThatLostItsMarksIsStillTheOwners(t *testing.T) {
	g := NewWithT(t)
	a, c, _ := newApplier(t)
	g.Expect(a.Apply(t.Context(), owner, account("one"))).To(Succeed())
	stripped := &corev1.ServiceAccount{}
	g.Expect(c.Get(t.Context(), key, stripped)).To(Succeed())
	stripped.Labels = nil
	g.Expect(c.Update(t.Context(), stripped)).To(Succeed())
	g.Expect(a.Apply(t.Context(), owner, account("one"))).To(Succeed())
	g.Expect(c.Get(t.Context(), key, stripped)).To(Succeed())
	g.Expect(stripped.Labels).To(HaveKeyWithValue(label, "corp"))
}
