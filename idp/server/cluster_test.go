package server

import (
	"bytes"
	"crypto/rand"
	"log/slog"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp"
	"attache.dev/attache/idp/keys"
)

func keySecret(t *testing.T) (*corev1.Secret, keys.Key) {
	t.Helper()
	k, err := keys.Generate(rand.Reader, "corp", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	data, err := keys.ToSecretData([]keys.Key{k})
	if err != nil {
		t.Fatal(err)
	}
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "attache-system", Name: keys.SecretName("corp")}, Data: data}, k
}

func TestTheStateFollowsTheCluster(t *testing.T) {
	g := NewWithT(t)
	c := newCluster("corp", "attache-system", slog.New(slog.DiscardHandler))
	g.Expect(c.notReady()).To(Equal(`there is no SAMLProvider "corp"`))

	secret, key := keySecret(t)
	provider := &v1alpha1.SAMLProvider{ObjectMeta: metav1.ObjectMeta{Name: "corp"}}
	provider.Status.Accounts = []v1alpha1.AccountStatus{{ID: "111122223333", ActiveKey: key.ID}}
	c.providerChanged(provider)
	g.Expect(c.notReady()).To(Equal("there is no signing key in Secret attache-system/attache-corp-keys"))
	_, found := c.State().ActiveKey("111122223333")
	g.Expect(found).To(BeFalse())

	before := c.State()
	c.keysChanged(secret)
	g.Expect(c.notReady()).To(BeEmpty())
	active, found := c.State().ActiveKey("111122223333")
	g.Expect(found).To(BeTrue())
	g.Expect(active.ID).To(Equal(key.ID))
	_, found = c.State().ActiveKey("444455556666")
	g.Expect(found).To(BeFalse(), "a key signs for the accounts where it is published")
	g.Expect(before.Keys).To(BeEmpty(), "who holds an older state keeps it")

	c.providerDeleted(provider)
	g.Expect(c.State().Provider).To(BeNil())
	g.Expect(c.State().Keys).To(HaveLen(1))
	c.keysDeleted(secret)
	g.Expect(c.State().Keys).To(BeEmpty())
}

func TestASecretThatCannotBeReadLeavesTheKeysAlone(t *testing.T) {
	g := NewWithT(t)
	var log bytes.Buffer
	c := newCluster("corp", "attache-system", slog.New(slog.NewJSONHandler(&log, nil)))
	secret, key := keySecret(t)
	c.keysChanged(secret)

	broken := secret.DeepCopy()
	broken.Data[key.ID+".key"] = []byte("not a key, but a secret")
	c.keysChanged(broken)
	g.Expect(c.State().Keys).To(HaveLen(1))
	g.Expect(log.String()).To(ContainSubstring("Could not read the signing keys"))
	g.Expect(log.String()).NotTo(ContainSubstring("but a secret"))
}

func TestMappingsComeAndGo(t *testing.T) {
	g := NewWithT(t)
	c := newCluster("corp", "attache-system", slog.New(slog.DiscardHandler))
	m := &v1alpha1.RoleMapping{
		ObjectMeta: metav1.ObjectMeta{Namespace: "reports", Name: "uploader"},
		Spec:       v1alpha1.RoleMappingSpec{Subjects: []v1alpha1.Subject{{Kind: v1alpha1.SubjectServiceAccount, Name: "uploader"}}},
	}
	s := idp.Subject{Kind: idp.KindServiceAccount, Namespace: "reports", Name: "uploader"}
	c.mappingChanged(m)
	g.Expect(c.mappings.Candidates(s)).To(ConsistOf(m))
	c.mappingDeleted(m)
	g.Expect(c.mappings.Candidates(s)).To(BeEmpty())
}

func TestNamespacesComeAndGo(t *testing.T) {
	g := NewWithT(t)
	c := newCluster("corp", "attache-system", slog.New(slog.DiscardHandler))
	labels := func() map[string]string {
		return c.mappings.Facts(&v1alpha1.RoleMapping{ObjectMeta: metav1.ObjectMeta{Namespace: "reports"}}).NamespaceLabels
	}
	n := namespaceMetadata()
	n.Name, n.Labels = "reports", map[string]string{"tier": "gold"}
	c.namespaceChanged(n)
	g.Expect(labels()).To(Equal(map[string]string{"tier": "gold"}))
	c.namespaceDeleted(n)
	g.Expect(labels()).To(BeNil())
}

func TestOnlyTheLabelsOfANamespaceAreKept(t *testing.T) {
	g := NewWithT(t)
	n := namespaceMetadata()
	n.Name, n.ResourceVersion = "reports", "7"
	n.Labels, n.Annotations = map[string]string{"tier": "gold"}, map[string]string{"note": "long"}
	n.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubectl"}}
	kept, err := labelsOnly(n)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(kept).To(HaveField("ObjectMeta", Equal(metav1.ObjectMeta{Name: "reports", ResourceVersion: "7", Labels: map[string]string{"tier": "gold"}})))
}
