package samlprovider

import (
	"crypto/x509"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/metadata"
	"attache.dev/attache/idp/assertion"
	"attache.dev/attache/idp/keys"
	"attache.dev/attache/test/awsfake"
)

func observed(p *v1alpha1.SAMLProvider) {
	p.Spec.Accounts[0].Management = v1alpha1.ManagementObserved
}

// certificate is that of the provider's key.
func (w *world) certificate() *x509.Certificate {
	w.t.Helper()
	held, err := keys.FromSecretData(w.keySecret().Data)
	if err != nil || len(held) != 1 {
		w.t.Fatalf("%d keys, error %v", len(held), err)
	}
	return held[0].Certificate
}

// metadata is what the identity provider serves.
func (w *world) metadata() string {
	w.t.Helper()
	document, err := assertion.Metadata(issuer, []*x509.Certificate{w.certificate()})
	if err != nil {
		w.t.Fatal(err)
	}
	return string(document)
}

func TestMetadataIsReadAsItIsWritten(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.settle()
	got, err := metadata.Parse(w.aws.held().Metadata)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(Equal(metadata.Document{EntityID: issuer, Keys: []string{w.account().ActiveKey}}))
}

func TestAnObservedAccount(t *testing.T) {
	t.Run("awaits the publication, says what to do, and looks again soon", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t, observed)
		result := w.settle()
		g.Expect(result.RequeueAfter).To(BeNumerically("~", publicationDelay, publicationDelay/5))
		g.Expect(w.account()).To(And(HaveField("ProviderARN", arn), HaveField("State", v1alpha1.AccountAwaitingPublication), HaveField("ActiveKey", ""), HaveField("MetadataHash", "")))
		told := w.condition(v1alpha1.ConditionProvidersSynced)
		g.Expect(told).To(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonAwaitingPublication)))
		g.Expect(told.Message).To(Equal("Account 111122223333 is Observed, so nothing is written there: create IAM SAML provider " + arn +
			" with the metadata that " + w.provider().Status.MetadataURL + " serves"))
		g.Expect(w.condition(v1alpha1.ConditionStalled)).To(BeZero())
		w.startPods()
		w.settle()
		g.Expect(w.condition(v1alpha1.ConditionWorkloadReady).Status).To(Equal(metav1.ConditionTrue), "the metadata is served")

		w.aws.put(w.metadata(), nil)
		w.now = w.now.Add(2 * publicationDelay)
		w.settle()
		g.Expect(w.condition(v1alpha1.ConditionReady).Status).To(Equal(metav1.ConditionTrue))
		g.Expect(w.account()).To(And(HaveField("State", v1alpha1.AccountSynced), HaveField("ActiveKey", w.provider().Status.Keys[0].ID),
			HaveField("MetadataHash", hashOf(w.metadata())), HaveField("Drift", BeNil())))
		g.Expect(w.aws.calls()).To(HaveEach("GetSAMLProvider"), "nothing is ever written")
	})

	for _, row := range []struct {
		name, document string
		says           string
	}{
		{"another issuer", foreignMetadata(otherIssuer), "issuer " + otherIssuer + " -> " + issuer},
		{"another key", foreignMetadata(issuer), "keys[" + otherKey().ID + "] trusted -> none"},
	} {
		t.Run("with "+row.name+" awaits another publication", func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, observed)
			w.aws.put(row.document, nil)
			w.settle()
			g.Expect(w.condition(v1alpha1.ConditionProvidersSynced)).To(And(HaveField("Reason", v1alpha1.ReasonAwaitingPublication),
				HaveField("Message", And(ContainSubstring("replace the metadata"), ContainSubstring(row.says)))))
			g.Expect(w.account()).To(And(HaveField("ActiveKey", BeEmpty()), HaveField("Drift", BeNil())), "what never was there has not drifted")
			g.Expect(w.aws.held().Metadata).To(Equal(row.document))
		})
	}

	t.Run("that trusts a key too many is synced, and says so", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t, observed)
		w.settle()
		w.aws.put(foreignMetadata(issuer, w.certificate()), nil)
		w.now = w.now.Add(2 * publicationDelay)
		result := w.settle()
		g.Expect(w.condition(v1alpha1.ConditionProvidersSynced)).To(And(HaveField("Status", metav1.ConditionTrue), HaveField("Reason", v1alpha1.ReasonDrifted),
			HaveField("Message", ContainSubstring("keys["+otherKey().ID+"] trusted -> none"))))
		g.Expect(w.account()).To(And(HaveField("State", v1alpha1.AccountSynced), HaveField("Drift.Repaired", false),
			HaveField("Drift.Differences", ConsistOf(v1alpha1.Difference{Field: "keys[" + otherKey().ID + "]", Found: "trusted"}))))
		g.Expect(result.RequeueAfter).To(BeNumerically("~", v1alpha1.DefaultInterval, v1alpha1.DefaultInterval/5))
		first := w.account().Drift

		w.aws.calls()
		again := w.settle()
		g.Expect(again.RequeueAfter).To(BeNumerically(">", time.Minute))
		g.Expect(w.condition(v1alpha1.ConditionProvidersSynced).Reason).To(Equal(v1alpha1.ReasonDrifted), "the last word holds")
		g.Expect(w.aws.calls()).To(BeEmpty())

		w.now = w.now.Add(v1alpha1.DefaultInterval)
		w.settle()
		g.Expect(w.account().Drift).To(Equal(first), "the time is that of the first look")
		w.aws.setMetadata(w.metadata())
		w.now = w.now.Add(v1alpha1.DefaultInterval)
		w.settle()
		g.Expect(w.account().Drift).To(BeNil())
		g.Expect(w.condition(v1alpha1.ConditionProvidersSynced).Reason).To(Equal(v1alpha1.ReasonSynced))
	})

	t.Run("that loses what was published shows it and repairs nothing", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t, observed)
		w.settle()
		w.aws.put(w.metadata(), nil)
		w.now = w.now.Add(2 * publicationDelay)
		w.settle()
		w.aws.remove()
		w.now = w.now.Add(v1alpha1.DefaultInterval)
		w.settle()
		g.Expect(w.account()).To(And(HaveField("State", v1alpha1.AccountAwaitingPublication), HaveField("ActiveKey", BeEmpty()),
			HaveField("Drift.Repaired", false), HaveField("Drift.Differences", ConsistOf(v1alpha1.Difference{Field: "providerARN", Wanted: arn}))))
		g.Expect(w.aws.held()).To(BeNil())
		g.Expect(w.events()).To(ContainElement(HavePrefix("Warning " + v1alpha1.ReasonAwaitingPublication)))
	})

	t.Run("that denies a look says what is missing", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t, observed)
		w.aws.fail(awsfake.Fault{Operation: "GetSAMLProvider", Kind: awsfake.FaultDeny})
		w.settle()
		g.Expect(w.condition(v1alpha1.ConditionReady).Message).To(ContainSubstring("lacks iam:GetSAMLProvider"))
	})

	t.Run("that becomes Managed is made, or left to whoever made it", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t, observed)
		w.settle()
		w.edit(func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].Management = "" })
		w.settle()
		g.Expect(w.aws.held()).NotTo(BeNil())
		g.Expect(w.account().State).To(Equal(v1alpha1.AccountSynced))

		w.aws.untag(awsiam.TagClusterUID, awsiam.TagObjectUID)
		w.edit(observed)
		w.settle()
		g.Expect(w.condition(v1alpha1.ConditionProvidersSynced).Status).To(Equal(metav1.ConditionTrue), "nothing needs the tags there")
		w.edit(func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].Management = "" })
		w.settle()
		g.Expect(w.condition(v1alpha1.ConditionProvidersSynced).Reason).To(Equal(v1alpha1.ReasonNotOwned))
	})
}
