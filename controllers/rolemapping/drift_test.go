package rolemapping

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/test/awsfake"
)

func TestDriftOfEveryFieldIsRepairedAndTold(t *testing.T) {
	rows := append(slices.Clone(changes),
		change{"trustPolicy", nil, func(w *world) error {
			_, err := w.root.UpdateAssumeRolePolicy(w.t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: aws.String(otherTrust)})
			return err
		}},
		change{"role", nil, removeRole},
	)
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
