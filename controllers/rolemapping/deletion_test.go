package rolemapping

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/test/awsfake"
)

func TestAManagedRoleGoesWithItsMapping(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed))
	w.settle()
	w.events()
	w.delete()
	w.reconcile()
	g.Expect(w.mapping().Status.Role.State).To(Equal(v1alpha1.RoleDeleting), "the ledger says so first")
	w.calls()
	result := w.reconcile()
	g.Expect(result).To(BeZero())
	g.Expect(writesOf(w.calls())).To(Equal([]string{"DetachRolePolicy", "DeleteRolePolicy", "DeleteRole"}))
	g.Expect(w.gone()).To(BeTrue())
	g.Expect(w.absent()).To(BeTrue())
	g.Expect(w.events()).To(ContainElements(
		HavePrefix("Normal Deleting Deleting IAM role"), "Normal Deleting Deleted IAM role "+managedARN))
}

func TestADeletionThatSomethingBlocksNamesItAndGoesOnWhenItIsFreed(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed))
	w.settle()
	holdInProfile(w)
	w.delete()
	w.settle()
	c := w.condition(v1alpha1.ConditionRoleSynced)
	g.Expect(c.Reason).To(Equal(v1alpha1.ReasonDeleteConflict))
	g.Expect(c.Message).To(And(ContainSubstring("workers"), ContainSubstring("aws iam remove-role-from-instance-profile")))
	g.Expect(w.condition(v1alpha1.ConditionReady).Message).To(Equal(c.Message))
	g.Expect(w.events()).To(ContainElement(HavePrefix("Warning DeleteConflict ")))

	_, err := w.root.RemoveRoleFromInstanceProfile(t.Context(), &iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: aws.String("workers"), RoleName: name})
	w.must(err)
	w.now = w.now.Add(time.Minute)
	w.settle()
	g.Expect(w.gone()).To(BeTrue())
	g.Expect(w.absent()).To(BeTrue())
}

func TestARetainedRoleStaysAndIAMIsNotAsked(t *testing.T) {
	for _, row := range []struct {
		name   string
		before func(*world)
	}{
		{"while all is well", func(*world) {}},
		{"while IAM is away", func(w *world) { w.fault(awsfake.Fault{Operation: awsfake.AnyOperation, Kind: awsfake.FaultReset}) }},
		{"after the provider", deleteProvider},
		{"as the way out of a deletion that hangs", func(w *world) {
			holdInProfile(w)
			w.edit(func(m *v1alpha1.RoleMapping) { m.Spec.DeletionPolicy = v1alpha1.DeletionDelete })
			w.delete()
			w.settle()
			w.edit(func(m *v1alpha1.RoleMapping) { m.Spec.DeletionPolicy = v1alpha1.DeletionRetain })
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, newProvider(), newMapping(managed, func(m *v1alpha1.RoleMapping) { m.Spec.DeletionPolicy = v1alpha1.DeletionRetain }))
			w.settle()
			w.events()
			row.before(w)
			w.calls()
			if w.mapping().DeletionTimestamp.IsZero() {
				w.delete()
			}
			w.settle()
			g.Expect(w.gone()).To(BeTrue())
			g.Expect(w.calls()).To(BeEmpty())
			g.Expect(w.events()).To(ContainElement(HavePrefix("Normal Retained IAM role " + managedARN + " stays")))
			w.heal()
			g.Expect(w.absent()).To(BeFalse())
		})
	}
}

func TestADeletionWaitsForIAMRatherThanLeavingTheRoleBehind(t *testing.T) {
	for _, row := range []struct {
		name string
		lost bool
	}{{"with its ledger", false}, {"without its status", true}} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, newProvider(), newMapping(managed))
			w.settle()
			if row.lost {
				w.loseStatus()
			}
			w.fault(awsfake.Fault{Operation: awsfake.AnyOperation, Kind: awsfake.FaultUnavailable})
			w.delete()
			w.restartOperator()
			result := w.settle()
			g.Expect(w.gone()).To(BeFalse())
			g.Expect(w.condition(v1alpha1.ConditionRoleSynced)).To(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonAWSUnavailable)))
			g.Expect(result.RequeueAfter).To(BeNumerically(">", 0))

			w.heal()
			w.now = w.now.Add(time.Minute)
			w.settle()
			g.Expect(w.gone()).To(BeTrue())
			g.Expect(w.absent()).To(BeTrue())
		})
	}
}

