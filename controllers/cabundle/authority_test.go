package cabundle

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"attache.dev/attache/internal/tlsca"
)

const namespace = "attache-system"

// world is a cluster in memory, with a clock that stands still until it is moved.
type world struct {
	*GomegaWithT
	t         *testing.T
	now       time.Time
	client    client.Client
	authority *AuthorityReconciler
	bundle    *BundleReconciler
}

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	w := &world{GomegaWithT: NewWithT(t), t: t, now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	w.client = fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithObjects(objects...).Build()
	w.authority = &AuthorityReconciler{Client: w.client, Namespace: namespace, Clock: func() time.Time { return w.now }}
	w.bundle = &BundleReconciler{Client: w.client, Namespace: namespace}
	return w
}

func (w *world) reconcileAuthority() ctrl.Result {
	w.t.Helper()
	result, err := w.authority.Reconcile(w.t.Context(), ctrl.Request{NamespacedName: w.authority.key()})
	w.Expect(err).NotTo(HaveOccurred())
	return result
}

func (w *world) secret() *corev1.Secret {
	w.t.Helper()
	secret := &corev1.Secret{}
	w.Expect(w.client.Get(w.t.Context(), w.authority.key(), secret)).To(Succeed())
	return secret
}

func TestTheAuthorityIsMadeOnce(t *testing.T) {
	w := newWorld(t)
	result := w.reconcileAuthority()
	w.Expect(result.RequeueAfter).To(Equal(longestSleep))
	before := w.secret()
	w.now = w.now.Add(longestSleep)
	w.reconcileAuthority()
	w.Expect(w.secret().ResourceVersion).To(Equal(before.ResourceVersion), "nothing changed, nothing is written")
}

func TestTheAuthorityIsRotatedBeforeItsEnd(t *testing.T) {
	w := newWorld(t)
	w.reconcileAuthority()
	first := w.secret()

	w.now = w.now.Add(tlsca.AuthorityLifetime - tlsca.NextAuthorityBefore)
	result := w.reconcileAuthority()
	w.Expect(result.RequeueAfter).To(Equal(tlsca.BundleLead))
	next := w.secret()
	w.Expect(next.Data[tlsca.CertificateKey]).To(Equal(first.Data[tlsca.CertificateKey]), "the first still signs")
	w.Expect(len(next.Data[tlsca.BundleKey])).To(BeNumerically(">", len(first.Data[tlsca.BundleKey])))

	w.now = w.now.Add(tlsca.BundleLead)
	w.reconcileAuthority()
	w.Expect(w.secret().Data[tlsca.CertificateKey]).NotTo(Equal(first.Data[tlsca.CertificateKey]))
	w.Expect(string(w.secret().Data[tlsca.BundleKey])).To(ContainSubstring(string(first.Data[tlsca.CertificateKey])))
}

func TestABrokenAuthorityIsMadeAnew(t *testing.T) {
	for name, spoil := range map[string]func(*corev1.Secret){
		"whose key is gone":    func(s *corev1.Secret) { delete(s.Data, tlsca.PrivateKeyKey) },
		"whose bundle is gone": func(s *corev1.Secret) { delete(s.Data, tlsca.BundleKey) },
		"that is gone":         func(s *corev1.Secret) { s.Data = nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.reconcileAuthority()
			secret := w.secret()
			spoil(secret)
			w.Expect(w.client.Update(t.Context(), secret)).To(Succeed())
			w.reconcileAuthority()
			authorities, err := tlsca.ParseAuthorities(w.secret().Data)
			w.Expect(err).NotTo(HaveOccurred())
			w.Expect(w.secret().Data[tlsca.BundleKey]).To(Equal(tlsca.EncodeCertificates(authorities.Bundle())))
		})
	}
}

func TestBundle(t *testing.T) {
	labelled := map[string]string{Label: LabelValue}
	for _, row := range []struct {
		name      string
		namespace *corev1.Namespace
		configMap *corev1.ConfigMap
		want      bool
	}{
		{"a namespace that asks gets it", &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "reports", Labels: labelled}}, nil, true},
		{"one that does not ask gets none", &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "reports"}}, nil, false},
		{"one that says something else gets none", &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "reports", Labels: map[string]string{Label: "false"}}}, nil, false},
		{"one that asks no more loses it", &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "reports"}}, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "reports", Name: Name, Labels: labels()}}, false},
		{"what others made stays", &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "reports"}}, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "reports", Name: Name}}, true},
		{"a namespace that goes away gets none", &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "reports", Labels: labelled, DeletionTimestamp: new(metav1.Now()), Finalizers: []string{"kubernetes"}}}, nil, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			objects := []client.Object{row.namespace}
			if row.configMap != nil {
				objects = append(objects, row.configMap)
			}
			w := newWorld(t, objects...)
			w.reconcileAuthority()
			_, err := w.bundle.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Name: "reports"}})
			w.Expect(err).NotTo(HaveOccurred())
			err = w.client.Get(t.Context(), client.ObjectKey{Namespace: "reports", Name: Name}, &corev1.ConfigMap{})
			w.Expect(err == nil).To(Equal(row.want))
		})
	}
}

func TestWithoutAnAuthorityThereIsNoBundle(t *testing.T) {
	w := newWorld(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "reports", Labels: map[string]string{Label: LabelValue}}})
	_, err := w.bundle.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Name: "reports"}})
	w.Expect(err).NotTo(HaveOccurred())
	all := &corev1.ConfigMapList{}
	w.Expect(w.client.List(t.Context(), all)).To(Succeed())
	w.Expect(all.Items).To(BeEmpty())
}
