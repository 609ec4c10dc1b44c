package controllers_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/test/awsfake"
)

func TestApplyIsEnoughForARoleThatComesAndGoesWithItsMapping(t *testing.T) {
	w := newWorld(t)
	ns := env.Namespace(t, "reports")
	w.createServingProvider("apply", allowManaged(ns))
	m := w.apply(newManaged(ns, "apply"))
	w.ready(m)

	held := w.aws.roleOf(m)
	w.Expect(held).NotTo(BeNil())
	w.Expect(held.ARN).To(Equal("arn:aws:iam::111122223333:role/attache/" + ns + "/" + ns + ".uploader"))
	w.Expect(held.TrustPolicy).To(And(ContainSubstring("saml-provider/apply"), ContainSubstring(ns+"/uploader"), ContainSubstring("SAML:aud")))
	w.Expect(held.Policies).To(ConsistOf(readOnly))
	w.Expect(held.InlinePolicies).To(HaveKeyWithValue("s3", MatchJSON(inlineDocument)))
	w.Expect(m.Status.Role).To(HaveValue(And(HaveField("ARN", held.ARN), HaveField("State", v1alpha1.RoleSynced))))
	w.Expect(m.Status.RoleARN).To(Equal(held.ARN))
	w.Eventually(w.notes(m)).Should(ContainElement("Normal Synced Created IAM role " + held.ARN))

	// An edit changes the role in place.
	update(w, m, func(m *v1alpha1.RoleMapping) {
		m.Spec.Role.Managed.MaxSessionDuration = &metav1.Duration{Duration: 2 * time.Hour}
		m.Spec.Role.Managed.Policies = nil
		m.Spec.Role.Managed.Tags[0].Value = "billing"
	})
	w.Eventually(w.notes(m)).Should(ContainElement(And(HavePrefix("Normal Synced Updated IAM role "+held.ARN),
		ContainSubstring("maxSessionDuration 1h -> 2h"), ContainSubstring("tags[team] reports -> billing"))))
	w.ready(m)
	edited := w.aws.roleOf(m)
	w.Expect(edited.MaxSessionDuration).To(Equal(2 * time.Hour))
	w.Expect(edited.Policies).To(BeEmpty())
	w.Expect(edited.Tags).To(HaveKeyWithValue("team", "billing"))
	created, err := w.aws.control.Calls(t.Context(), "CreateRole")
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(created).To(HaveLen(1))
	w.Expect(w.metrics.Gather()).To(ContainElement(And(HaveField("GetName()", "attache_resources"), HaveField("GetMetric()", Not(BeEmpty())))))

	w.delete(m)
	w.Eventually(w.gone(m)).Should(BeTrue())
	w.Expect(w.aws.roleOf(m)).To(BeNil())
	w.Eventually(w.notes(m)).Should(ContainElement("Normal Deleting Deleted IAM role " + held.ARN))
}

