package controllers_test

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/awsiam/metadata"
	"attache.dev/attache/controllers/identity"
	"attache.dev/attache/idp/keys"
)

func TestTheOperatorHasAKeyOfItsOwn(t *testing.T) {
	w := newWorld(t)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "attache-operator-keys"}}
	published := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: identity.Name}}
	get := func(o client.Object) func() error {
		return func() error { return env.Client.Get(t.Context(), client.ObjectKeyFromObject(o), o) }
	}
	w.Eventually(get(secret)).Should(Succeed())
	own, err := keys.FromSecretData(secret.Data)
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(own).To(HaveLen(1))

	w.Eventually(func(g Gomega) {
		g.Expect(get(published)()).To(Succeed())
		document, err := metadata.Parse(published.Data[identity.MetadataEntry])
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(document.Trusts(own[0].ID)).To(BeTrue())
	}).Should(Succeed())
	w.Expect(published.Data).To(HaveLen(2))
	w.Expect(published.Data).To(HaveKeyWithValue(identity.NameIDEntry, "system:serviceaccount:attache-system:attache-operator"))
	w.Expect(published.Data[identity.MetadataEntry]).To(ContainSubstring(w.clusterUID))

	t.Run("it outlives the operator's process", func(*testing.T) {
		w.stop()
		w.startOperator()
		before := secret.ResourceVersion
		w.Consistently(func() (string, error) { return secret.ResourceVersion, get(secret)() }).Should(Equal(before))
	})
}
