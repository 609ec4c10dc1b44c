package rolemapping

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/test/awsfake"
)

// held is what IAM holds under the managed role's name.
func (w *world) held() role.Role {
	w.t.Helper()
	r, err := w.api.Roles().Get(w.t.Context(), managedName)
	w.must(err)
	w.calls()
	return r
}

func (w *world) absent() bool {
	_, err := w.api.Roles().GetTrust(w.t.Context(), managedName)
	w.calls()
	return isNotFound(err)
}

// writesOf are the calls among some that change something in IAM.
func writesOf(calls []string) []string {
	return slices.DeleteFunc(calls, func(operation string) bool {
		return strings.HasPrefix(operation, "Get") || strings.HasPrefix(operation, "List")
	})
}

func TestAManagedRoleIsMadeWhole(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed))
	w.settle()
	g.Expect(w.calls()).To(Equal([]string{"GetRole", "CreateRole", "PutRolePolicy", "AttachRolePolicy"}))

	held := w.held()
	g.Expect(held.ARN).To(Equal(managedARN))
	g.Expect(held.Description).To(Equal("Uploads reports"))
	g.Expect(held.MaxSessionDuration).To(Equal(2 * time.Hour))
	g.Expect(held.PermissionsBoundary).To(Equal(readOnly))
	g.Expect(held.Policies).To(ConsistOf(readOnly))
	g.Expect(held.InlinePolicies).To(HaveKeyWithValue("s3", MatchJSON(inlineDocument)))
	g.Expect(held.TrustPolicy).To(And(ContainSubstring(providerARN), ContainSubstring(`"reports/uploader"`), ContainSubstring("https://eu-west-1.signin.aws.amazon.com/saml")))
	g.Expect(held.Tags).To(Equal(map[string]string{
		"team": "reports", awsiam.TagClusterUID: clusterUID, awsiam.TagObjectUID: string(w.mapping().UID),
		awsiam.TagNamespace: "reports", awsiam.TagName: "uploader",
	}))

	m := w.mapping()
	g.Expect(m.Finalizers).To(ConsistOf(Finalizer))
	g.Expect(m.Status.RoleARN).To(Equal(managedARN))
	g.Expect(m.Status.ProviderARN).To(Equal(providerARN))
	g.Expect(m.Status.Role).To(HaveValue(And(
		HaveField("ARN", managedARN), HaveField("State", v1alpha1.RoleSynced), HaveField("Hash", HaveLen(64)), HaveField("Adopted", false))))
	g.Expect(w.events()).To(ContainElement("Normal Synced Created IAM role " + managedARN))
	g.Expect(w.condition(v1alpha1.ConditionReady).Status).To(Equal(metav1.ConditionTrue))
}

func TestTheLedgerNamesARoleBeforeIAMIsAskedForIt(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed))
	w.reconcile()
	g.Expect(w.calls()).To(BeEmpty())
	g.Expect(w.mapping().Status.Role).To(HaveValue(And(HaveField("ARN", managedARN), HaveField("State", v1alpha1.RoleCreating))))
	g.Expect(w.mapping().Finalizers).To(ConsistOf(Finalizer))
}

func TestAnOperatorThatDiesFindsItsRoleAgain(t *testing.T) {
	for _, row := range []struct {
		name string
		dies func(*world)
	}{
		{"between the ledger and IAM", func(w *world) { w.reconcile() }},
		{"between IAM and the ledger", func(w *world) {
			w.reconcile()
			w.fault(awsfake.Fault{Operation: "CreateRole", Kind: awsfake.FaultReset, After: true, Count: 1})
			w.reconcile()
		}},
		{"between the role and its policies", func(w *world) {
			w.reconcile()
			w.fault(awsfake.Fault{Operation: "AttachRolePolicy", Kind: awsfake.FaultUnavailable, Count: 1})
			w.reconcile()
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, newProvider(), newMapping(managed))
			row.dies(w)
			w.restartOperator()
			w.settle()
			g.Expect(w.held().Policies).To(ConsistOf(readOnly))
			g.Expect(w.mapping().Status.Role.State).To(Equal(v1alpha1.RoleSynced))
			g.Expect(w.mapping().Status.Drift).To(BeNil(), "what was never whole did not drift")
			g.Expect(w.events()).To(ContainElement("Normal Synced Created IAM role " + managedARN))
		})
	}
}

// change is an edit of a field of a managed role, and what changes the same field in IAM.
type change struct {
	field string
	edit  func(*v1alpha1.ManagedRole)
	spoil func(*world) error
}

