package rolemapping

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/test/awsfake"
)

func TestWithASnapshotAnUnchangedMappingCostsNoCallAndNoWrite(t *testing.T) {
	for _, row := range []struct {
		name    string
		mapping *v1alpha1.RoleMapping
	}{{"managed", newMapping(managed)}, {"existing", newMapping()}} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, newProvider(), row.mapping)
			w.makeRole("/", "reports-uploader", goodTrust, nil)
			w.settle()
			w.writes = 0
			for range 5 {
				w.now = w.now.Add(time.Hour)
				w.takeSnapshot()
				w.calls()
				result := w.reconcile()
				g.Expect(result.RequeueAfter).To(BeNumerically("~", time.Hour, 6*time.Minute))
				g.Expect(w.calls()).To(BeEmpty())
			}
			g.Expect(w.writes).To(BeZero())
		})
	}
}

func TestWithoutSnapshotsAMappingLooksForItselfAtItsInterval(t *testing.T) {
	for _, row := range []struct {
		name    string
		mapping *v1alpha1.RoleMapping
		calls   []string
	}{
		{"managed", newMapping(managed), []string{"GetRole", "ListAttachedRolePolicies", "ListRolePolicies", "GetRolePolicy"}},
		{"existing", newMapping(), []string{"GetRole"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, newProvider(), row.mapping)
			w.makeRole("/", "reports-uploader", goodTrust, nil)
			w.settle()
			w.calls()
			w.now = w.now.Add(30 * time.Minute)
			w.reconcile()
			g.Expect(w.calls()).To(BeEmpty())
			w.now = w.now.Add(30 * time.Minute)
			w.reconcile()
			g.Expect(w.calls()).To(Equal(row.calls))

			w.restartOperator()
			w.reconcile()
			g.Expect(w.calls()).To(BeEmpty(), "a restart does not ask for all roles at once")
			w.now = w.now.Add(time.Hour)
			w.reconcile()
			g.Expect(w.calls()).To(Equal(row.calls))
		})
	}
}

func TestAnExistingRoleIsVerifiedAgain(t *testing.T) {
	spoil := func(w *world, trust string) {
		_, err := w.root.UpdateAssumeRolePolicy(w.t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("reports-uploader"), PolicyDocument: &trust})
		w.must(err)
	}
	t.Run("when a snapshot shows another trust policy", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t, newProvider(), newMapping())
		w.makeRole("/", "reports-uploader", goodTrust, nil)
		w.settle()
		g.Expect(w.condition(v1alpha1.ConditionTrustPolicyVerified).Status).To(Equal(metav1.ConditionTrue))

		spoil(w, otherTrust)
		w.now = w.now.Add(time.Minute)
		w.takeSnapshot()
		g.Expect(w.differing()).To(ConsistOf("uploader"))
		w.settle()
		g.Expect(w.condition(v1alpha1.ConditionTrustPolicyVerified).Reason).To(Equal(v1alpha1.ReasonTrustPolicyInsufficient))
		g.Expect(w.condition(v1alpha1.ConditionStalled).Reason).To(Equal(v1alpha1.ReasonTrustPolicyInsufficient))

		spoil(w, goodTrust)
		w.now = w.now.Add(6 * time.Minute)
		w.settle()
		g.Expect(w.condition(v1alpha1.ConditionReady).Status).To(Equal(metav1.ConditionTrue), "a person is not made to wait for the next snapshot")
	})
	t.Run("when the role is made", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t, newProvider(), newMapping())
		w.settle()
		g.Expect(w.condition(v1alpha1.ConditionTrustPolicyVerified).Reason).To(Equal(v1alpha1.ReasonRoleNotFound))
		w.makeRole("/", "reports-uploader", goodTrust, nil)
		w.now = w.now.Add(6 * time.Minute)
		w.settle()
		g.Expect(w.condition(v1alpha1.ConditionReady).Status).To(Equal(metav1.ConditionTrue))
	})
	t.Run("when the session is to last longer than the role allows", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t, newProvider(), newMapping())
		w.makeRole("/", "reports-uploader", goodTrust, nil)
		w.settle()
		w.edit(func(m *v1alpha1.RoleMapping) { m.Spec.Session.Duration = &metav1.Duration{Duration: 2 * time.Hour} })
		w.settle()
		g.Expect(w.condition(v1alpha1.ConditionTrustPolicyVerified)).To(And(HaveField("Reason", v1alpha1.ReasonTrustPolicyInsufficient),
			HaveField("Message", ContainSubstring("maximum session duration"))))
	})
	t.Run("when reading it becomes allowed", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t, newProvider(), newMapping())
		w.makeRole("/", "reports-uploader", goodTrust, nil)
		w.fault(awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultDeny})
		w.settle()
		g.Expect(w.condition(v1alpha1.ConditionTrustPolicyVerified)).To(And(HaveField("Status", metav1.ConditionUnknown), HaveField("Reason", v1alpha1.ReasonNotVerifiable)))
		g.Expect(w.condition(v1alpha1.ConditionReady).Status).To(Equal(metav1.ConditionTrue))
		w.calls()
		w.reconcile()
		g.Expect(w.calls()).To(BeEmpty(), "not before its time")
		w.heal()
		w.now = w.now.Add(time.Hour)
		w.settle()
		g.Expect(w.condition(v1alpha1.ConditionTrustPolicyVerified).Status).To(Equal(metav1.ConditionTrue))
	})
}
