package controllers_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/test/awsfake"
)

const stagingID = "444455556666"

// staging lists a second account.
func staging(w *world) func(*v1alpha1.SAMLProvider) {
	return func(p *v1alpha1.SAMLProvider) {
		p.Spec.Accounts = append(p.Spec.Accounts, v1alpha1.Account{
			ID: stagingID, Alias: "staging", Region: region, Access: v1alpha1.AccountAccess{Mode: v1alpha1.AccessAmbient},
			Endpoints: v1alpha1.AccountEndpoints{IAM: w.aws.url, STS: w.aws.url},
		})
	}
}

func withoutStaging(p *v1alpha1.SAMLProvider) { p.Spec.Accounts = p.Spec.Accounts[:1] }

func managedThere(m *v1alpha1.RoleMapping) {
	m.Name, m.Spec.Role.Managed.AccountID = "there", stagingID
}

// in returns a function that reads the ledger's entry of an account, for Eventually.
func (w *world) in(p *v1alpha1.SAMLProvider, id string) func() v1alpha1.AccountStatus {
	return func() v1alpha1.AccountStatus {
		w.condition(p, v1alpha1.ConditionReady)()
		for _, a := range p.Status.Accounts {
			if a.ID == id {
				return a
			}
		}
		return v1alpha1.AccountStatus{}
	}
}

var (
	isSynced   = HaveField("State", v1alpha1.AccountSynced)
	everything = awsiam.RolesBounds{PathPrefixes: []string{"/attache/"}, Policies: []string{"arn:aws:iam::aws:policy/*"}}
)

func TestASecondAccountThatIsDeadFromTheStartHoldsUpNothing(t *testing.T) {
	for _, row := range []struct {
		provider string
		fault    awsfake.Fault
		reason   string
	}{
		{"second-dead", awsfake.Fault{Operation: awsfake.AnyOperation, Kind: awsfake.FaultReset}, v1alpha1.ReasonAWSUnavailable},
		{"second-silent", awsfake.Fault{Operation: awsfake.AnyOperation, Kind: awsfake.FaultDelay, Delay: awsfake.Duration(10 * time.Second)}, v1alpha1.ReasonProgressing},
		{"second-denied", awsfake.Fault{Operation: "CreateSAMLProvider", Kind: awsfake.FaultDeny}, v1alpha1.ReasonAccessDenied},
		{"second-throttled", awsfake.Fault{Operation: awsfake.AnyOperation, Kind: awsfake.FaultThrottle}, v1alpha1.ReasonThrottled},
	} {
		t.Run(row.provider, func(t *testing.T) {
			w := newWorld(t)
			ns := env.Namespace(t, "reports")
			other := w.aws.beside(stagingID)
			w.aws.grant(row.provider, everything)
			other.grant(row.provider, everything)
			row.fault.Account = stagingID
			w.aws.disturb(row.fault)
			p := w.createProviderAsIs(row.provider, staging(w), allowManaged(ns))
			w.runPods(row.provider)
			here, there := newManaged(ns, row.provider), newManaged(ns, row.provider, managedThere)

			w.apply(here)
			w.ready(here)
			w.Eventually(w.in(p, stagingID)).Should(HaveField("Reason", row.reason))
			w.Expect(w.condition(p, v1alpha1.ConditionProvidersSynced)()).To(And(
				HaveField("Status", metav1.ConditionFalse), HaveField("Reason", row.reason),
				HaveField("Message", ContainSubstring("1 of 2 accounts are not synced: 444455556666 (staging): "+row.reason))))
			w.Expect(w.in(p, accountID)()).To(isSynced)

			w.aws.mend()
			w.ahead.Add(int64(time.Hour))
			w.reconcileNow(p)
			w.Eventually(w.in(p, stagingID)).Should(isSynced)
			w.apply(there)
			w.ready(there)
			w.Expect(w.condition(p, v1alpha1.ConditionReady)().Status).To(Equal(metav1.ConditionTrue))
		})
	}
}

func TestAnAccountIsAddedDriftsAndIsTakenOut(t *testing.T) {
	w := newWorld(t)
	ns := env.Namespace(t, "reports")
	other := w.aws.beside(stagingID)
	other.grant("comes-and-goes", everything)
	p := w.createServingProvider("comes-and-goes", func(p *v1alpha1.SAMLProvider) {
		p.Spec.Accounts[0].Endpoints = v1alpha1.AccountEndpoints{IAM: w.aws.url, STS: w.aws.url}
	}, allowManaged(ns))
	here, there := w.apply(newManaged(ns, p.Name)), w.apply(newManaged(ns, p.Name, managedThere))
	w.ready(here)
	w.Eventually(w.condition(there, v1alpha1.ConditionAccepted)).Should(HaveField("Reason", v1alpha1.ReasonAccountNotListed))

	update(w, p, staging(w))
	w.Eventually(w.in(p, stagingID)).Should(isSynced)
	w.ready(there)
	w.Expect(other.roleOf(there)).NotTo(BeNil())
	w.Expect(w.aws.roleOf(there)).To(BeNil())

	for _, f := range []*fakeAWS{w.aws, other} {
		f.setMetadata(p.Name, w.foreignMetadata(p.Spec.Issuer))
	}
	w.reconcileNow(p)
	for _, id := range []string{accountID, stagingID} {
		w.Eventually(w.in(p, id)).Should(HaveField("Drift", HaveField("Repaired", true)))
	}

	w.aws.disturb(awsfake.Fault{Operation: awsfake.AnyOperation, Kind: awsfake.FaultReset, Account: stagingID})
	update(w, p, withoutStaging)
	w.Eventually(w.condition(there, v1alpha1.ConditionAccepted)).Should(HaveField("Reason", v1alpha1.ReasonAccountNotListed))
	w.Eventually(w.in(p, stagingID)).Should(And(HaveField("Reason", v1alpha1.ReasonInUse), HaveField("Message", ContainSubstring(ns+"/there"))))
	w.delete(there)
	w.Eventually(w.condition(there, v1alpha1.ConditionRoleSynced)).Should(HaveField("Reason", v1alpha1.ReasonAWSUnavailable))
	w.stop()
	w.startOperator()
	w.Expect(w.condition(here, v1alpha1.ConditionReady)().Status).To(Equal(metav1.ConditionTrue), "of the dead account nobody else hears")

	w.aws.mend()
	w.ahead.Add(int64(time.Hour))
	w.Eventually(w.gone(there)).Should(BeTrue())
	w.Eventually(w.in(p, stagingID)).Should(BeZero())
	w.Expect(other.roleOf(there)).To(BeNil())
	w.Expect(other.provider(p.Name)).To(BeNil())
	w.Expect(w.aws.provider(p.Name)).NotTo(BeNil())
	w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(HaveField("Status", metav1.ConditionTrue))
}