// changes are one for each field.
var changes = []change{
	{"description", func(r *v1alpha1.ManagedRole) { r.Description = "Something else" }, func(w *world) error {
		_, err := w.root.UpdateRole(w.t.Context(), &iam.UpdateRoleInput{RoleName: name, Description: aws.String("spoilt"), MaxSessionDuration: aws.Int32(7200)})
		return err
	}},
	{"maxSessionDuration", func(r *v1alpha1.ManagedRole) { r.MaxSessionDuration.Duration = 3 * time.Hour }, func(w *world) error {
		_, err := w.root.UpdateRole(w.t.Context(), &iam.UpdateRoleInput{RoleName: name, Description: aws.String("Uploads reports"), MaxSessionDuration: aws.Int32(43200)})
		return err
	}},
	{"permissionsBoundary", func(r *v1alpha1.ManagedRole) { r.PermissionsBoundary = "" }, func(w *world) error {
		_, err := w.root.DeleteRolePermissionsBoundary(w.t.Context(), &iam.DeleteRolePermissionsBoundaryInput{RoleName: name})
		return err
	}},
	{"policies[ReadOnlyAccess]", func(r *v1alpha1.ManagedRole) { r.Policies = nil }, func(w *world) error {
		_, err := w.root.DetachRolePolicy(w.t.Context(), &iam.DetachRolePolicyInput{RoleName: name, PolicyArn: aws.String(readOnly)})
		return err
	}},
	{"inlinePolicies[s3]", func(r *v1alpha1.ManagedRole) {
		r.InlinePolicies[0].Document = strings.Replace(inlineDocument, "GetObject", "PutObject", 1)
	}, func(w *world) error {
		_, err := w.root.DeleteRolePolicy(w.t.Context(), &iam.DeleteRolePolicyInput{RoleName: name, PolicyName: aws.String("s3")})
		return err
	}},
	{"inlinePolicies[more]", func(r *v1alpha1.ManagedRole) {
		r.InlinePolicies = append(r.InlinePolicies, v1alpha1.InlinePolicy{Name: "more", Document: inlineDocument})
	}, func(w *world) error {
		_, err := w.root.PutRolePolicy(w.t.Context(), &iam.PutRolePolicyInput{RoleName: name, PolicyName: aws.String("more"), PolicyDocument: aws.String(inlineDocument)})
		return err
	}},
	{"tags[team]", func(r *v1alpha1.ManagedRole) { r.Tags[0].Value = "billing" }, func(w *world) error {
		_, err := w.root.UntagRole(w.t.Context(), &iam.UntagRoleInput{RoleName: name, TagKeys: []string{"team"}})
		return err
	}},
}

var name = aws.String(managedName)

func TestAnEditChangesTheRoleInPlace(t *testing.T) {
	for _, row := range changes {
		t.Run(row.field, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, newProvider(), newMapping(managed))
			w.settle()
			w.events()
			w.edit(func(m *v1alpha1.RoleMapping) { row.edit(m.Spec.Role.Managed) })
			w.calls()
			w.settle()
			g.Expect(w.calls()).NotTo(ContainElement(Or(Equal("CreateRole"), Equal("DeleteRole"))))
			g.Expect(w.events()).To(ContainElement(HavePrefix("Normal Synced Updated IAM role " + managedARN + ": " + row.field + " ")))
			g.Expect(w.mapping().Status.Drift).To(BeNil(), "an edit is no drift")

			s, err := w.reconciler.newScope(t.Context(), w.mapping())
			w.must(err)
			s.accept()
			g.Expect(role.Differences(s.want, w.held())).To(BeEmpty())
		})
	}
}

func TestARoleThatIAMDoesNotShowYetIsTriedAgainSoon(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed))
	w.reconcile()
	w.fault(awsfake.Fault{Operation: "PutRolePolicy", Kind: awsfake.FaultFail, Status: 404, Code: "NoSuchEntity", Message: "The role with name " + managedName + " cannot be found.", Count: 1})
	result := w.reconcile()
	g.Expect(w.condition(v1alpha1.ConditionRoleSynced).Reason).To(Equal(v1alpha1.ReasonConflict))
	g.Expect(result.RequeueAfter).To(BeNumerically("<", 5*time.Second))
	w.now = w.now.Add(result.RequeueAfter)
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionReady).Status).To(Equal(metav1.ConditionTrue))
}

func TestWhatIsTakenAwayAlreadyIsNoFailure(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed))
	w.settle()
	w.edit(func(m *v1alpha1.RoleMapping) { m.Spec.Role.Managed.Policies = nil })
	w.fault(awsfake.Fault{Operation: "DetachRolePolicy", Kind: awsfake.FaultFail, Status: 404, Code: "NoSuchEntity", Message: "Policy " + readOnly + " was not found.", Count: 1})
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionReady).Status).To(Equal(metav1.ConditionTrue))
}

func TestAnAccountThatMovesToAnotherPartitionKeepsItsLedger(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed, plain))
	w.settle()
	w.calls()
	w.editProvider(func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].Region = "cn-north-1" })
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionRoleSynced)).To(And(HaveField("Reason", v1alpha1.ReasonInvalidRequest), HaveField("Message", ContainSubstring("another partition"))))
	g.Expect(w.mapping().Status.Role.ARN).To(Equal(managedARN))
	g.Expect(w.calls()).To(BeEmpty())
}
