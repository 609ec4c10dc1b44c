package rolemapping

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
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

// writes are the calls among some that change something in IAM.
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

// changes are an edit for each field of a managed role.
var changes = []struct {
	field string
	edit  func(*v1alpha1.ManagedRole)
	// spoil changes the same field in IAM.
	spoil func(*world) error
}{
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

func TestDriftOfEveryFieldIsRepairedAndTold(t *testing.T) {
	rows := append(slices.Clone(changes), struct {
		field string
		edit  func(*v1alpha1.ManagedRole)
		spoil func(*world) error
	}{"trustPolicy", nil, func(w *world) error {
		_, err := w.root.UpdateAssumeRolePolicy(w.t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: aws.String(otherTrust)})
		return err
	}}, struct {
		field string
		edit  func(*v1alpha1.ManagedRole)
		spoil func(*world) error
	}{"role", nil, removeRole})
	for _, row := range rows {
		t.Run(row.field, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, newProvider(), newMapping(managed))
			w.settle()
			before := w.held()
			w.events()
			w.must(row.spoil(w))
			w.now = w.now.Add(time.Hour)
			w.takeSnapshot()
			g.Expect(w.differing()).To(ConsistOf("uploader"))
			w.settle()

			after := w.held()
			g.Expect(role.Differences(before, after)).To(BeEmpty())
			d := w.mapping().Status.Drift
			g.Expect(d).NotTo(BeNil())
			g.Expect(d.Repaired).To(BeTrue())
			g.Expect(d.DetectedTime.Time).To(BeTemporally("~", w.now, time.Second))
			g.Expect(d.Differences).To(ConsistOf(HaveField("Field", row.field)))
			g.Expect(w.events()).To(ContainElement(HavePrefix("Normal DriftRepaired Repaired IAM role " + managedARN + ": " + row.field + " ")))
			g.Expect(w.drift).To(Equal(map[bool]int{true: 1}))
			g.Expect(w.condition(v1alpha1.ConditionRoleSynced).Status).To(Equal(metav1.ConditionTrue))
			g.Expect(w.mapping().Status.Role.State).To(Equal(v1alpha1.RoleSynced))
			g.Expect(w.differing()).To(BeEmpty())
		})
	}
}

func removeRole(w *world) error {
	for _, step := range role.PlanDeletion(w.held()) {
		if err := w.api.Roles().Do(w.t.Context(), managedARN, step); err != nil {
			return err
		}
	}
	return nil
}

// differing are the names of the mappings that a new snapshot calls for.
func (w *world) differing() []string {
	w.t.Helper()
	p := newProvider()
	taken, err := w.api.Snapshot(w.t.Context(), "/")
	w.must(err)
	all, err := w.reconciler.Differing(w.t.Context(), p, p.Spec.Accounts[0], taken.Roles)
	w.must(err)
	var names []string
	for _, m := range all {
		names = append(names, m.Name)
	}
	return names
}

func TestARepairThatFailsIsToldAndTriedAgain(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed))
	w.settle()
	w.must(changes[3].spoil(w))
	w.now = w.now.Add(time.Hour)
	w.takeSnapshot()
	w.fault(awsfake.Fault{Operation: "AttachRolePolicy", Kind: awsfake.FaultDeny})
	w.settle()
	g.Expect(w.mapping().Status.Drift).To(HaveValue(HaveField("Repaired", false)))
	g.Expect(w.condition(v1alpha1.ConditionRoleSynced)).To(And(HaveField("Reason", v1alpha1.ReasonAccessDenied), HaveField("Message", ContainSubstring("iam:AttachRolePolicy"))))
	g.Expect(w.mapping().Status.Role.State).To(Equal(v1alpha1.RoleFailed))
	found := w.mapping().Status.Drift.DetectedTime

	w.calls()
	w.reconcile()
	g.Expect(w.calls()).To(BeEmpty(), "not before its time")
	w.heal()
	w.now = w.now.Add(10 * time.Minute)
	w.settle()
	g.Expect(w.mapping().Status.Drift).To(HaveValue(And(HaveField("Repaired", true), HaveField("DetectedTime", found))))
	g.Expect(w.held().Policies).To(ConsistOf(readOnly))
}