func TestAMappingThatWasNeverAcceptedGoesAtOnce(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(func(p *v1alpha1.SAMLProvider) { p.Spec.Allow = nil }), newMapping(managed))
	w.settle()
	g.Expect(w.mapping().Finalizers).To(BeEmpty())
	w.delete()
	g.Expect(w.gone()).To(BeTrue())
	g.Expect(w.calls()).To(BeEmpty())
}

func TestARoleThatLostItsTagsIsNotDeletedAndSaysSo(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed))
	w.settle()
	_, err := w.root.UntagRole(t.Context(), &iam.UntagRoleInput{RoleName: name, TagKeys: []string{awsiam.TagObjectUID}})
	w.must(err)
	w.delete()
	w.settle()
	g.Expect(w.gone()).To(BeFalse())
	g.Expect(w.condition(v1alpha1.ConditionStalled)).To(And(HaveField("Reason", v1alpha1.ReasonNotOwned), HaveField("Message", ContainSubstring("set spec.deletionPolicy: Retain"))))
	g.Expect(w.absent()).To(BeFalse())
}

func TestARoleThatIsGoneAlreadyIsNoObstacle(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed))
	w.settle()
	w.must(removeRole(w))
	w.now = w.now.Add(time.Minute)
	w.delete()
	w.settle()
	g.Expect(w.gone()).To(BeTrue())
}

func TestARoleThatIAMDoesNotShowYetIsNotLeftBehind(t *testing.T) {
	for _, row := range []struct {
		name string
		// begin brings a role about that the ledger knows more or less of.
		begin func(*world)
	}{
		{"with its ledger", func(w *world) { w.settle() }},
		{"without its status", func(w *world) { w.settle(); w.loseStatus() }},
		{"when the answer to its creation was lost", func(w *world) {
			w.reconcile()
			w.fault(awsfake.Fault{Operation: "CreateRole", Kind: awsfake.FaultReset, After: true, Count: 1})
			w.reconcile()
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, newProvider(), newMapping(managed))
			row.begin(w)
			w.fault(awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultFail, Status: 404, Code: "NoSuchEntity", Message: "cannot be found", Count: 1})
			w.delete()
			w.settle()
			g.Expect(w.gone()).To(BeFalse())
			w.now = w.now.Add(5 * time.Second)
			w.settle()
			g.Expect(w.gone()).To(BeTrue())
			g.Expect(w.absent()).To(BeTrue())
		})
	}
}

func TestARoleThatWasNeverMadeIsWaitedForOnlyShortly(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed))
	w.reconcile()
	w.delete()
	w.settle()
	g.Expect(w.gone()).To(BeFalse())
	w.now = w.now.Add(lag + time.Second)
	w.settle()
	g.Expect(w.gone()).To(BeTrue())
}

func TestADeletionAfterTheProvidersFinishesOnceThereIsOneAgain(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed))
	w.settle()
	deleteProvider(w)
	w.delete()
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionRoleSynced)).To(And(HaveField("Reason", v1alpha1.ReasonProviderNotFound),
		HaveField("Message", ContainSubstring(`SAMLProvider "corp" does not exist, and without it IAM role `+managedARN+` cannot be deleted`))))
	w.must(w.client.Create(t.Context(), newProvider()))
	w.settle()
	g.Expect(w.gone()).To(BeTrue())
	g.Expect(w.absent()).To(BeTrue())
}

func TestARoleGoesFromAnAccountThatTheProviderNoLongerLists(t *testing.T) {
	for _, row := range []struct {
		name   string
		before func(*world)
	}{
		{"as the ledger says", func(*world) {}},
		{"found by its tags when the status was lost", func(w *world) { w.loseStatus() }},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, newProvider(), newMapping(managed))
			w.settle()
			w.editProvider(func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].ID = "444455556666" })
			w.editProviderStatus(func(p *v1alpha1.SAMLProvider) {
				p.Status.Accounts[0].ProviderARN = providerARN
				p.Status.Accounts[0].LastSpec = &v1alpha1.AccountLastSpec{Region: "eu-west-1"}
			})
			w.settle()
			g.Expect(w.condition(v1alpha1.ConditionAccepted).Reason).To(Equal(v1alpha1.ReasonAccountNotListed))
			g.Expect(w.absent()).To(BeFalse(), "it is not taken away from anybody")
			row.before(w)
			w.delete()
			w.settle()
			g.Expect(w.gone()).To(BeTrue())
			g.Expect(w.absent()).To(BeTrue())
		})
	}
}
