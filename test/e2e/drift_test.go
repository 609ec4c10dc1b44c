//go:build e2e

package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/test/harness/story"
)

const administrator = "arn:aws:iam::aws:policy/AdministratorAccess"

// tamper changes a role in IAM as somebody does who has no business there.
func tamper(s *story.Story, m *v1alpha1.RoleMapping) {
	s.Helper()
	ctx, name := s.Context(), roleName(m.Status.Role.ARN)
	_, err := aws.IAM.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: awssdk.String(administrator)})
	s.Expect(err).NotTo(HaveOccurred())
	_, err = aws.IAM.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: name, Description: awssdk.String("mine"), MaxSessionDuration: awssdk.Int32(43200)})
	s.Expect(err).NotTo(HaveOccurred())
	_, err = aws.IAM.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		RoleName: name, PolicyName: awssdk.String("backdoor"),
		PolicyDocument: awssdk.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`),
	})
	s.Expect(err).NotTo(HaveOccurred())
	_, err = aws.IAM.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{
		RoleName: name, PolicyDocument: awssdk.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999999999999:root"},"Action":"sts:AssumeRole"}]}`),
	})
	s.Expect(err).NotTo(HaveOccurred())
}

// tampered are the fields that tamper changes.
var tampered = []string{"description", "maxSessionDuration", "trustPolicy", "policies[AdministratorAccess]", "inlinePolicies[backdoor]"}

func fieldsOf(d *v1alpha1.Drift) []string {
	fields := []string{}
	if d != nil {
		for _, difference := range d.Differences {
			fields = append(fields, difference.Field)
		}
	}
	return fields
}

func TestWhatSomebodyChangesInIAMIsPutRightAndTold(t *testing.T) {
	s := begin(world.New(t))
	m := s.ManagedMapping("uploader")
	apply(s, m)
	before := roleInIAM(s, m)

	tamper(s, m)
	lookNow(s, m)
	s.Expect(cluster.AwaitReady(t.Context(), m, story.Readiness)).To(Succeed())

	after := roleInIAM(s, m)
	s.Expect(after.AssumeRolePolicyDocument).To(Equal(before.AssumeRolePolicyDocument))
	s.Expect(after.MaxSessionDuration).To(Equal(before.MaxSessionDuration))
	s.Expect(awssdk.ToString(after.Description)).To(BeEmpty())
	attached, err := aws.IAM.ListAttachedRolePolicies(t.Context(), &iam.ListAttachedRolePoliciesInput{RoleName: after.RoleName})
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(attached.AttachedPolicies).To(BeEmpty())
	inline, err := aws.IAM.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: after.RoleName})
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(inline.PolicyNames).To(Equal([]string{"look"}))

	s.Expect(m.Status.Drift).NotTo(BeNil())
	s.Expect(m.Status.Drift.Repaired).To(BeTrue())
	s.Expect(fieldsOf(m.Status.Drift)).To(ConsistOf(tampered))
	note := awaitEvent(s, m, v1alpha1.ReasonDriftRepaired)
	for _, field := range tampered {
		s.Expect(note).To(ContainSubstring(field))
	}
	t.Log(note)
}

func TestARoleThatSomebodyDeletedIsMadeAgain(t *testing.T) {
	s := begin(world.New(t))
	m := s.ManagedMapping("uploader")
	apply(s, m)
	s.Expect(aws.Remove(t.Context(), m.Status.Role.ARN)).To(Succeed())

	lookNow(s, m)
	s.Expect(cluster.AwaitReady(t.Context(), m, story.Readiness)).To(Succeed())

	sessionOf(s).awaitCredentials(s)
}

func TestInAnObservedAccountDriftIsToldAndNothingIsWritten(t *testing.T) {
	s := begin(world.New(t))
	m := s.ManagedMapping("uploader")
	apply(s, m)
	change(s, s.Provider, func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].Management = v1alpha1.ManagementObserved })
	s.Expect(cluster.AwaitReady(t.Context(), s.Provider, story.Readiness)).To(Succeed())
	lookNow(s, m)
	s.Expect(cluster.AwaitReady(t.Context(), m, story.Readiness)).To(Succeed())
	s.Expect(aws.Control.ClearCalls(t.Context())).To(Succeed())

	tamper(s, m)
	lookNow(s, m)
	message := awaitWords(s, m, v1alpha1.ConditionRoleSynced, metav1.ConditionFalse, v1alpha1.ReasonDrifted)

	s.Expect(message).To(ContainSubstring("maxSessionDuration"))
	s.Expect(m.Status.Drift).NotTo(BeNil())
	s.Expect(m.Status.Drift.Repaired).To(BeFalse())
	s.Expect(fieldsOf(m.Status.Drift)).To(ConsistOf(tampered))
	awaitEvent(s, m, v1alpha1.ReasonDrifted)
	s.Expect(awssdk.ToInt32(roleInIAM(s, m).MaxSessionDuration)).To(BeEquivalentTo(43200))
	s.Expect(operatorWrites(s)).To(BeEmpty())

	change(s, s.Provider, func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].Management = v1alpha1.ManagementManaged })
	s.Expect(cluster.AwaitReady(t.Context(), m, story.Readiness)).To(Succeed(), "what may be written again is put right")
}

