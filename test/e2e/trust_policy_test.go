//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/test/awsfake"
	"attache.dev/attache/test/harness"
	"attache.dev/attache/test/harness/story"
)

// trusting is a trust policy of a person's hand.
func trusting(provider, action, condition string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":%q},"Action":%q%s}]}`,
		partition.Commercial.SAMLProviderARN(harness.AccountID, provider), action, condition)
}

const (
	assume       = "sts:AssumeRoleWithSAML"
	forAWS       = `,"Condition":{"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}}`
	forSomething = `,"Condition":{"StringEquals":{"SAML:aud":"https://login.corp.example/"}}`
)

func TestAnExistingRolesTrustPolicySaysWhatItLacksAndServesWhenItIsMended(t *testing.T) {
	s := begin(world.New(t))
	s.Expect(cluster.AwaitReady(t.Context(), s.Provider, story.Readiness)).To(Succeed())

	for _, tt := range []struct{ name, trust, says string }{
		{"another-provider", trusting("another", assume, forAWS), "no statement admits"},
		{"another-action", trusting(s.Tenant, "sts:TagSession", forAWS), assume},
		{"another-recipient", trusting(s.Tenant, assume, forSomething), "SAML:aud"},
		{"any-recipient", trusting(s.Tenant, assume, ""), "SAML:aud"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			m := s.Mapping(tt.name)
			setTrust(s, m, tt.trust)
			s.Create(m)
			message := awaitWords(s, m, v1alpha1.ConditionTrustPolicyVerified, metav1.ConditionFalse, v1alpha1.ReasonTrustPolicyInsufficient)
			g.Expect(message).To(ContainSubstring(tt.says))
			awaitWords(s, m, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonTrustPolicyInsufficient)
			awaitEvent(s, m, v1alpha1.ReasonTrustPolicyInsufficient)

			setTrust(s, m, trusting(s.Tenant, assume, forAWS))
			lookNow(s, m)
			g.Expect(cluster.AwaitReady(t.Context(), m, story.Readiness)).To(Succeed())
			// The next row's mapping is to be the only one.
			s.DeleteAndWait(t.Context(), m)
		})
	}
}

func TestAPodGetsTheExistingRoleOnceItsTrustPolicyIsMended(t *testing.T) {
	s := begin(world.New(t))
	m := s.Mapping("uploader")
	setTrust(s, m, trusting(s.Tenant, assume, forSomething))
	s.Create(m)
	awaitWords(s, m, v1alpha1.ConditionTrustPolicyVerified, metav1.ConditionFalse, v1alpha1.ReasonTrustPolicyInsufficient)
	x := sessionOf(s)
	x.awaitRefusal(s)

	setTrust(s, m, trusting(s.Tenant, assume, forAWS))
	lookNow(s, m)
	s.Expect(cluster.AwaitReady(t.Context(), m, story.Readiness)).To(Succeed())
	s.Expect(x.awaitCredentials(s).AssumedRoleUser.Arn).To(ContainSubstring("assumed-role/" + s.Tenant + "-uploader/"))
}

func TestASessionLongerThanTheExistingRoleAllowsIsToldBeforeAPodAsks(t *testing.T) {
	s := begin(world.New(t))
	m := s.Mapping("uploader")
	m.Spec.Session.Duration = &metav1.Duration{Duration: 2 * time.Hour}
	s.Create(m)
	message := awaitWords(s, m, v1alpha1.ConditionTrustPolicyVerified, metav1.ConditionFalse, v1alpha1.ReasonTrustPolicyInsufficient)
	s.Expect(message).To(ContainSubstring("maximum session duration"))

	_, err := aws.IAM.UpdateRole(t.Context(), &iam.UpdateRoleInput{RoleName: roleName(m.Spec.Role.ARN), MaxSessionDuration: awssdk.Int32(7200)})
	s.Expect(err).NotTo(HaveOccurred())
	lookNow(s, m)
	s.Expect(cluster.AwaitReady(t.Context(), m, story.Readiness)).To(Succeed())
}

func TestAnExistingRoleThatDoesNotExistIsToldUntilItDoes(t *testing.T) {
	s := begin(world.New(t))
	m := s.MappingOf("uploader", s.Tenant, harness.RoleARN(s.Tenant+"-uploader"))
	s.Create(m)
	message := awaitWords(s, m, v1alpha1.ConditionTrustPolicyVerified, metav1.ConditionFalse, v1alpha1.ReasonRoleNotFound)
	s.Expect(message).To(ContainSubstring(m.Spec.Role.ARN))

	s.Mapping("uploader")
	lookNow(s, m)
	s.Expect(cluster.AwaitReady(t.Context(), m, story.Readiness)).To(Succeed())
}

func TestAnExistingRoleThatTheOperatorMayNotReadServesAllTheSame(t *testing.T) {
	s := begin(world.New(t))
	m := s.Mapping("uploader")
	fault := awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultDeny, Resource: *roleName(m.Spec.Role.ARN)}
	s.Expect(aws.Control.AddFault(t.Context(), fault)).To(Succeed())
	apply(s, m)
	message := awaitWords(s, m, v1alpha1.ConditionTrustPolicyVerified, metav1.ConditionUnknown, v1alpha1.ReasonNotVerifiable)
	s.Expect(message).To(ContainSubstring("iam:GetRole"))
	sessionOf(s).awaitCredentials(s)
}

func setTrust(s *story.Story, m *v1alpha1.RoleMapping, document string) {
	s.Helper()
	_, err := aws.IAM.UpdateAssumeRolePolicy(s.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: roleName(m.Spec.Role.ARN), PolicyDocument: &document})
	s.Expect(err).NotTo(HaveOccurred())
}
