package samlprovider

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/controllers/rolemapping"
	"attache.dev/attache/idp/keys"
	"attache.dev/attache/test/awsfake"
)

func TestDeletion(t *testing.T) {
	t.Run("takes the provider, then the keys, then the object", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		w.delete()
		_, err := w.reconcile()
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(w.account().State).To(Equal(v1alpha1.AccountDeleting), "the ledger says so first")
		g.Expect(w.aws.held()).NotTo(BeNil())
		g.Expect(w.condition(v1alpha1.ConditionReady).Reason).To(Equal(v1alpha1.ReasonDeleting))

		w.settle()
		g.Expect(w.aws.held()).To(BeNil())
		g.Expect(w.hasKeys()).To(BeFalse())
		g.Expect(w.gone()).To(BeTrue())
	})

	for _, operation := range []string{"GetSAMLProvider", "DeleteSAMLProvider"} {
		t.Run("that IAM denies at "+operation+" names the action, keeps the keys and goes on trying", func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			w.settle()
			w.aws.fail(awsfake.Fault{Operation: operation, Kind: awsfake.FaultDeny})
			w.delete()
			result := w.settle()
			g.Expect(result.RequeueAfter).To(BeNumerically("~", 5*time.Minute, time.Minute))
			ready := w.condition(v1alpha1.ConditionReady)
			g.Expect(ready.Reason).To(Equal(v1alpha1.ReasonAccessDenied))
			g.Expect(ready.Message).To(And(ContainSubstring("lacks iam:"+operation), ContainSubstring("set spec.deletionPolicy to Retain")))
			g.Expect(w.keySecret().Finalizers).To(ConsistOf(KeysFinalizer))
			g.Expect(w.provider().Finalizers).To(ConsistOf(Finalizer))

			w.aws.heal()
			w.now = w.now.Add(10 * time.Minute)
			w.settle()
			g.Expect(w.aws.held()).To(BeNil())
			g.Expect(w.gone()).To(BeTrue())
		})
	}

	t.Run("that IAM does not answer waits, and goes on when it does", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		w.aws.fail(awsfake.Fault{Operation: awsfake.AnyOperation, Kind: awsfake.FaultReset})
		w.delete()
		result := w.settle()
		g.Expect(result.RequeueAfter).To(BeNumerically("~", 5*time.Second, time.Second))
		g.Expect(w.condition(v1alpha1.ConditionReady).Reason).To(Equal(v1alpha1.ReasonAWSUnavailable))

		w.aws.heal()
		w.now = w.now.Add(10 * time.Second)
		w.settle()
		g.Expect(w.gone()).To(BeTrue())
		g.Expect(w.aws.held()).To(BeNil())
	})

	t.Run("whose answer was lost finds that it is done", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		w.aws.fail(awsfake.Fault{Operation: "DeleteSAMLProvider", Kind: awsfake.FaultReset, After: true, Count: 1})
		w.delete()
		w.settle()
		g.Expect(w.gone()).To(BeFalse())
		w.restartOperator()
		w.settle()
		g.Expect(w.gone()).To(BeTrue())
	})

	t.Run("of what lost its tags waits for a person", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		w.aws.untag(awsiam.TagObjectUID)
		w.delete()
		w.settle()
		g.Expect(w.condition(v1alpha1.ConditionStalled).Reason).To(Equal(v1alpha1.ReasonNotOwned))
		g.Expect(w.aws.held()).NotTo(BeNil())

		w.aws.remove()
		w.now = w.now.Add(2 * v1alpha1.DefaultInterval)
		w.settle()
		g.Expect(w.gone()).To(BeTrue())
	})
}

