//go:build e2e

package e2e

import (
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/test/awsfake"
	"attache.dev/attache/test/harness/story"
)

func TestWhatIAMAnswersWhileAMappingIsAppliedIsToldInWordsAndOvercome(t *testing.T) {
	s := begin(world.New(t))
	s.Expect(cluster.AwaitReady(t.Context(), s.Provider, story.Readiness)).To(Succeed())

	for _, tt := range []struct {
		name   string
		fault  awsfake.Fault
		reason string
		says   string
	}{
		{"throttled", awsfake.Fault{Operation: "CreateRole", Kind: awsfake.FaultThrottle}, v1alpha1.ReasonThrottled, "CreateRole"},
		{"denied", awsfake.Fault{Operation: "CreateRole", Kind: awsfake.FaultDeny}, v1alpha1.ReasonAccessDenied, "iam:CreateRole"},
		{"denied-later", awsfake.Fault{Operation: "PutRolePolicy", Kind: awsfake.FaultDeny}, v1alpha1.ReasonAccessDenied, "iam:PutRolePolicy"},
		{"down", awsfake.Fault{Operation: "CreateRole", Kind: awsfake.FaultUnavailable}, v1alpha1.ReasonAWSUnavailable, "CreateRole"},
		{"cut-off", awsfake.Fault{Operation: "CreateRole", Kind: awsfake.FaultReset}, v1alpha1.ReasonAWSUnavailable, "CreateRole"},
		{"garbled", awsfake.Fault{Operation: "CreateRole", Kind: awsfake.FaultGarbage}, v1alpha1.ReasonAWSUnavailable, "CreateRole"},
		{"busy", answer("PutRolePolicy", http.StatusConflict, "ConcurrentModification"), v1alpha1.ReasonConflict, "PutRolePolicy"},
		{"full", answer("CreateRole", http.StatusConflict, "LimitExceeded"), v1alpha1.ReasonQuotaExceeded, "CreateRole"},
		{"invalid", answer("PutRolePolicy", http.StatusBadRequest, "MalformedPolicyDocument"), v1alpha1.ReasonInvalidRequest, "PutRolePolicy"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			m := s.ManagedMapping(tt.name)
			tt.fault.Resource = m.ManagedRoleName()
			g.Expect(aws.Control.AddFault(t.Context(), tt.fault)).To(Succeed())
			s.Create(m)
			message := awaitWords(s, m, v1alpha1.ConditionRoleSynced, metav1.ConditionFalse, tt.reason)
			g.Expect(message).To(ContainSubstring(tt.says))
			g.Expect(awaitEvent(s, m, tt.reason)).To(Equal(message))

			g.Expect(aws.Control.ClearFaults(t.Context())).To(Succeed())
			lookNow(s, m)
			g.Expect(cluster.AwaitReady(t.Context(), m, story.Readiness)).To(Succeed())
			roleInIAM(s, m)
		})
	}
}

func TestARoleWhoseCreationGotNoAnswerIsFoundAgain(t *testing.T) {
	s := begin(world.New(t))
	s.Expect(cluster.AwaitReady(t.Context(), s.Provider, story.Readiness)).To(Succeed())
	m := s.ManagedMapping("uploader")
	fault := awsfake.Fault{Operation: "CreateRole", Kind: awsfake.FaultReset, Resource: m.ManagedRoleName(), After: true, Count: 1}
	s.Expect(aws.Control.AddFault(t.Context(), fault)).To(Succeed())

	apply(s, m)

	s.Expect(m.Status.Role.Adopted).To(BeFalse())
	sessionOf(s).awaitCredentials(s)
}

func TestAPolicyThatIsNoneIsToldWithoutAskingIAM(t *testing.T) {
	s := begin(world.New(t))
	s.Expect(cluster.AwaitReady(t.Context(), s.Provider, story.Readiness)).To(Succeed())
	s.Expect(aws.Control.ClearCalls(t.Context())).To(Succeed())
	m := s.ManagedMapping("uploader")
	good := m.Spec.Role.Managed.InlinePolicies[0].Document
	m.Spec.Role.Managed.InlinePolicies[0].Document = `{"Version":"2012-10-17","Statement":[{"Effect":"Alow","Action":"s3:GetObject","Resource":"*"}]}`
	s.Create(m)
	message := awaitWords(s, m, v1alpha1.ConditionRoleSynced, metav1.ConditionFalse, v1alpha1.ReasonInvalidPolicy)
	s.Expect(message).To(ContainSubstring("inlinePolicies[look]"))
	s.Expect(operatorWrites(s)).To(BeEmpty())

	change(s, m, func(m *v1alpha1.RoleMapping) { m.Spec.Role.Managed.InlinePolicies[0].Document = good })
	s.Expect(cluster.AwaitReady(t.Context(), m, story.Readiness)).To(Succeed())
}

func TestAProviderThatIsAppliedWhileIAMIsDownBecomesReadyAfterwards(t *testing.T) {
	s := world.New(t)
	s.Expect(aws.Control.AddFault(t.Context(), awsfake.Fault{Operation: "CreateSAMLProvider", Kind: awsfake.FaultUnavailable})).To(Succeed())
	begin(s)
	awaitWords(s, s.Provider, v1alpha1.ConditionProvidersSynced, metav1.ConditionFalse, v1alpha1.ReasonAWSUnavailable)
	m := s.ManagedMapping("uploader")
	s.Create(m)
	awaitWords(s, m, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonProviderNotReady)

	s.Expect(aws.Control.ClearFaults(t.Context())).To(Succeed())
	s.Expect(cluster.AwaitReady(t.Context(), s.Provider, story.Readiness)).To(Succeed(), "it is tried again without anybody asking")
	s.Expect(cluster.AwaitReady(t.Context(), m, story.Readiness)).To(Succeed())
	sessionOf(s).awaitCredentials(s)
}

// answer is a fault that answers an error of IAM's own.
func answer(operation string, status int, code string) awsfake.Fault {
	return awsfake.Fault{Operation: operation, Kind: awsfake.FaultFail, Status: status, Code: code, Message: "as the story wants it"}
}
