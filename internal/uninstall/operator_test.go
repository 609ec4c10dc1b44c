package uninstall

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

// operator is one that works, changed.
func operator(changes ...func(*Operator)) Operator {
	o := Operator{
		Name:      "attache-system",
		Namespace: &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "attache-system"}},
		Deployment: &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{releaseLabel: "attache"}},
			Spec:       appsv1.DeploymentSpec{Replicas: ptr.To[int32](1)},
			Status:     appsv1.DeploymentStatus{ReadyReplicas: 1},
		},
		Lease: lease("attache-operator-abc", 5*time.Second),
		Pods:  []corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Name: "attache-operator-abc"}}},
	}
	for _, change := range changes {
		change(&o)
	}
	return o
}

func lease(holder string, renewedAgo time.Duration) *coordinationv1.Lease {
	return &coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{
		HolderIdentity: &holder, LeaseDurationSeconds: ptr.To[int32](15), RenewTime: &metav1.MicroTime{Time: now.Add(-renewedAgo)},
	}}
}

func uninstalled(o *Operator) { o.Deployment, o.Pods = nil, nil }

func leaseGivenBack(o *Operator) { o.Lease = lease("", time.Second) }

func leaseRunOut(o *Operator) { o.Lease = lease("attache-operator-abc", 16*time.Second) }

func namespaceGoing(o *Operator) { beingDeleted(o.Namespace) }

func namespaceGone(o *Operator) { *o = Operator{Name: o.Name} }

func scaledDown(o *Operator) { o.Deployment.Spec.Replicas = ptr.To[int32](0) }

func TestAbsenceSaysWhyNobodyWorksAndWhatToDo(t *testing.T) {
	for _, row := range []struct {
		name    string
		changes []func(*Operator)
		says    string
		mayPass bool
	}{
		{"an operator works", nil, "", false},
		{"an operator works on while its namespace goes", []func(*Operator){namespaceGoing}, "", false},
		{"nothing of it is there", []func(*Operator){namespaceGone}, "namespace attache-system does not exist", false},
		{"its namespace is going", []func(*Operator){namespaceGoing, leaseRunOut}, "is being deleted, so that no operator can start in it: do its work with --here", false},
		{"the chart is gone", []func(*Operator){uninstalled, leaseGivenBack}, "no operator is installed in namespace attache-system", false},
		{"it never held a Lease", []func(*Operator){uninstalled, func(o *Operator) { o.Lease = nil }}, "no operator is installed", false},
		{"it is scaled to 0", []func(*Operator){scaledDown, leaseGivenBack}, "kubectl -n attache-system scale deployment/attache-operator --replicas=1", false},
		{"it crashed", []func(*Operator){leaseRunOut}, "no pod of the operator holds Lease attache-system/attache-operator (1 of 1 are ready)", true},
		{"it is starting", []func(*Operator){func(o *Operator) { o.Lease, o.Deployment.Status.ReadyReplicas = nil, 0 }}, "(0 of 1 are ready): kubectl -n attache-system describe deployment/attache-operator says why", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			why, mayPass := operator(row.changes...).Absence(now)
			g.Expect(why).To(ContainSubstring(row.says))
			g.Expect(why == "").To(Equal(row.says == ""), why)
			g.Expect(mayPass).To(Equal(row.mayPass))
		})
	}
}

func TestPresenceKeepsTwoFromWorkingAtOnce(t *testing.T) {
	for _, row := range []struct {
		name    string
		changes []func(*Operator)
		says    string
		mayPass bool
	}{
		{"an operator works", nil, "two must never work at once: leave out --here", false},
		{"an operator is installed and will come back", []func(*Operator){leaseRunOut}, "kubectl -n attache-system scale deployment/attache-operator --replicas=0", false},
		{"it was scaled to 0 and is ending", []func(*Operator){scaledDown}, "the operator attache-operator-abc still holds Lease attache-system/attache-operator", true},
		{"it gave the Lease back, and its pod lives", []func(*Operator){scaledDown, leaseGivenBack}, "the operator's pod attache-system/attache-operator-abc has not ended", true},
		{"its namespace is going, and it works on", []func(*Operator){namespaceGoing}, "still holds Lease", true},
		{"its namespace is going, and it ended", []func(*Operator){namespaceGoing, uninstalled, leaseRunOut}, "", false},
		{"the chart is gone", []func(*Operator){uninstalled, leaseGivenBack}, "", false},
		{"the namespace is gone", []func(*Operator){namespaceGone}, "", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			why, mayPass := operator(row.changes...).Presence(now)
			g.Expect(why).To(ContainSubstring(row.says))
			g.Expect(why == "").To(Equal(row.says == ""), why)
			g.Expect(mayPass).To(Equal(row.mayPass))
		})
	}
}

func TestOnlyALivingNamespaceTakesALease(t *testing.T) {
	g := NewWithT(t)
	g.Expect(operator().CanHoldLease()).To(BeTrue())
	g.Expect(operator(namespaceGoing).CanHoldLease()).To(BeFalse())
	g.Expect(operator(namespaceGone).CanHoldLease()).To(BeFalse())
}

func TestAfterwardsNamesTheReleaseWhileThereIsOne(t *testing.T) {
	g := NewWithT(t)
	g.Expect(operator().Afterwards()).To(HavePrefix("  helm uninstall attache --namespace attache-system\n  kubectl delete crd "))
	g.Expect(operator(uninstalled).Afterwards()).To(HavePrefix("  kubectl delete crd "))
	g.Expect(operator(namespaceGoing).Afterwards()).To(HavePrefix("  kubectl delete crd "))
}

func TestLookFindsWhatTheChartInstalls(t *testing.T) {
	g := NewWithT(t)
	want := operator()
	want.Deployment.Name, want.Deployment.Namespace = OperatorName, want.Name
	want.Lease.Name, want.Lease.Namespace = OperatorName, want.Name
	ended := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "ended", Namespace: want.Name, Labels: operatorLabels}, Status: corev1.PodStatus{Phase: corev1.PodFailed}}
	other := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "of-an-idp", Namespace: want.Name}}
	want.Pods[0].Namespace, want.Pods[0].Labels = want.Name, operatorLabels
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(want.Namespace, want.Deployment, want.Lease, &want.Pods[0], &ended, &other).Build()

	found, err := Look(context.Background(), c, want.Name)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(found.Holder(now)).To(Equal("attache-operator-abc"))
	g.Expect(found.Deployment).NotTo(BeNil())
	g.Expect(found.Pods).To(HaveExactElements(HaveField("Name", "attache-operator-abc")))

	found, err = Look(context.Background(), c, "elsewhere")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(found).To(Equal(Operator{Name: "elsewhere"}))
}
