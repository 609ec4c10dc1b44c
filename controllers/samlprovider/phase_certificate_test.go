package samlprovider

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/controllers/cabundle"
	"attache.dev/attache/idp/deploy"
	"attache.dev/attache/internal/tlsca"
)

func TestTheServingCertificate(t *testing.T) {
	t.Run("is for the names of the Service", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		secret, s := w.servingSecret()
		g.Expect(secret.Type).To(Equal(corev1.SecretTypeTLS))
		g.Expect(s.Certificate.DNSNames).To(ConsistOf("attache-corp.attache-system.svc", "attache-corp.attache-system", "attache-corp.attache-system.svc.cluster.local", "attache-corp"))
		g.Expect(metav1.IsControlledBy(secret, w.provider())).To(BeTrue())
	})
	t.Run("is renewed in time", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		_, before := w.servingSecret()
		w.now = w.now.Add(61 * 24 * time.Hour)
		w.settle()
		_, after := w.servingSecret()
		g.Expect(after.Certificate.NotAfter).To(BeTemporally(">", before.Certificate.NotAfter))
	})
	t.Run("is repaired when touched", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		secret, _ := w.servingSecret()
		secret.Data[tlsca.CertificateKey] = []byte("garbage")
		secret.Labels, secret.OwnerReferences = nil, nil
		g.Expect(w.client.Update(t.Context(), secret)).To(Succeed())
		w.settle()
		secret, _ = w.servingSecret()
		g.Expect(secret.Labels).To(HaveKeyWithValue(deploy.LabelProvider, "corp"))
		g.Expect(metav1.IsControlledBy(secret, w.provider())).To(BeTrue())
	})
	t.Run("waits for the authority", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		ca := &corev1.Secret{}
		w.get(cabundle.Name, ca)
		g.Expect(w.client.Delete(t.Context(), ca)).To(Succeed())
		w.settle()
		w.startPods()
		w.settle()
		g.Expect(w.condition(v1alpha1.ConditionWorkloadReady).Message).To(ContainSubstring("certificate authority"))
	})
}

func (w *world) servingSecret() (*corev1.Secret, *tlsca.Serving) {
	w.t.Helper()
	secret := &corev1.Secret{}
	w.get(deploy.TLSSecretName("corp"), secret)
	s, err := tlsca.ParseServing(secret.Data)
	if err != nil {
		w.t.Fatal(err)
	}
	return secret, s
}