func TestADeletionThatRetainsAsksNothingOfIAM(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*v1alpha1.SAMLProvider)
		says   string
	}{
		{"by its policy", func(p *v1alpha1.SAMLProvider) { p.Spec.DeletionPolicy = v1alpha1.DeletionRetain }, "spec.deletionPolicy is Retain"},
		{"in an Observed account", func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].Management = v1alpha1.ManagementObserved }, "is Observed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			w.settle()
			before := w.aws.held()
			w.edit(row.change)
			w.events()
			w.aws.calls()
			w.aws.fail(awsfake.Fault{Operation: awsfake.AnyOperation, Kind: awsfake.FaultReset})
			w.delete()
			_, err := w.reconcile()
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(w.condition(v1alpha1.ConditionProvidersSynced)).To(And(
				HaveField("Reason", v1alpha1.ReasonRetained), HaveField("Message", And(ContainSubstring(row.says), ContainSubstring(arn)))))
			g.Expect(w.events()).To(ContainElement(HavePrefix("Normal " + v1alpha1.ReasonRetained)))

			w.settle()
			g.Expect(w.gone()).To(BeTrue())
			g.Expect(w.hasKeys()).To(BeFalse(), "the keys go all the same")
			w.aws.heal()
			g.Expect(w.aws.calls()).To(BeEmpty())
			g.Expect(w.aws.held()).To(Equal(before))
		})
	}

	t.Run("even when it is asked for while IAM keeps the deletion waiting", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		w.aws.fail(awsfake.Fault{Operation: "DeleteSAMLProvider", Kind: awsfake.FaultDeny})
		w.delete()
		w.settle()
		g.Expect(w.gone()).To(BeFalse())
		w.edit(func(p *v1alpha1.SAMLProvider) { p.Spec.DeletionPolicy = v1alpha1.DeletionRetain })
		w.settle()
		g.Expect(w.gone()).To(BeTrue())
		g.Expect(w.events()).To(ContainElement(HavePrefix("Normal " + v1alpha1.ReasonRetained)))
	})
}

func TestDeletionWithoutALedger(t *testing.T) {
	t.Run("finds its provider by the tags", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		w.loseStatus()
		w.delete()
		w.settle()
		g.Expect(w.gone()).To(BeTrue())
		g.Expect(w.aws.held()).To(BeNil())
	})

	t.Run("leaves what the tags say was adopted", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		w.aws.tag(awsiam.TagAdopted, isAdopted)
		w.loseStatus()
		w.delete()
		w.settle()
		g.Expect(w.gone()).To(BeTrue())
		g.Expect(w.aws.held()).NotTo(BeNil())
		g.Expect(w.events()).To(ContainElement(And(HavePrefix("Normal "+v1alpha1.ReasonRetained), ContainSubstring("was adopted"))))
	})

	for name, fault := range map[string]awsfake.Fault{
		"is away":                {Operation: "GetSAMLProvider", Kind: awsfake.FaultReset},
		"denies a look":          {Operation: "GetSAMLProvider", Kind: awsfake.FaultDeny},
		"knows no such operator": {Operation: "GetSAMLProvider", Kind: awsfake.FaultFail, Status: http.StatusForbidden, Code: "InvalidClientTokenId"},
	} {
		t.Run("waits in words when IAM "+name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			w.settle()
			w.loseStatus()
			w.aws.fail(fault)
			w.delete()
			result := w.settle()
			g.Expect(result.RequeueAfter).To(BeNumerically(">", 0))
			g.Expect(w.condition(v1alpha1.ConditionReady).Message).To(ContainSubstring("set spec.deletionPolicy to Retain"))
			g.Expect(w.gone()).To(BeFalse())
			g.Expect(w.hasKeys()).To(BeTrue())

			w.aws.heal()
			w.now = w.now.Add(2 * result.RequeueAfter)
			w.settle()
			g.Expect(w.gone()).To(BeTrue())
			g.Expect(w.aws.held()).To(BeNil())
		})
	}

	t.Run("needs no access to AWS when nothing was ever begun", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t, func(p *v1alpha1.SAMLProvider) { p.Finalizers = []string{Finalizer} })
		w.aws.fail(awsfake.Fault{Operation: awsfake.AnyOperation, Kind: awsfake.FaultReset})
		w.delete()
		w.settle()
		g.Expect(w.gone()).To(BeTrue())
		g.Expect(w.aws.calls()).To(BeEmpty())
	})
}