func TestAnObservedAccountWaitsUntilSomebodyPublishesTheMetadata(t *testing.T) {
	s := begin(world.New(t), func(p *v1alpha1.SAMLProviderSpec) { p.Accounts[0].Management = v1alpha1.ManagementObserved })
	awaitWords(s, s.Provider, v1alpha1.ConditionProvidersSynced, metav1.ConditionFalse, v1alpha1.ReasonAwaitingPublication)
	s.Expect(s.Provider.Status.Accounts[0].State).To(Equal(v1alpha1.AccountAwaitingPublication))
	s.Expect(cluster.AwaitCondition(t.Context(), s.Provider, v1alpha1.ConditionWorkloadReady, metav1.ConditionTrue, "", story.Readiness)).To(Succeed())

	created, err := aws.IAM.CreateSAMLProvider(t.Context(), &iam.CreateSAMLProviderInput{Name: &s.Tenant, SAMLMetadataDocument: awssdk.String(metadata(s))})
	s.Expect(err).NotTo(HaveOccurred())
	arn := created.SAMLProviderArn
	lookNow(s, s.Provider)
	apply(s, s.Mapping("uploader"))
	sessionOf(s).awaitCredentials(s)

	s.DeleteAndWait(t.Context(), s.Provider)
	_, err = aws.IAM.DeleteSAMLProvider(t.Context(), &iam.DeleteSAMLProviderInput{SAMLProviderArn: arn})
	s.Expect(err).NotTo(HaveOccurred(), "it was left to whom it belongs")
}

// metadata is what the identity provider serves.
func metadata(s *story.Story) string {
	s.Helper()
	var text string
	s.Eventually(func() error {
		request, err := http.NewRequestWithContext(s.Context(), http.MethodGet, strings.Replace(s.DelegationURL(), "/delegation", "/saml/metadata", 1), nil)
		if err != nil {
			return err
		}
		response, err := s.Door().Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		content, err := io.ReadAll(response.Body)
		text = string(content)
		return err
	}, "30s", "200ms").Should(Succeed())
	s.Expect(text).To(ContainSubstring("EntityDescriptor"))
	return text
}

func TestASuspendedMappingIsLeftAsItIsAndServesUntilItIsResumed(t *testing.T) {
	s := begin(world.New(t))
	m := s.ManagedMapping("uploader")
	apply(s, m)
	change(s, m, func(m *v1alpha1.RoleMapping) { m.Spec.Suspend = true })
	s.Expect(aws.Control.ClearCalls(t.Context())).To(Succeed())

	name := roleName(m.Status.Role.ARN)
	_, err := aws.IAM.UpdateRole(t.Context(), &iam.UpdateRoleInput{RoleName: name, MaxSessionDuration: awssdk.Int32(43200)})
	s.Expect(err).NotTo(HaveOccurred())
	change(s, m, func(m *v1alpha1.RoleMapping) {
		m.Spec.Role.Managed.Description = "for later"
		m.Annotations = map[string]string{v1alpha1.AnnotationReconcileAt: "now"}
	})
	sessionOf(s).awaitCredentials(s)
	s.Consistently(func() []string { return operatorWrites(s) }, "2s", "200ms").Should(BeEmpty())

	change(s, m, func(m *v1alpha1.RoleMapping) { m.Spec.Suspend = false })
	s.Expect(cluster.AwaitReady(t.Context(), m, story.Readiness)).To(Succeed())
	role := roleInIAM(s, m)
	s.Expect(awssdk.ToString(role.Description)).To(Equal("for later"))
	s.Expect(awssdk.ToInt32(role.MaxSessionDuration)).To(BeEquivalentTo(3600))
}
