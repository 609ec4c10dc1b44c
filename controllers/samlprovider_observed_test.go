package controllers_test

import (
	"crypto/x509"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp/assertion"
	"attache.dev/attache/idp/keys"
)

func observed(p *v1alpha1.SAMLProvider) {
	p.Spec.Accounts[0].Management = v1alpha1.ManagementObserved
}

// TestTerraformPublishesForAnObservedAccount tells of an account to which the operator may not write
// and does not: it has the right to read alone.
func TestTerraformPublishesForAnObservedAccount(t *testing.T) {
	w := newWorld(t)
	w.aws.allow("observed", "iam:CreateSAMLProvider", "iam:UpdateSAMLProvider", "iam:TagSAMLProvider", "iam:UntagSAMLProvider", "iam:DeleteSAMLProvider")
	p := w.createProviderAsIs("observed", observed)

	w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(SatisfyAll(
		HaveField("Reason", v1alpha1.ReasonAwaitingPublication),
		HaveField("Message", And(ContainSubstring("create IAM SAML provider arn:aws:iam::111122223333:saml-provider/observed"), ContainSubstring(p.Status.MetadataURL)))))
	w.Expect(p.Status.Accounts).To(ConsistOf(HaveField("State", v1alpha1.AccountAwaitingPublication)))
	w.Expect(w.condition(p, v1alpha1.ConditionStalled)()).To(BeZero())
	w.Eventually(w.events(p)).Should(ContainElement("Warning AwaitingPublication"))
	w.runPods("observed") // they serve the metadata
	w.Expect(w.aws.provider("observed")).To(BeNil())

	secret := &corev1.Secret{}
	w.Expect(env.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: keys.SecretName("observed")}, secret)).To(Succeed())
	held, err := keys.FromSecretData(secret.Data)
	w.Expect(err).NotTo(HaveOccurred())
	document, err := assertion.Metadata(p.Spec.Issuer, []*x509.Certificate{held[0].Certificate})
	w.Expect(err).NotTo(HaveOccurred())
	published := string(document)
	_, err = w.aws.root.CreateSAMLProvider(t.Context(), &iam.CreateSAMLProviderInput{Name: aws.String("observed"), SAMLMetadataDocument: &published})
	w.Expect(err).NotTo(HaveOccurred())
	w.reconcileNow(p)
	w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(HaveField("Status", metav1.ConditionTrue))

	t.Run("drift is shown and not repaired", func(*testing.T) {
		foreign := w.foreignMetadata(p.Spec.Issuer)
		w.aws.setMetadata("observed", foreign)
		w.reconcileNow(p)
		w.Eventually(w.condition(p, v1alpha1.ConditionProvidersSynced)).Should(SatisfyAll(
			HaveField("Reason", v1alpha1.ReasonAwaitingPublication), HaveField("Message", ContainSubstring("keys["+held[0].ID+"] none -> trusted"))))
		w.Expect(p.Status.Accounts[0].Drift).To(And(HaveField("Repaired", false), HaveField("Differences", HaveLen(2))))
		w.Expect(*w.aws.provider("observed").SAMLMetadataDocument).To(Equal(foreign))
	})

	t.Run("a deletion leaves it as it is and says so", func(t *testing.T) {
		before := *w.aws.provider("observed").SAMLMetadataDocument
		w.Expect(env.Client.Delete(t.Context(), p)).To(Succeed())
		w.Eventually(w.gone(p)).Should(BeTrue())
		w.Eventually(w.notes(p)).Should(ContainElement(And(HavePrefix("Normal Retained"), ContainSubstring("is Observed"))))
		w.Expect(*w.aws.provider("observed").SAMLMetadataDocument).To(Equal(before))
	})
}