func TestTagsOfOthersStay(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed))
	w.settle()
	_, err := w.root.TagRole(t.Context(), &iam.TagRoleInput{RoleName: name, Tags: []types.Tag{{Key: aws.String("cost-center"), Value: aws.String("4711")}}})
	w.must(err)
	w.now = w.now.Add(2 * time.Hour)
	w.settle()
	g.Expect(w.held().Tags).To(HaveKeyWithValue("cost-center", "4711"))
	g.Expect(w.mapping().Status.Drift).To(BeNil())
}

func TestAnObservedAccountIsReadAndNeverWritten(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(observed), newMapping(managed, plain))
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionRoleSynced).Reason).To(Equal(v1alpha1.ReasonAwaitingPublication))
	g.Expect(w.mapping().Status.Role).To(HaveValue(HaveField("State", v1alpha1.RoleAwaitingPublication)))
	g.Expect(writesOf(w.calls())).To(BeEmpty())
	g.Expect(w.mapping().Finalizers).To(BeEmpty(), "nothing is to be deleted")

	publish(w)
	w.calls()
	w.now = w.now.Add(6 * time.Minute)
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionReady).Status).To(Equal(metav1.ConditionTrue))
	g.Expect(w.mapping().Status.Role.State).To(Equal(v1alpha1.RoleSynced))

	w.must(changes[0].spoil(w))
	w.calls()
	w.now = w.now.Add(time.Hour)
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionRoleSynced)).To(And(HaveField("Reason", v1alpha1.ReasonDrifted), HaveField("Message", ContainSubstring("description spoilt -> Uploads reports"))))
	g.Expect(w.mapping().Status.Drift).To(HaveValue(And(HaveField("Repaired", false), HaveField("Differences", ConsistOf(HaveField("Field", "description"))))))
	w.now = w.now.Add(6 * time.Minute)
	w.settle()
	g.Expect(w.drift).To(Equal(map[bool]int{false: 1}), "one drift is counted once")
	g.Expect(writesOf(w.calls())).To(BeEmpty())

	_, err := w.root.UpdateRole(t.Context(), &iam.UpdateRoleInput{RoleName: name, Description: aws.String("Uploads reports"), MaxSessionDuration: aws.Int32(7200)})
	w.must(err)
	w.now = w.now.Add(6 * time.Minute)
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionReady).Status).To(Equal(metav1.ConditionTrue))
	g.Expect(w.mapping().Status.Drift).To(BeNil())

	w.calls()
	w.delete()
	g.Expect(w.gone()).To(BeTrue())
	g.Expect(w.calls()).To(BeEmpty())
	g.Expect(w.absent()).To(BeFalse())
}

func TestARoleOfAnotherIsNeverTouched(t *testing.T) {
	for _, row := range []struct {
		name string
		path string
		tags map[string]string
		says string
	}{
		{"without tags", "/reports/", nil, "does not carry the tags"},
		{"of another cluster's mapping of the same name", "/reports/", awsiam.Owner{
			ClusterUID: "another-cluster", ObjectUID: "0b0b0b0b-0000-4000-8000-000000000001", Namespace: "reports", Name: "uploader"}.Tags(), "does not carry the tags"},
		{"of a former mapping of the same name", "/reports/", awsiam.Owner{
			ClusterUID: clusterUID, ObjectUID: "former", Namespace: "reports", Name: "uploader"}.Tags(), "spec.adoption: IfTagged"},
		{"under another path", "/other/", nil, "arn:aws:iam::111122223333:role/other/reports.uploader"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, newProvider(), newMapping(managed))
			w.makeRole(row.path, managedName, otherTrust, row.tags)
			before := w.held()
			w.settle()
			g.Expect(w.condition(v1alpha1.ConditionRoleSynced)).To(And(HaveField("Reason", v1alpha1.ReasonNotOwned), HaveField("Message", ContainSubstring(row.says))))
			g.Expect(w.condition(v1alpha1.ConditionStalled).Reason).To(Equal(v1alpha1.ReasonNotOwned))

			w.delete()
			w.settle()
			g.Expect(w.gone()).To(BeTrue())
			g.Expect(writesOf(w.calls())).To(BeEmpty())
			g.Expect(w.held()).To(Equal(before))
		})
	}
}