func TestADeletionWaitsForRolesThatNeedTheProvider(t *testing.T) {
	mapping := func(name string, change func(*v1alpha1.RoleMapping)) *v1alpha1.RoleMapping {
		m := &v1alpha1.RoleMapping{ObjectMeta: metav1.ObjectMeta{Namespace: "reports", Name: name}}
		m.Spec.ProviderRef.Name = "corp"
		change(m)
		return m
	}
	finalized := func(m *v1alpha1.RoleMapping) { m.Finalizers = []string{rolemapping.Finalizer} }

	t.Run("names five and counts the rest, and goes on when the last one is gone", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		var all []*v1alpha1.RoleMapping
		for i := range 7 {
			all = append(all, mapping(fmt.Sprintf("m%d", i), finalized))
			w.create(all[i])
		}
		w.delete()
		w.aws.calls()
		w.settle()
		for _, kind := range []string{v1alpha1.ConditionProvidersSynced, v1alpha1.ConditionReady} {
			told := w.condition(kind)
			g.Expect(told.Reason).To(Equal(v1alpha1.ReasonInUse))
			g.Expect(told.Message).To(And(
				ContainSubstring("reports/m0, reports/m1, reports/m2, reports/m3, reports/m4 and 2 more"), ContainSubstring("every delegation is refused")))
		}
		g.Expect(w.events()).To(ContainElement(HavePrefix("Normal " + v1alpha1.ReasonInUse)))
		g.Expect(w.aws.calls()).To(BeEmpty())

		for _, m := range all {
			g.Expect(w.gone()).To(BeFalse())
			m.Finalizers = nil
			g.Expect(w.client.Update(t.Context(), m)).To(Succeed())
			w.settle()
		}
		g.Expect(w.gone()).To(BeTrue())
		g.Expect(w.aws.held()).To(BeNil())
	})

	for _, row := range []struct {
		name  string
		other *v1alpha1.RoleMapping
		waits bool
	}{
		{"with a managed role", mapping("m", finalized), true},
		{"in an Observed account, whose roles stay", mapping("m", func(m *v1alpha1.RoleMapping) {
			m.Status.Role = &v1alpha1.RoleStatus{ARN: "arn:aws:iam::111122223333:role/x", State: v1alpha1.RoleAwaitingPublication}
		}), false},
		{"that exist anyway", mapping("m", func(m *v1alpha1.RoleMapping) { m.Spec.Role.ARN = "arn:aws:iam::111122223333:role/x" }), false},
		{"that were never allowed", mapping("m", func(m *v1alpha1.RoleMapping) {
			m.Spec.Role.Managed = &v1alpha1.ManagedRole{AccountID: accountID}
		}), false},
		{"of another provider", mapping("m", func(m *v1alpha1.RoleMapping) { finalized(m); m.Spec.ProviderRef.Name = "other" }), false},
	} {
		t.Run(fmt.Sprintf("%s: waits %t", row.name, row.waits), func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			w.settle()
			status := row.other.Status
			w.create(row.other)
			row.other.Status = status
			g.Expect(w.client.Status().Update(t.Context(), row.other)).To(Succeed())
			w.delete()
			w.settle()
			g.Expect(w.gone()).To(Equal(!row.waits))
		})
	}
}

func TestWhatADeletedMappingCalls(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.settle()
	m := &v1alpha1.RoleMapping{}
	m.Spec.ProviderRef.Name = "corp"
	g.Expect(w.reconciler.waitingProviderOf(t.Context(), m)).To(BeEmpty(), "nothing waits for it")
	w.delete()
	g.Expect(w.reconciler.waitingProviderOf(t.Context(), m)).To(ConsistOf(HaveField("NamespacedName", client.ObjectKey{Name: "corp"})))
	m.Spec.ProviderRef.Name = "other"
	g.Expect(w.reconciler.waitingProviderOf(t.Context(), m)).To(BeEmpty())
}

func (w *world) hasKeys() bool {
	w.t.Helper()
	err := w.client.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: keys.SecretName("corp")}, &corev1.Secret{})
	if client.IgnoreNotFound(err) != nil {
		w.t.Fatal(err)
	}
	return !apierrors.IsNotFound(err)
}