func TestWhatChangedInAWSWhileNobodyWatchedIsRepairedAndTold(t *testing.T) {
	w := newWorld(t)
	ns := env.Namespace(t, "reports")
	w.createServingProvider("drift", allowManaged(ns))
	changed := w.apply(newManaged(ns, "drift"))
	removed := w.apply(newManaged(ns, "drift", func(m *v1alpha1.RoleMapping) { m.Name = "removed" }))
	quiet := w.apply(newManaged(ns, "drift", func(m *v1alpha1.RoleMapping) { m.Name = "quiet" }))
	for _, m := range []*v1alpha1.RoleMapping{changed, removed, quiet} {
		w.ready(m)
	}
	before := *w.aws.roleOf(changed)
	quietVersion := quiet.ResourceVersion
	w.stop()
	name := aws.String(changed.ManagedRoleName())
	for _, step := range []role.Step{
		{Operation: role.UpdateAssumeRolePolicy, Document: foreignTrust},
		{Operation: role.UpdateRole, Description: "mine", MaxSessionDuration: 12 * time.Hour},
		{Operation: role.PutRolePermissionsBoundary, PolicyARN: readOnly},
		{Operation: role.DetachRolePolicy, PolicyARN: readOnly},
		{Operation: role.PutRolePolicy, PolicyName: "more", Document: inlineDocument},
		{Operation: role.DeleteRolePolicy, PolicyName: "s3"},
		role.Untag("team"),
	} {
		w.Expect(w.aws.admin().Roles().Do(t.Context(), *name, step)).To(Succeed())
	}
	for _, step := range role.PlanDeletion(*w.aws.roleOf(removed)) {
		w.Expect(w.aws.admin().Roles().Do(t.Context(), removed.ManagedRoleName(), step)).To(Succeed())
	}

	w.startOperator()
	// The documented policy lets nobody take a boundary off a role who has to give one; this one is
	// without, so the operator may.
	w.Eventually(func() []v1alpha1.Difference { return role.Differences(before, *w.aws.roleOf(changed)) }).Should(BeEmpty())
	w.Eventually(func() *role.Role { return w.aws.roleOf(removed) }).ShouldNot(BeNil())
	w.Eventually(func() *v1alpha1.Drift { w.condition(changed, v1alpha1.ConditionReady)(); return changed.Status.Drift }).Should(HaveValue(And(
		HaveField("Repaired", true),
		HaveField("Differences", HaveExactElements(
			HaveField("Field", "description"), HaveField("Field", "maxSessionDuration"), HaveField("Field", "trustPolicy"), HaveField("Field", "permissionsBoundary"),
			HaveField("Field", "policies[ReadOnlyAccess]"), HaveField("Field", "inlinePolicies[more]"), HaveField("Field", "inlinePolicies[s3]"), HaveField("Field", "tags[team]"))))))
	w.Eventually(w.notes(changed)).Should(ContainElement(And(HavePrefix("Normal DriftRepaired Repaired IAM role "+before.ARN), ContainSubstring("maxSessionDuration 12h -> 1h"))))
	w.Eventually(w.notes(removed)).Should(ContainElement(HavePrefix("Normal DriftRepaired Repaired IAM role " + roleARN(removed) + ": role none -> ")))
	w.ready(changed)
	w.ready(removed)
	w.Expect(w.condition(quiet, v1alpha1.ConditionReady)()).To(HaveField("Status", metav1.ConditionTrue))
	w.Expect(quiet.ResourceVersion).To(Equal(quietVersion), "what did not change is not written")
}

func TestTerraformMakesTheRolesOfAnObservedAccount(t *testing.T) {
	w := newWorld(t)
	ns := env.Namespace(t, "reports")
	w.aws.attach("attache-reads", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:Get*","iam:List*"],"Resource":"*"}]}`)
	w.createProviderAsIs("terraform", observed, allowManaged(ns))
	m := w.apply(newManaged(ns, "terraform", func(m *v1alpha1.RoleMapping) {
		m.Spec.Role.Managed.Policies, m.Spec.Role.Managed.InlinePolicies = nil, nil
	}))
	w.Eventually(w.condition(m, v1alpha1.ConditionRoleSynced)).Should(SatisfyAll(
		HaveField("Reason", v1alpha1.ReasonAwaitingPublication), HaveField("Message", ContainSubstring("role none -> "+roleARN(m)))))
	w.Expect(m.Finalizers).To(BeEmpty())
	w.Expect(w.aws.roleOf(m)).To(BeNil())

	w.aws.makeRole(roleARN(m), foreignTrust, map[string]string{"team": "reports"})
	w.lookNow(m)
	c := w.condition(m, v1alpha1.ConditionRoleSynced)()
	w.Expect(c.Message).To(And(ContainSubstring("description none -> Uploads reports"), ContainSubstring("trustPolicy")))

	// Terraform does what the message says.
	_, err := w.aws.root.UpdateRole(t.Context(), &iam.UpdateRoleInput{RoleName: aws.String(m.ManagedRoleName()), Description: aws.String("Uploads reports")})
	w.Expect(err).NotTo(HaveOccurred())
	trust := trustOf("terraform", ns+"/uploader")
	_, err = w.aws.root.UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String(m.ManagedRoleName()), PolicyDocument: &trust})
	w.Expect(err).NotTo(HaveOccurred())
	w.lookNow(m)
	w.Expect(w.condition(m, v1alpha1.ConditionRoleSynced)()).To(HaveField("Status", metav1.ConditionTrue))

	// Somebody changes it, which is told and left alone.
	_, err = w.aws.root.UpdateRole(t.Context(), &iam.UpdateRoleInput{RoleName: aws.String(m.ManagedRoleName()), Description: aws.String("mine")})
	w.Expect(err).NotTo(HaveOccurred())
	before := *w.aws.roleOf(m)
	w.lookNow(m)
	w.Expect(w.condition(m, v1alpha1.ConditionRoleSynced)()).To(HaveField("Reason", v1alpha1.ReasonDrifted))
	w.Expect(m.Status.Drift).To(HaveValue(And(HaveField("Repaired", false), HaveField("Differences", ConsistOf(HaveField("Field", "description"))))))
	w.Eventually(w.notes(m)).Should(ContainElement(And(HavePrefix("Warning Drifted "), ContainSubstring("description mine -> Uploads reports"))))
	w.Expect(*w.aws.roleOf(m)).To(Equal(before))

	w.delete(m)
	w.Eventually(w.gone(m)).Should(BeTrue())
	w.Expect(*w.aws.roleOf(m)).To(Equal(before))
}

