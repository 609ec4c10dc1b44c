//go:build e2e

package e2e

import (
	"context"
	"net/http"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/test/harness"
	"attache.dev/attache/test/harness/story"
)

func TestAManagedRoleThatIsNoLongerAllowedIsRefusedAtOnceAndStays(t *testing.T) {
	s := begin(world.New(t))
	m := s.ManagedMapping("uploader")
	apply(s, m)
	x := sessionOf(s)
	x.awaitCredentials(s)
	s.Expect(aws.Control.ClearCalls(t.Context())).To(Succeed())

	change(s, s.Provider, func(p *v1alpha1.SAMLProvider) { p.Spec.Allow = p.Spec.Allow[:1] })

	x.awaitRefusal(s)
	message := awaitWords(s, m, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonNotAllowedByProvider)
	s.Expect(message).To(ContainSubstring("managed"))
	roleInIAM(s, m)
	s.Expect(operatorWrites(s)).To(BeEmpty())

	s.DeleteAndWait(t.Context(), m)
	made, err := aws.MadeFor(t.Context(), s.Tenant)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(made).To(ConsistOf(s.Provider.Status.Accounts[0].ProviderARN), "what may no longer be used can still be deleted")
}

func TestTheEmergencyStopRefusesAtOnceAndCanBeTakenBack(t *testing.T) {
	s := begin(world.New(t))
	m := s.ManagedMapping("uploader")
	apply(s, m)
	x := sessionOf(s)
	x.awaitCredentials(s)

	t.Run("of one mapping", func(*testing.T) {
		change(s, m, func(m *v1alpha1.RoleMapping) { m.Spec.Deny = true })
		s.Expect(x.awaitRefusal(s)).To(ContainSubstring("spec.deny of RoleMapping"))
		awaitWords(s, m, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDenied)
		awaitEvent(s, m, v1alpha1.ReasonDenied)
		change(s, m, func(m *v1alpha1.RoleMapping) { m.Spec.Deny = false })
		x.awaitCredentials(s)
	})
	t.Run("of the provider", func(*testing.T) {
		change(s, s.Provider, func(p *v1alpha1.SAMLProvider) { p.Spec.Deny = true })
		s.Expect(x.awaitRefusal(s)).To(ContainSubstring("spec.deny of SAMLProvider"))
		awaitWords(s, s.Provider, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDenied)
		awaitEvent(s, s.Provider, v1alpha1.ReasonDenied)
		change(s, s.Provider, func(p *v1alpha1.SAMLProvider) { p.Spec.Deny = false })
		x.awaitCredentials(s)
	})
	s.Expect(cluster.AwaitReady(t.Context(), s.Provider, story.Readiness)).To(Succeed())
	s.Expect(cluster.AwaitReady(t.Context(), m, story.Readiness)).To(Succeed())
}

