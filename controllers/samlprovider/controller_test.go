package samlprovider

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/controllers/status"
)

func TestAProviderBecomesReady(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.settle()
	w.startPods()
	w.settle()

	p := w.provider()
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionKeysReady, v1alpha1.ConditionProvidersSynced, v1alpha1.ConditionWorkloadReady} {
		g.Expect(meta.IsStatusConditionTrue(p.Status.Conditions, kind)).To(BeTrue(), kind)
	}
	g.Expect(meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReconciling)).To(BeNil())
	g.Expect(p.Status.ObservedGeneration).To(Equal(p.Generation))
	g.Expect(p.Finalizers).To(ConsistOf(Finalizer))

	held := w.aws.held()
	g.Expect(held).NotTo(BeNil())
	g.Expect(held.Tags).To(Equal(map[string]string{
		awsiam.TagClusterUID: clusterUID,
		awsiam.TagObjectUID:  string(p.UID),
		awsiam.TagName:       "corp",
	}))
	g.Expect(p.Status.Keys).To(HaveLen(1))
	g.Expect(p.Status.Accounts).To(ConsistOf(SatisfyAll(
		HaveField("ID", "111122223333"),
		HaveField("ProviderARN", arn),
		HaveField("State", v1alpha1.AccountSynced),
		HaveField("ActiveKey", p.Status.Keys[0].ID),
		HaveField("MetadataHash", hashOf(held.Metadata)),
	)))
	g.Expect(p.Status.Audience).To(Equal("attache.dev/corp"))
	g.Expect(p.Status.DelegationURL).To(Equal("https://attache-corp.attache-system.svc/delegation"))
}

func TestAnUnchangedProviderIsNotWrittenAndIAMIsNotAsked(t *testing.T) {
	for _, interval := range []time.Duration{v1alpha1.DefaultInterval, time.Minute, 24 * time.Hour} {
		t.Run("with an interval of "+interval.String(), func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, func(p *v1alpha1.SAMLProvider) { p.Spec.Interval = &metav1.Duration{Duration: interval} })
			w.settle()
			w.startPods()
			w.settle()

			w.writes = 0
			w.aws.calls()
			for range 7 {
				w.now = w.now.Add(interval / 10)
				result, err := w.reconcile()
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(result.RequeueAfter).To(BeNumerically(">", 0))
				g.Expect(result.RequeueAfter).To(BeNumerically("<=", interval*11/10))
			}
			g.Expect(w.writes).To(BeZero())
			g.Expect(w.aws.calls()).To(BeEmpty())

			w.now = w.now.Add(interval * 2 / 10)
			w.settle()
			g.Expect(w.aws.calls()).To(Equal([]string{"GetSAMLProvider"}), "the earliest that the jitter leads to")
		})
	}
}

func TestEveryOutcomeIsDocumentedAndHasItsOwnCondition(t *testing.T) {
	g := NewWithT(t)
	kinds := []string{v1alpha1.ConditionReady, v1alpha1.ConditionKeysReady, v1alpha1.ConditionProvidersSynced, v1alpha1.ConditionWorkloadReady}
	for name, row := range outcomes {
		g.Expect(row.Meaning).NotTo(BeEmpty(), string(name))
		g.Expect(kinds).To(ContainElement(row.Condition), string(name))
		g.Expect(row.Reason).NotTo(BeEmpty(), string(name))
		if row.Progress == status.Retrying {
			g.Expect(row.Retry).NotTo(Equal(status.Never), "%s would never be tried again", name)
		}
	}
	for _, kind := range []awsiam.Kind{
		awsiam.Throttled, awsiam.Conflict, awsiam.Denied, awsiam.NotFound, awsiam.AlreadyExists, awsiam.Invalid,
		awsiam.QuotaExceeded, awsiam.DeleteConflict, awsiam.Unavailable, awsiam.NoCredentials,
	} {
		g.Expect(outcomes).To(HaveKey(outcomeOfKind[kind]))
	}
}

func TestSecretsCallTheirProvider(t *testing.T) {
	w := newWorld(t)
	corp := []ctrl.Request{{NamespacedName: client.ObjectKey{Name: "corp"}}}
	for _, row := range []struct {
		namespace, name string
		want            []ctrl.Request
	}{
		{namespace, "attache-corp-keys", corp},
		{namespace, "attache-corp-tls", corp},
		{namespace, "attache-ca", corp},
		{namespace, "attache-corp", nil},
		{namespace, "other-corp-keys", nil},
		{"elsewhere", "attache-corp-keys", nil},
	} {
		t.Run(row.namespace+"/"+row.name, func(t *testing.T) {
			secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: row.namespace, Name: row.name}}
			NewWithT(t).Expect(w.reconciler.providersOfSecret(t.Context(), secret)).To(Equal(row.want))
		})
	}
}