func TestAnEmergencyStopLeavesTheRoleAsItIs(t *testing.T) {
	w := newWorld(t)
	ns := env.Namespace(t, "reports")
	w.createServingProvider("stop", allowManaged(ns))
	m := w.apply(newManaged(ns, "stop"))
	w.ready(m)
	before := *w.aws.roleOf(m)
	update(w, m, func(m *v1alpha1.RoleMapping) {
		m.Spec.Deny = true
		m.Spec.Role.Managed.Description = "Something else"
	})
	w.Eventually(w.condition(m, v1alpha1.ConditionReady)).Should(HaveField("Reason", v1alpha1.ReasonDenied))
	w.Expect(w.condition(m, v1alpha1.ConditionAccepted)()).To(HaveField("Reason", v1alpha1.ReasonDenied))
	w.Expect(w.condition(m, v1alpha1.ConditionRoleSynced)()).To(HaveField("Status", metav1.ConditionTrue), "its last word")
	w.Expect(w.condition(m, v1alpha1.ConditionStalled)()).To(BeZero())
	w.Eventually(w.events(m)).Should(ContainElement("Warning Denied"))
	w.Expect(*w.aws.roleOf(m)).To(Equal(before))

	update(w, m, func(m *v1alpha1.RoleMapping) { m.Spec.Deny = false })
	w.ready(m)
	w.Eventually(func() string { return w.aws.roleOf(m).Description }).Should(Equal("Something else"))
}

func TestASuspendedMappingWaitsUntilItIsResumed(t *testing.T) {
	w := newWorld(t)
	ns := env.Namespace(t, "reports")
	w.createServingProvider("suspend", allowManaged(ns))
	m := w.apply(newManaged(ns, "suspend"))
	w.ready(m)
	update(w, m, func(m *v1alpha1.RoleMapping) {
		m.Spec.Suspend = true
		m.Spec.Role.Managed.Description = "Something else"
	})
	w.settle()
	w.Expect(w.condition(m, v1alpha1.ConditionReady)()).To(HaveField("ObservedGeneration", m.Generation-1))
	w.Expect(w.aws.roleOf(m).Description).To(Equal("Uploads reports"))
	update(w, m, func(m *v1alpha1.RoleMapping) { m.Spec.Suspend = false })
	w.Eventually(func() string { return w.aws.roleOf(m).Description }).Should(Equal("Something else"))
}

func TestTheOldestMappingsOfANamespaceHaveTheRolesThatMaxRolesAllows(t *testing.T) {
	w := newWorld(t)
	ns := env.Namespace(t, "reports")
	w.createServingProvider("limit", allowManaged(ns, func(a *v1alpha1.AllowManaged) { a.MaxRoles = ptr.To[int32](1) }))
	first := w.apply(newManaged(ns, "limit", func(m *v1alpha1.RoleMapping) { m.Name = "a" }))
	w.ready(first)
	second := w.apply(newManaged(ns, "limit", func(m *v1alpha1.RoleMapping) { m.Name = "b" }))
	w.Eventually(w.condition(second, v1alpha1.ConditionStalled)).Should(SatisfyAll(
		HaveField("Reason", v1alpha1.ReasonTooManyRoles), HaveField("Message", ContainSubstring("maxRoles"))))
	w.Expect(w.aws.roleOf(second)).To(BeNil())
	w.Expect(second.Finalizers).To(BeEmpty())

	w.delete(first)
	w.Eventually(w.gone(first)).Should(BeTrue())
	w.ready(second)
	w.Expect(w.aws.roleOf(second)).NotTo(BeNil())
}

func TestANamespaceIsChosenByItsLabels(t *testing.T) {
	w := newWorld(t)
	ns := env.Namespace(t, "reports")
	label := func(value string) {
		w.Eventually(func() error {
			namespace := &corev1.Namespace{}
			if err := env.Client.Get(t.Context(), client.ObjectKey{Name: ns}, namespace); err != nil {
				return err
			}
			metav1.SetMetaDataLabel(&namespace.ObjectMeta, "tenant", value)
			return env.Client.Update(t.Context(), namespace)
		}).Should(Succeed())
	}
	w.createServingProvider("labels", allowManaged(ns), func(p *v1alpha1.SAMLProvider) {
		p.Spec.Allow[0].Namespaces = v1alpha1.NamespaceSelection{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"tenant": ns}}}
	})
	m := w.apply(newManaged(ns, "labels"))
	w.Eventually(w.condition(m, v1alpha1.ConditionAccepted)).Should(HaveField("Reason", v1alpha1.ReasonNotAllowedByProvider))
	label(ns)
	w.ready(m)
	label("other")
	w.Eventually(w.condition(m, v1alpha1.ConditionAccepted)).Should(HaveField("Reason", v1alpha1.ReasonNotAllowedByProvider))
	w.Expect(w.aws.roleOf(m)).NotTo(BeNil(), "the role stays as it is")
}

