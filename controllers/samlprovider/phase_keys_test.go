package samlprovider

import (
	"maps"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp/deploy"
	"attache.dev/attache/idp/keys"
)

func TestKeys(t *testing.T) {
	t.Run("are made once", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		before := w.keySecret().Data
		w.edit(func(p *v1alpha1.SAMLProvider) { p.Spec.Workload.Replicas = ptr.To[int32](3) })
		w.restartOperator()
		w.settle()
		g.Expect(w.keySecret().Data).To(Equal(before))
		g.Expect(w.keySecret().OwnerReferences).To(BeEmpty())
		g.Expect(w.keySecret().Finalizers).To(ConsistOf(KeysFinalizer))
	})

	for name, spoil := range map[string]func(*corev1.Secret){
		"that cannot be read": func(s *corev1.Secret) {
			for k := range maps.Clone(s.Data) {
				s.Data[k] = []byte("garbage")
			}
		},
		"that are empty": func(s *corev1.Secret) { s.Data = nil },
		"that are others than IAM trusts": func(s *corev1.Secret) {
			other, err := keys.Generate(nil, "corp", time.Now())
			if err != nil {
				panic(err)
			}
			if s.Data, err = keys.ToSecretData([]keys.Key{other}); err != nil {
				panic(err)
			}
		},
	} {
		t.Run(name+" stall, and IAM keeps what it has", func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			w.settle()
			good, trusted := w.keySecret(), w.aws.held()
			bad := good.DeepCopy()
			spoil(bad)
			g.Expect(w.client.Update(t.Context(), bad)).To(Succeed())
			w.now = w.now.Add(2 * v1alpha1.DefaultInterval)
			w.settle()
			g.Expect(w.condition(v1alpha1.ConditionStalled).Reason).To(Equal(v1alpha1.ReasonKeyInvalid))
			g.Expect(w.condition(v1alpha1.ConditionKeysReady).Message).To(And(ContainSubstring("attache-system/attache-corp-keys"), ContainSubstring("restore the Secret")))
			g.Expect(w.aws.held()).To(Equal(trusted))
			g.Expect(w.keySecret().Data).To(Equal(bad.Data), "never written over")

			restored := w.keySecret()
			restored.Data = good.Data
			g.Expect(w.client.Update(t.Context(), restored)).To(Succeed())
			w.settle()
			g.Expect(w.condition(v1alpha1.ConditionKeysReady).Status).To(Equal(metav1.ConditionTrue))
		})
	}

	t.Run("that somebody deletes come back the same", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		before := w.keySecret()
		g.Expect(w.client.Delete(t.Context(), before)).To(Succeed())
		g.Expect(w.keySecret().DeletionTimestamp).NotTo(BeNil())
		w.settle()
		g.Expect(w.keySecret().Data).To(Equal(before.Data))
		g.Expect(w.keySecret().DeletionTimestamp).To(BeNil())
		g.Expect(w.condition(v1alpha1.ConditionKeysReady).Status).To(Equal(metav1.ConditionTrue))
	})

	t.Run("that are gone for good are not replaced in silence", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		secret := w.keySecret()
		secret.Finalizers = nil
		g.Expect(w.client.Update(t.Context(), secret)).To(Succeed())
		g.Expect(w.client.Delete(t.Context(), secret)).To(Succeed())
		w.settle()
		g.Expect(w.condition(v1alpha1.ConditionStalled).Reason).To(Equal(v1alpha1.ReasonKeyInvalid))
	})

	t.Run("get their finalizer and labels back", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		secret := w.keySecret()
		secret.Finalizers, secret.Labels = nil, map[string]string{"mine": "stays"}
		g.Expect(w.client.Update(t.Context(), secret)).To(Succeed())
		w.settle()
		g.Expect(w.keySecret().Finalizers).To(ConsistOf(KeysFinalizer))
		g.Expect(w.keySecret().Labels).To(And(HaveKeyWithValue(deploy.LabelProvider, "corp"), HaveKeyWithValue("mine", "stays")))
	})
}
