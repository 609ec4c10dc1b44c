package controllers_test

import (
	"crypto/x509"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/controllers/cabundle"
	"attache.dev/attache/idp/deploy"
	"attache.dev/attache/internal/tlsca"
)

func TestTheBundleIsWhereItIsAskedFor(t *testing.T) {
	w := newWorld(t)
	ns := env.Namespace(t, "reports")
	bundle := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: cabundle.Name}}
	read := func() (string, error) {
		err := env.Client.Get(t.Context(), client.ObjectKeyFromObject(bundle), bundle)
		return bundle.Data[cabundle.BundleKey], err
	}
	absent := func() bool {
		_, err := read()
		return apierrors.IsNotFound(err)
	}
	w.Consistently(absent).Should(BeTrue(), "nobody has asked")

	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}
	label := func(value string) {
		update(w, namespace, func(n *corev1.Namespace) { metav1.SetMetaDataLabel(&n.ObjectMeta, cabundle.Label, value) })
	}
	label(cabundle.LabelValue)
	w.Eventually(read).Should(ContainSubstring("BEGIN CERTIFICATE"))

	t.Run("it verifies a provider's serving certificate", func(t *testing.T) {
		p := w.createProvider("serving")
		secret := &corev1.Secret{}
		w.Eventually(func() error {
			return env.Client.Get(t.Context(), client.ObjectKey{Namespace: "attache-system", Name: deploy.TLSSecretName(p.Name)}, secret)
		}).Should(Succeed())
		serving, err := tlsca.ParseServing(secret.Data)
		w.Expect(err).NotTo(HaveOccurred())
		pool := x509.NewCertPool()
		w.Expect(pool.AppendCertsFromPEM([]byte(bundle.Data[cabundle.BundleKey]))).To(BeTrue())
		_, err = serving.Certificate.Verify(x509.VerifyOptions{Roots: pool, DNSName: "attache-serving.attache-system.svc"})
		w.Expect(err).NotTo(HaveOccurred())
	})
	t.Run("it is repaired when touched", func(*testing.T) {
		good := bundle.Data[cabundle.BundleKey]
		update(w, bundle, func(c *corev1.ConfigMap) { c.Data[cabundle.BundleKey] = "somebody else's"; c.Labels = nil })
		w.Eventually(read).Should(Equal(good))
	})
	t.Run("it is made again when deleted", func(*testing.T) {
		w.Expect(env.Client.Delete(t.Context(), bundle)).To(Succeed())
		w.Eventually(read).Should(ContainSubstring("BEGIN CERTIFICATE"))
	})
	t.Run("it follows the authority", func(*testing.T) {
		before := bundle.Data[cabundle.BundleKey]
		authority := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "attache-system", Name: cabundle.Name}}
		update(w, authority, func(s *corev1.Secret) { s.Data[tlsca.PrivateKeyKey] = []byte("garbage") })
		w.Eventually(read).Should(And(ContainSubstring("BEGIN CERTIFICATE"), Not(Equal(before))), "a broken authority is made anew")
	})
	t.Run("it goes with the label", func(*testing.T) {
		label("false")
		w.Eventually(absent).Should(BeTrue())
	})
	t.Run("what somebody else made is not deleted", func(*testing.T) {
		theirs := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: cabundle.Name}, Data: map[string]string{"mine": "yes"}}
		w.Expect(env.Client.Create(t.Context(), theirs)).To(Succeed())
		w.Consistently(absent).Should(BeFalse())
	})
}