func TestThrottlingOfIAMIsToldAndPasses(t *testing.T) {
	w := newWorld(t)
	ns := env.Namespace(t, "reports")
	w.createServingProvider("throttled-roles", allowManaged(ns))
	w.aws.disturb(awsfake.Fault{Operation: "CreateRole", Kind: awsfake.FaultThrottle, Count: 1})
	m := w.apply(newManaged(ns, "throttled-roles"))
	w.Eventually(w.condition(m, v1alpha1.ConditionRoleSynced)).Should(HaveField("Reason", v1alpha1.ReasonThrottled))
	w.Eventually(w.events(m)).Should(ContainElement("Warning Throttled"))
	w.ready(m)
}

func TestAnExistingRolesTrustPolicyIsVerified(t *testing.T) {
	w := newWorld(t)
	ns := env.Namespace(t, "reports")
	arn := "arn:aws:iam::111122223333:role/" + ns
	w.createServingProvider("existing", allow(ns, v1alpha1.RolePattern(arn)))
	m := w.apply(newMapping(ns, "existing", arn))
	w.Eventually(w.condition(m, v1alpha1.ConditionTrustPolicyVerified)).Should(HaveField("Reason", v1alpha1.ReasonRoleNotFound))

	w.aws.makeRole(arn, foreignTrust, nil)
	w.lookNow(m)
	w.Expect(w.condition(m, v1alpha1.ConditionTrustPolicyVerified)()).To(SatisfyAll(
		HaveField("Reason", v1alpha1.ReasonTrustPolicyInsufficient), HaveField("Message", ContainSubstring("saml-provider/existing"))))

	trust := trustOf("existing", ns+"/uploader")
	_, err := w.aws.root.UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: &ns, PolicyDocument: &trust})
	w.Expect(err).NotTo(HaveOccurred())
	w.lookNow(m)
	w.ready(m)

	w.aws.disturb(awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultDeny})
	w.lookNow(m)
	w.Expect(w.condition(m, v1alpha1.ConditionTrustPolicyVerified)()).To(SatisfyAll(
		HaveField("Status", metav1.ConditionUnknown), HaveField("Reason", v1alpha1.ReasonNotVerifiable), HaveField("Message", ContainSubstring("iam:GetRole"))))
	w.Expect(w.condition(m, v1alpha1.ConditionReady)()).To(HaveField("Status", metav1.ConditionTrue))
}

// TestAnOperatorThatDiesAroundCreateRoleIsFollowedByOneThatKnows has the operator lose the answer of
// a call that IAM has carried out, and end before it can write what it knows.
func TestAnOperatorThatDiesAroundCreateRoleIsFollowedByOneThatKnows(t *testing.T) {
	for _, row := range []struct {
		name     string
		provider string
		fault    awsfake.Fault
		made     bool
	}{
		{"between the ledger and IAM", "dies-before", awsfake.Fault{Operation: "CreateRole", Kind: awsfake.FaultFail, Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable"}, false},
		{"between IAM and the ledger", "dies-after", awsfake.Fault{Operation: "CreateRole", Kind: awsfake.FaultReset, After: true}, true},
		{"between the role and its policies", "dies-amid", awsfake.Fault{Operation: "PutRolePolicy", Kind: awsfake.FaultReset}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			ns := env.Namespace(t, "reports")
			w.createServingProvider(row.provider, allowManaged(ns))
			w.aws.disturb(row.fault)
			m := w.apply(newManaged(ns, row.provider))
			w.Eventually(w.condition(m, v1alpha1.ConditionRoleSynced)).Should(HaveField("Reason", v1alpha1.ReasonAWSUnavailable))
			w.Expect(m.Status.Role).To(HaveValue(HaveField("State", v1alpha1.RoleCreating)))
			w.stop()
			w.Expect(w.aws.roleOf(m) != nil).To(Equal(row.made))
			w.aws.mend()
			w.startOperator()
			w.ready(m)
			w.Expect(w.aws.roleOf(m).InlinePolicies).To(HaveKey("s3"))
			w.Expect(m.Status.Drift).To(BeNil())
		})
	}
}