func adopting(m *v1alpha1.RoleMapping) { m.Spec.Adoption = v1alpha1.AdoptionIfTagged }

func TestAnOfferedRoleIsAdoptedAndStays(t *testing.T) {
	for _, row := range []struct {
		name   string
		tags   map[string]string
		policy v1alpha1.DeletionPolicy
		stays  bool
	}{
		{"offered by a tag", map[string]string{awsiam.TagAdopt: "reports/uploader"}, "", true},
		{"made for a former mapping of the same name", awsiam.Owner{ClusterUID: clusterUID, ObjectUID: "former", Namespace: "reports", Name: "uploader"}.Tags(), "", true},
		{"offered, and to be deleted in the end", map[string]string{awsiam.TagAdopt: "reports/uploader"}, v1alpha1.DeletionDelete, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, newProvider(), newMapping(managed, adopting, func(m *v1alpha1.RoleMapping) { m.Spec.DeletionPolicy = row.policy }))
			w.makeRole("/reports/", managedName, otherTrust, maps.Clone(row.tags))
			w.settle()
			g.Expect(w.condition(v1alpha1.ConditionReady).Status).To(Equal(metav1.ConditionTrue))
			g.Expect(w.mapping().Status.Role).To(HaveValue(And(HaveField("Adopted", true), HaveField("State", v1alpha1.RoleSynced))))
			g.Expect(w.mapping().Status.Drift).To(BeNil())
			g.Expect(w.events()).To(ContainElements(
				HavePrefix("Normal Adopted Adopted IAM role "+managedARN), HavePrefix("Normal Synced Updated IAM role "+managedARN)))
			held := w.held()
			g.Expect(held.Tags).To(And(HaveKeyWithValue(awsiam.TagAdopted, "true"), Not(HaveKey(awsiam.TagAdopt)),
				HaveKeyWithValue(awsiam.TagObjectUID, string(w.mapping().UID))))
			g.Expect(held.Policies).To(ConsistOf(readOnly))

			w.loseStatus() // the tag says that it was adopted
			w.delete()
			w.settle()
			g.Expect(w.gone()).To(BeTrue())
			g.Expect(w.absent()).To(Equal(!row.stays))
		})
	}
}

func TestAnOfferToAnotherIsNoOffer(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed, adopting))
	w.makeRole("/reports/", managedName, otherTrust, map[string]string{awsiam.TagAdopt: "reports/other"})
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionRoleSynced).Reason).To(Equal(v1alpha1.ReasonNotOwned))
	g.Expect(writesOf(w.calls())).To(Equal([]string{"CreateRole"}), "the administrator's own")
}

func TestALostStatusIsRebuiltFromTags(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed))
	w.settle()
	before := w.mapping().Status.Role
	w.loseStatus()
	w.restartOperator()
	w.events()
	w.calls()
	w.settle()
	g.Expect(writesOf(w.calls())).To(BeEmpty())
	after := w.mapping().Status.Role
	g.Expect(after).To(HaveValue(And(HaveField("ARN", before.ARN), HaveField("State", v1alpha1.RoleSynced), HaveField("Hash", before.Hash))))
	g.Expect(w.events()).NotTo(ContainElement(ContainSubstring("Created IAM role")))
}

