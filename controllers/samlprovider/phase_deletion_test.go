package samlprovider

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/idp/keys"
)

func TestDeletion(t *testing.T) {
	t.Run("takes the provider, then the keys, then the object", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		w.delete()
		_, err := w.reconcile()
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(w.provider().Status.Accounts[0].State).To(Equal(v1alpha1.AccountDeleting), "the ledger says so first")
		g.Expect(w.iam.providers).To(HaveKey(arn))
		g.Expect(w.condition(v1alpha1.ConditionReady).Reason).To(Equal(v1alpha1.ReasonDeleting))

		w.settle()
		g.Expect(w.iam.providers).To(BeEmpty())
		g.Expect(w.client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: keys.SecretName("corp")}, &corev1.Secret{})).To(MatchError(apierrors.IsNotFound, "IsNotFound"))
		g.Expect(w.client.Get(t.Context(), client.ObjectKey{Name: "corp"}, &v1alpha1.SAMLProvider{})).To(MatchError(apierrors.IsNotFound, "IsNotFound"))
	})

	for _, operation := range []string{"Get", "Delete"} {
		t.Run("that IAM denies at "+operation+" names the action, keeps the keys and goes on trying", func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			w.settle()
			w.iam.fails[operation] = iamError(awsiam.Denied)
			w.delete()
			result := w.settle()
			g.Expect(result.RequeueAfter).To(BeNumerically("~", 5*time.Minute, time.Minute))
			g.Expect(w.condition(v1alpha1.ConditionReady).Reason).To(Equal(v1alpha1.ReasonAccessDenied))
			g.Expect(w.condition(v1alpha1.ConditionReady).Message).To(ContainSubstring("lacks iam:SomeSAMLProvider"))
			g.Expect(w.keySecret().Finalizers).To(ConsistOf(KeysFinalizer))
			g.Expect(w.provider().Finalizers).To(ConsistOf(Finalizer))

			delete(w.iam.fails, operation)
			w.now = w.now.Add(10 * time.Minute)
			w.settle()
			g.Expect(w.iam.providers).To(BeEmpty())
			g.Expect(w.client.Get(t.Context(), client.ObjectKey{Name: "corp"}, &v1alpha1.SAMLProvider{})).To(MatchError(apierrors.IsNotFound, "IsNotFound"))
		})
	}

	t.Run("of what lost its tags waits for a person", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		w.iam.providers[arn] = awsiam.SAMLProvider{Metadata: w.iam.providers[arn].Metadata}
		w.delete()
		w.settle()
		g.Expect(w.condition(v1alpha1.ConditionStalled).Reason).To(Equal(v1alpha1.ReasonNotOwned))
		g.Expect(w.iam.providers).To(HaveKey(arn))

		delete(w.iam.providers, arn)
		w.now = w.now.Add(2 * Recheck)
		w.settle()
		g.Expect(w.client.Get(t.Context(), client.ObjectKey{Name: "corp"}, &v1alpha1.SAMLProvider{})).To(MatchError(apierrors.IsNotFound, "IsNotFound"))
	})

	t.Run("of an object whose status was lost still takes its provider", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		p := w.provider()
		p.Status = v1alpha1.SAMLProviderStatus{}
		g.Expect(w.client.Status().Update(t.Context(), p)).To(Succeed())
		w.delete()
		w.settle()
		g.Expect(w.iam.providers).To(BeEmpty())
	})

	t.Run("without any AWS access does not wait when nothing was ever asked of IAM", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.iam.fails["Get"] = iamError(awsiam.NoCredentials)
		w.settle()
		w.delete()
		w.settle()
		g.Expect(w.client.Get(t.Context(), client.ObjectKey{Name: "corp"}, &v1alpha1.SAMLProvider{})).To(MatchError(apierrors.IsNotFound, "IsNotFound"))
	})
}