func TestNobodyHasARoleMadeBeyondWhatTheProviderAllows(t *testing.T) {
	const boundary = "arn:aws:iam::" + harness.AccountID + ":policy/tenants"
	s := begin(world.New(t), func(p *v1alpha1.SAMLProviderSpec) {
		p.Allow[1].Managed.InlinePolicies = false
		p.Allow[1].Managed.PermissionsBoundary = boundary
		p.Allow[1].Managed.Policies = []v1alpha1.PolicyPattern{"arn:aws:iam::" + harness.AccountID + ":policy/reports-*"}
	})
	s.Expect(aws.Control.ClearCalls(t.Context())).To(Succeed())

	for name, edit := range map[string]func(*v1alpha1.RoleMappingSpec){
		"path":     func(m *v1alpha1.RoleMappingSpec) { m.Role.Managed.Path = "/admins/" },
		"boundary": func(m *v1alpha1.RoleMappingSpec) { m.Role.Managed.PermissionsBoundary = administrator },
		"policy":   func(m *v1alpha1.RoleMappingSpec) { m.Role.Managed.Policies = []v1alpha1.PolicyARN{administrator} },
		"adoption": func(m *v1alpha1.RoleMappingSpec) { m.Adoption = v1alpha1.AdoptionIfTagged },
		"inline": func(m *v1alpha1.RoleMappingSpec) {
			m.Role.Managed.InlinePolicies = []v1alpha1.InlinePolicy{{Name: "all", Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			m := s.ManagedMapping(name)
			m.Spec.Role.Managed.InlinePolicies = nil
			edit(&m.Spec)
			g.Expect(cluster.Client.Create(t.Context(), m)).To(Succeed())
			message := awaitWords(s, m, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonNotAllowedByProvider)
			g.Expect(message).To(ContainSubstring("ask its owner"))
		})
	}
	s.Expect(operatorWrites(s)).NotTo(ContainElement("CreateRole"))
}

func TestTheBoundaryOfTheProviderBoundsWhatAMappingWrites(t *testing.T) {
	s := world.New(t)
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]}`
	boundary, err := aws.IAM.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: awssdk.String(s.Tenant + "-boundary"), PolicyDocument: &document})
	s.Expect(err).NotTo(HaveOccurred())
	arn := awssdk.ToString(boundary.Policy.Arn)
	s.Expect(aws.AllowOperatorRoles(t.Context(), s.Tenant, boundsOf(s, arn))).To(Succeed())
	begin(s, func(p *v1alpha1.SAMLProviderSpec) { p.Allow[1].Managed.PermissionsBoundary = arn })
	bucket := s.Tenant + "-archive"
	s.Expect(aws.EnsureBucket(t.Context(), bucket)).To(Succeed())

	m := s.ManagedMapping("uploader")
	m.Spec.Role.Managed.InlinePolicies[0].Document = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	apply(s, m)

	s.Expect(awssdk.ToString(roleInIAM(s, m).PermissionsBoundary.PermissionsBoundaryArn)).To(Equal(arn))
	held := s3As(sessionOf(s).awaitCredentials(s))
	s.Expect(put(s, held, bucket, "a")).To(MatchError(ContainSubstring("no permissions boundary allows the s3:PutObject action")))
}

func TestOfMoreMappingsThanRolesTheOldestHaveThem(t *testing.T) {
	s := begin(world.New(t), func(p *v1alpha1.SAMLProviderSpec) { p.Allow[1].Managed.MaxRoles = ptr.To[int32](1) })
	// Of the same second the one comes first whose name does.
	first, second := s.ManagedMapping("a"), s.ManagedMapping("b")
	apply(s, first)
	s.Create(second)
	message := awaitWords(s, second, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonTooManyRoles)
	s.Expect(message).To(ContainSubstring("maxRoles"))

	s.DeleteAndWait(t.Context(), first)
	s.Expect(cluster.AwaitReady(t.Context(), second, story.Readiness)).To(Succeed())
}

func TestAMappingOfAnotherNamespaceThatNamesTheSameRoleGetsNothing(t *testing.T) {
	s := world.New(t)
	neighbour := s.Tenant + "-neighbour"
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: neighbour}}
	begin(s, func(p *v1alpha1.SAMLProviderSpec) {
		p.Allow[1].Namespaces.Names = append(p.Allow[1].Namespaces.Names, neighbour)
		// The neighbour may even name the role as an existing one.
		p.Allow[0].Namespaces.Names = append(p.Allow[0].Namespaces.Names, neighbour)
		p.Allow[0].Roles = []v1alpha1.RolePattern{v1alpha1.RolePattern(harness.RoleARN("attache/" + s.Tenant + "/*"))}
		p.Delegation.RequireBoundPod = ptr.To(false)
	})
	s.Create(namespace)
	t.Cleanup(func() { s.Expect(cluster.Client.Delete(context.Background(), namespace)).To(Succeed()) })
	s.Create(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: neighbour, Name: story.ServiceAccount}})
	mine := s.ManagedMapping("uploader")
	apply(s, mine)
	door := s.Door()
	ask := func() story.Answer { return s.Delegate(door, s.Parameters(tokenOf(s, neighbour))) }

	theirs := s.ManagedMapping("uploader")
	theirs.Namespace = neighbour
	theirs.Spec.Role.Managed.Name, theirs.Spec.Role.Managed.Path = *roleName(mine.Status.RoleARN), "/attache/"+s.Tenant+"/"
	s.Create(theirs)
	awaitWords(s, theirs, v1alpha1.ConditionRoleSynced, metav1.ConditionFalse, v1alpha1.ReasonNotOwned)
	// For all that the identity provider knows, the role is about to be made.
	awaitDenial(s, ask, http.StatusServiceUnavailable, "has not made")
	s.DeleteAndWait(t.Context(), theirs)

	byName := s.MappingOf("by-name", s.Tenant, mine.Status.RoleARN)
	byName.Namespace = neighbour
	s.Create(byName)
	s.Expect(cluster.AwaitCondition(t.Context(), byName, v1alpha1.ConditionAccepted, metav1.ConditionTrue, "", story.Readiness)).To(Succeed())
	awaitDenial(s, ask, http.StatusForbidden, "Not authorized to perform sts:AssumeRoleWithSAML")

	sessionOf(s).awaitCredentials(s)
	s.Expect(tagsOf(roleInIAM(s, mine))).To(HaveKeyWithValue("attache.dev/object-uid", string(mine.UID)))
}

// awaitDenial waits until a neighbour is refused for that reason.
func awaitDenial(s *story.Story, ask func() story.Answer, status int, says string) {
	s.Helper()
	var a story.Answer
	s.Eventually(func() string { a = ask(); return a.Description }, "20s", "200ms").Should(ContainSubstring(says))
	s.Expect(a.Status).To(Equal(status), a.Description)
	s.Expect(a.Credentials.SecretAccessKey).To(BeEmpty())
	s.Log(a.Description)
}

// tokenOf is a token of a service account in another namespace, bound to no pod.
func tokenOf(s *story.Story, namespace string) string {
	s.Helper()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{s.Audience()}}}
	answer, err := cluster.Clientset.CoreV1().ServiceAccounts(namespace).CreateToken(s.Context(), story.ServiceAccount, request, metav1.CreateOptions{})
	s.Expect(err).NotTo(HaveOccurred())
	return answer.Status.Token
}
