package controllers_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/test/awsfake"
)

func TestARoleThatAnInstanceProfileHoldsIsNamedAndGoesWhenItIsFreed(t *testing.T) {
	w := newWorld(t)
	ns := env.Namespace(t, "reports")
	w.createServingProvider("held", allowManaged(ns))
	m := w.apply(newManaged(ns, "held"))
	w.ready(m)
	name := aws.String(m.ManagedRoleName())
	_, err := w.aws.root.CreateInstanceProfile(t.Context(), &iam.CreateInstanceProfileInput{InstanceProfileName: &ns})
	w.Expect(err).NotTo(HaveOccurred())
	_, err = w.aws.root.AddRoleToInstanceProfile(t.Context(), &iam.AddRoleToInstanceProfileInput{InstanceProfileName: &ns, RoleName: name})
	w.Expect(err).NotTo(HaveOccurred())

	w.delete(m)
	w.Eventually(w.condition(m, v1alpha1.ConditionReady)).Should(SatisfyAll(
		HaveField("Reason", v1alpha1.ReasonDeleteConflict), HaveField("Message", ContainSubstring("instance profile "+ns))))
	w.Eventually(w.events(m)).Should(ContainElement("Warning DeleteConflict"))

	_, err = w.aws.root.RemoveRoleFromInstanceProfile(t.Context(), &iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: &ns, RoleName: name})
	w.Expect(err).NotTo(HaveOccurred())
	w.askAgain(m)
	w.Eventually(w.gone(m)).Should(BeTrue())
	w.Expect(w.aws.roleOf(m)).To(BeNil())
}

// askAgain has a deletion tried again that would wait for its time.
func (w *world) askAgain(m *v1alpha1.RoleMapping) {
	w.t.Helper()
	update(w, m, func(m *v1alpha1.RoleMapping) {
		m.Annotations = map[string]string{v1alpha1.AnnotationReconcileAt: m.ResourceVersion}
	})
}

func TestADeletedMappingWaitsForIAMWhileItIsDown(t *testing.T) {
	w := newWorld(t)
	ns := env.Namespace(t, "reports")
	w.createServingProvider("down", allowManaged(ns))
	m := w.apply(newManaged(ns, "down"))
	w.ready(m)
	w.aws.disturb(awsfake.Fault{Operation: awsfake.AnyOperation, Kind: awsfake.FaultReset})
	w.delete(m)
	w.Eventually(w.condition(m, v1alpha1.ConditionReady)).Should(HaveField("Reason", v1alpha1.ReasonAWSUnavailable))
	w.Eventually(w.events(m)).Should(ContainElement("Warning AWSUnavailable"))

	// An operator that restarts, and has lost the status on top, does not leave the role behind.
	w.stop()
	w.loseRoleStatus(m)
	w.startOperator()
	w.Eventually(w.condition(m, v1alpha1.ConditionReady)).Should(HaveField("Reason", v1alpha1.ReasonAWSUnavailable))
	w.aws.mend()
	w.askAgain(m)
	w.Eventually(w.gone(m)).Should(BeTrue())
	w.Expect(w.aws.roleOf(m)).To(BeNil())
}

func TestARetainedRoleOutlivesItsMapping(t *testing.T) {
	w := newWorld(t)
	ns := env.Namespace(t, "reports")
	w.createServingProvider("retain", allowManaged(ns))
	m := w.apply(newManaged(ns, "retain", func(m *v1alpha1.RoleMapping) { m.Spec.DeletionPolicy = v1alpha1.DeletionRetain }))
	w.ready(m)
	before := *w.aws.roleOf(m)
	w.aws.disturb(awsfake.Fault{Operation: awsfake.AnyOperation, Kind: awsfake.FaultReset})
	w.delete(m)
	w.Eventually(w.gone(m)).Should(BeTrue(), "IAM is not asked")
	w.aws.mend()
	w.Expect(*w.aws.roleOf(m)).To(Equal(before))
	w.Eventually(w.notes(m)).Should(ContainElement(HavePrefix("Normal Retained IAM role " + before.ARN + " stays")))
}

func TestAMappingThatIsNoLongerAllowedCanBeDeletedAllTheSame(t *testing.T) {
	w := newWorld(t)
	ns := env.Namespace(t, "reports")
	p := w.createServingProvider("withdrawn", allowManaged(ns))
	m := w.apply(newManaged(ns, "withdrawn"))
	w.ready(m)
	update(w, p, func(p *v1alpha1.SAMLProvider) { p.Spec.Allow = nil })
	w.Eventually(w.condition(m, v1alpha1.ConditionAccepted)).Should(HaveField("Reason", v1alpha1.ReasonNotAllowedByProvider))
	w.Expect(w.aws.roleOf(m)).NotTo(BeNil())
	w.delete(m)
	w.Eventually(w.gone(m)).Should(BeTrue())
	w.Expect(w.aws.roleOf(m)).To(BeNil())
}

func TestAProviderThatIsDeletedFirstGivesItsMappingsTheTimeToGo(t *testing.T) {
	w := newWorld(t)
	ns := env.Namespace(t, "reports")
	p := w.createServingProvider("leaves-first", allowManaged(ns))
	m := w.apply(newManaged(ns, "leaves-first"))
	w.ready(m)
	w.delete(p)
	w.Eventually(w.condition(m, v1alpha1.ConditionAccepted)).Should(HaveField("Reason", v1alpha1.ReasonDeleting))
	w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(SatisfyAll(
		HaveField("Reason", v1alpha1.ReasonInUse), HaveField("Message", ContainSubstring(ns+"/uploader"))))
	w.delete(m)
	w.Eventually(w.gone(m)).Should(BeTrue())
	w.Eventually(w.gone(p)).Should(BeTrue())
	w.Expect(w.aws.roleOf(m)).To(BeNil())
}
