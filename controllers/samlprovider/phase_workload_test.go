package samlprovider

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp/deploy"
)

func TestServing(t *testing.T) {
	s := newScope(&v1alpha1.SAMLProvider{
		ObjectMeta: metav1.ObjectMeta{Name: "corp"},
		Spec:       v1alpha1.SAMLProviderSpec{Accounts: []v1alpha1.Account{{ID: "111122223333", Region: "eu-west-1"}}},
	}, namespace, clusterUID)
	for _, row := range []struct {
		name   string
		status appsv1.DeploymentStatus
		want   outcome
	}{
		{"no pods", appsv1.DeploymentStatus{ObservedGeneration: 2}, notServing},
		{"one of two pods", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 1}, rollingOut},
		{"all pods of the former spec", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, AvailableReplicas: 2}, rollingOut},
		{"a spec that the Deployment controller has not seen", appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2}, rollingOut},
		{"an old pod that is still going", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 2, AvailableReplicas: 3}, rollingOut},
		{"all pods of the current spec", appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2}, available},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: 2}, Status: row.status}
			NewWithT(t).Expect(serving(d, s).Outcome).To(Equal(outcomes[row.want]))
		})
	}
}

func TestObjectsOfOthersAreNotTakenOver(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	theirs := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: deploy.Name("corp"), Labels: map[string]string{"team": "identity"}}}
	w.create(theirs)
	_, err := w.reconcile()
	g.Expect(err).To(MatchError(ContainSubstring("ServiceAccount attache-system/attache-corp exists and was not made for corp")))
	g.Expect(w.condition(v1alpha1.ConditionWorkloadReady).Reason).To(Equal(v1alpha1.ReasonKubernetesError))
	w.get(deploy.Name("corp"), theirs)
	g.Expect(theirs.OwnerReferences).To(BeEmpty())
}

func TestLeftoversOfAFormerProviderAreWaitedFor(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	former := metav1.OwnerReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: "SAMLProvider", Name: "corp", UID: "former", Controller: new(true)}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: deploy.Name("corp"), OwnerReferences: []metav1.OwnerReference{former}}}
	certificate := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: deploy.TLSSecretName("corp"), OwnerReferences: []metav1.OwnerReference{former}}}
	w.create(account)
	w.create(certificate)
	for _, o := range []client.Object{account, certificate} {
		result := w.settle()
		g.Expect(result.RequeueAfter).To(BeNumerically("<", 3*time.Second))
		g.Expect(w.condition(v1alpha1.ConditionWorkloadReady).Reason).To(Equal(v1alpha1.ReasonProgressing))
		g.Expect(w.condition(v1alpha1.ConditionWorkloadReady).Message).To(ContainSubstring("garbage collector"))
		g.Expect(w.client.Delete(t.Context(), o)).To(Succeed())
	}
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionWorkloadReady).Reason).To(Equal(v1alpha1.ReasonWorkloadUnavailable))
}
