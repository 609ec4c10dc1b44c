//go:build e2e

package e2e

import (
	"context"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/test/harness"
	"attache.dev/attache/test/harness/story"
)

// bootstrapAsAdministrator runs `attache bootstrap` outside the cluster, with the key of the account's root user.
func bootstrapAsAdministrator(ctx context.Context, t *testing.T, args ...string) {
	t.Helper()
	administrator, err := cluster.Administrator(ctx)
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{
		"bootstrap", "--yes", "--account=" + harness.AccountID, "--region=" + harness.Region,
		"--iam-endpoint=" + harness.AWSEndpoint, "--sts-endpoint=" + harness.AWSEndpoint,
	}, args...)
	printed, code, err := administrator.Attache(ctx, args...)
	t.Logf("attache %v:\n%s", args, printed)
	if err != nil || code != 0 {
		t.Fatalf("exit code %d: %v", code, err)
	}
}

// powerless takes every right of the operator's stored key for the story's provider away.
func powerless(s *story.Story) *story.Story {
	s.Helper()
	s.Expect(aws.ForbidOperator(s.Context(), s.Tenant)).To(Succeed())
	return s
}

func TestTheOperatorManagesAnAccountWithoutAStoredKey(t *testing.T) {
	var boundary *iam.CreatePolicyOutput
	// Before the story, and so after its end, for which the operator needs its way in.
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), story.Readiness)
		defer cancel()
		if boundary != nil {
			if _, err := aws.IAM.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: boundary.Policy.Arn}); err != nil {
				t.Error(err)
			}
		}
		bootstrapAsAdministrator(ctx, t, "--remove")
		_, err := aws.IAM.GetRole(ctx, &iam.GetRoleInput{RoleName: awssdk.String("attache-operator")})
		if err == nil {
			t.Error("the operator's role is still there")
		}
	})
	s := powerless(world.New(t))
	s.Eventually(func() error {
		_, err := cluster.Clientset.CoreV1().ConfigMaps(harness.Namespace).Get(t.Context(), "attache-operator", metav1.GetOptions{})
		return err
	}, "60s", "200ms").Should(Succeed(), "an operator that has just been installed publishes its certificate")
	var err error
	boundary, err = aws.IAM.CreatePolicy(t.Context(), &iam.CreatePolicyInput{
		PolicyName: awssdk.String(s.Tenant + "-boundary"), PolicyDocument: awssdk.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`),
	})
	s.Expect(err).NotTo(HaveOccurred())
	bootstrapAsAdministrator(t.Context(), t, "--provider="+s.Tenant, "--path-prefix=/attache/"+s.Tenant+"/", "--permissions-boundary="+*boundary.Policy.Arn)

	begin(s, func(p *v1alpha1.SAMLProviderSpec) {
		p.Accounts[0].Access = v1alpha1.AccountAccess{Mode: v1alpha1.AccessFederated}
		p.Allow[1].Managed.PermissionsBoundary = *boundary.Policy.Arn
	})
	m := s.ManagedMapping("uploader")
	apply(s, m)
	s.Expect(awssdk.ToString(roleInIAM(s, m).PermissionsBoundary.PermissionsBoundaryArn)).To(Equal(*boundary.Policy.Arn))
	sessionOf(s).awaitCredentials(s)

	s.DeleteAndWait(t.Context(), m)
	s.DeleteAndWait(t.Context(), s.Provider)
	_, err = aws.IAM.GetSAMLProvider(t.Context(), &iam.GetSAMLProviderInput{SAMLProviderArn: awssdk.String(partition.Commercial.SAMLProviderARN(harness.AccountID, s.Tenant))})
	s.Expect(err).To(MatchError(ContainSubstring("NoSuchEntity")))
}

func TestTheOperatorTakesARoleWithItsExternalID(t *testing.T) {
	var s *story.Story
	// Before the story, and so after its end, for which the operator needs its way in.
	t.Cleanup(func() {
		if s == nil {
			return
		}
		ctx := context.WithoutCancel(t.Context())
		name := awssdk.String(s.Tenant + "-manager")
		for _, undo := range []func() error{
			func() error {
				_, err := aws.IAM.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: awssdk.String("attache-operator"), PolicyName: name})
				return err
			},
			func() error {
				_, err := aws.IAM.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: name, PolicyName: name})
				return err
			},
			func() error { _, err := aws.IAM.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name}); return err },
		} {
			if err := undo(); err != nil {
				t.Error(err)
			}
		}
	})
	s = powerless(world.New(t))
	arn := createManager(s)
	begin(s, func(p *v1alpha1.SAMLProviderSpec) {
		p.Accounts[0].Access = v1alpha1.AccountAccess{Mode: v1alpha1.AccessAssumeRole, AssumeRole: &v1alpha1.AssumeRoleAccess{RoleARN: arn, ExternalID: "another"}}
	})
	s.Eventually(func(g Gomega) {
		g.Expect(cluster.Client.Get(t.Context(), client.ObjectKeyFromObject(s.Provider), s.Provider)).To(Succeed())
		g.Expect(s.Provider.Status.Accounts).To(HaveExactElements(HaveField("Message", ContainSubstring("access.assumeRole.externalID"))))
	}, "60s", "200ms").Should(Succeed())

	change(s, s.Provider, func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].Access.AssumeRole.ExternalID = s.Tenant })
	apply(s, s.ManagedMapping("uploader"))
	sessionOf(s).awaitCredentials(s)
}

// createManager makes a role with the operator's rights, which the operator's user may take with the
// tenant's name as external ID.
func createManager(s *story.Story) string {
	s.Helper()
	name := awssdk.String(s.Tenant + "-manager")
	user := "arn:aws:iam::" + harness.AccountID + ":user/attache-operator"
	_, err := aws.IAM.CreateRole(s.Context(), &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: awssdk.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + user + `"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"` + s.Tenant + `"}}}]}`)})
	s.Expect(err).NotTo(HaveOccurred())
	rights, err := awsiam.OperatorPolicy(partition.Commercial, harness.AccountID, s.Tenant, awsiam.RolesBounds{PathPrefixes: []string{"/attache/" + s.Tenant + "/"}})
	s.Expect(err).NotTo(HaveOccurred())
	_, err = aws.IAM.PutRolePolicy(s.Context(), &iam.PutRolePolicyInput{RoleName: name, PolicyName: name, PolicyDocument: &rights})
	s.Expect(err).NotTo(HaveOccurred())
	arn := harness.RoleARN(*name)
	_, err = aws.IAM.PutUserPolicy(s.Context(), &iam.PutUserPolicyInput{UserName: awssdk.String("attache-operator"), PolicyName: name, PolicyDocument: awssdk.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"` + arn + `"}]}`)})
	s.Expect(err).NotTo(HaveOccurred())
	return arn
}