func TestWhatIsNoLongerAllowedLeavesItsRoleAsItIs(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*world)
		reason string
	}{
		{"allow is taken away", func(w *world) { w.editProvider(func(p *v1alpha1.SAMLProvider) { p.Spec.Allow = nil }) }, v1alpha1.ReasonNotAllowedByProvider},
		{"the mapping is stopped", func(w *world) { w.edit(func(m *v1alpha1.RoleMapping) { m.Spec.Deny = true }) }, v1alpha1.ReasonDenied},
		{"the provider is stopped", func(w *world) { w.editProvider(func(p *v1alpha1.SAMLProvider) { p.Spec.Deny = true }) }, v1alpha1.ReasonDenied},
		{"the provider is gone", deleteProvider, v1alpha1.ReasonProviderNotFound},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, newProvider(), newMapping(managed))
			w.settle()
			w.calls()
			row.change(w)
			w.settle()
			g.Expect(w.condition(v1alpha1.ConditionAccepted).Reason).To(Equal(row.reason))
			g.Expect(w.condition(v1alpha1.ConditionReady).Status).To(Equal(metav1.ConditionFalse))
			g.Expect(w.condition(v1alpha1.ConditionRoleSynced).Reason).To(Equal(v1alpha1.ReasonSynced), "its last word")
			g.Expect(w.mapping().Status.Role).NotTo(BeNil())
			g.Expect(w.mapping().Status.RoleARN).To(BeEmpty())
			g.Expect(w.calls()).To(BeEmpty())
		})
	}
}

func TestASuspendedMappingIsLeftAlone(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed))
	w.settle()
	w.edit(func(m *v1alpha1.RoleMapping) {
		m.Spec.Suspend = true
		m.Spec.Role.Managed.Description = "Something else"
		m.Annotations = map[string]string{v1alpha1.AnnotationReconcileAt: "now"}
	})
	before := w.mapping().Status
	w.calls()
	w.now = w.now.Add(24 * time.Hour)
	g.Expect(w.reconcile().RequeueAfter).To(BeZero())
	g.Expect(w.calls()).To(BeEmpty())
	g.Expect(w.mapping().Status).To(Equal(before))

	w.must(changes[1].spoil(w))
	w.edit(func(m *v1alpha1.RoleMapping) {
		m.Spec.Suspend = false
		m.Spec.Role.Managed.Description = "Uploads reports"
	})
	w.settle()
	g.Expect(w.mapping().Status.Drift).To(HaveValue(And(HaveField("Repaired", true), HaveField("Differences", ConsistOf(HaveField("Field", "maxSessionDuration"))))),
		"what was changed by hand meanwhile is put back")

	w.edit(func(m *v1alpha1.RoleMapping) { m.Spec.Suspend = true })
	w.delete()
	w.settle()
	g.Expect(w.gone()).To(BeTrue(), "a deletion goes on")
	g.Expect(w.absent()).To(BeTrue())
}

func TestTheAnnotationHasIAMLookedAtOnce(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed))
	w.settle()
	w.calls()
	w.reconcile()
	g.Expect(w.calls()).To(BeEmpty())

	w.must(changes[0].spoil(w))
	w.calls()
	w.edit(func(m *v1alpha1.RoleMapping) {
		m.Generation-- // an annotation is no spec
		m.Annotations = map[string]string{v1alpha1.AnnotationReconcileAt: "2026-11-23T12:00:00Z"}
	})
	w.settle()
	g.Expect(w.calls()).To(ContainElement("GetRole"))
	g.Expect(w.mapping().Status.LastHandledReconcileAt).To(Equal("2026-11-23T12:00:00Z"))
	g.Expect(w.mapping().Status.Drift).To(HaveValue(HaveField("Repaired", true)))
	w.reconcile()
	g.Expect(w.calls()).To(BeEmpty())
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
