package rolemapping

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/limit"
)

// share is how many calls each class of work can make in a burst.
const share = 20

// limitCalls gives the account a rate of one call in ten seconds, of which the background has taken
// its share.
func (w *world) limitCalls() {
	w.t.Helper()
	limits, err := limit.New(limit.Options{Rate: .1, MinRate: .1, Burst: 2 * share, InteractiveShare: .5, Clock: func() time.Time { return w.now }})
	w.must(err)
	w.limiter = limits.Account(accountID)
	w.reconciler.IAM = func(v1alpha1.Account) awsiam.API { return w.account.API(w.limiter.Apply(w.account.Root)) }
	for range share {
		w.must(w.limiter.Reserve(w.t.Context()))
	}
}

func TestWhatIsHeldBackStaysAsItWas(t *testing.T) {
	for _, row := range []struct {
		name, condition string
		change          func(*v1alpha1.RoleMapping)
	}{
		{"a managed role", v1alpha1.ConditionRoleSynced, managed},
		{"an existing role", v1alpha1.ConditionTrustPolicyVerified, func(*v1alpha1.RoleMapping) {}},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, newProvider(), newMapping(row.change))
			w.makeRole("/", "reports-uploader", goodTrust, nil)
			w.settle()
			before := w.condition(row.condition)
			g.Expect(before.Status).To(Equal(metav1.ConditionTrue))

			w.now = w.now.Add(time.Hour)
			w.limitCalls()
			w.calls()
			result := w.reconcile()
			g.Expect(w.calls()).To(BeEmpty())
			g.Expect(w.condition(row.condition)).To(Equal(before), "nothing was found")
			g.Expect(w.condition(v1alpha1.ConditionReady).Status).To(Equal(metav1.ConditionTrue))
			g.Expect(result.RequeueAfter).To(BeNumerically("~", 20*time.Second, time.Second), "half the rate is the background's")

			w.now = w.now.Add(result.RequeueAfter)
			w.reconcile()
			g.Expect(w.calls()).NotTo(BeEmpty())
		})
	}
}

func TestSomebodyWhoWaitsGoesBeforeTheBackground(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed))
	w.limitCalls()
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionRoleSynced).Status).To(Equal(metav1.ConditionTrue))
	g.Expect(w.condition(v1alpha1.ConditionReady).Status).To(Equal(metav1.ConditionTrue))
}

func TestAnEditThatIsHeldBackIsNotToldAsDone(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed))
	w.settle()
	w.limitCalls()
	for range 4 * share { // the interactive share as well
		_ = w.limiter.Reserve(limit.Work(t.Context(), limit.Interactive))
	}
	w.edit(func(m *v1alpha1.RoleMapping) { m.Spec.Role.Managed.Description = "Something else" })
	result := w.reconcile()
	told := w.condition(v1alpha1.ConditionRoleSynced)
	g.Expect(told.Reason).To(Equal(v1alpha1.ReasonThrottled), "IAM was not asked")
	g.Expect(told.Message).To(ContainSubstring("holds back calls to the IAM of account " + accountID))
	w.now = w.now.Add(result.RequeueAfter)
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionRoleSynced).Status).To(Equal(metav1.ConditionTrue))
}
