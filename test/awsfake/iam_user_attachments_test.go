package awsfake_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"
)

func TestAUserMayDoWhatAnAttachedPolicySays(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	ctx, name := t.Context(), aws.String("operator")
	_, err := w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: name})
	g.Expect(err).NotTo(HaveOccurred())
	key, err := w.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name})
	g.Expect(err).NotTo(HaveOccurred())
	user := w.iamAs(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")
	arn := w.createPolicy(t, "look", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListRoles","Resource":"*"}]}`)
	list := func() error {
		_, err := user.ListRoles(ctx, &iam.ListRolesInput{})
		return err
	}
	g.Expect(list()).To(MatchError(ContainSubstring("no identity-based policy allows the iam:ListRoles action")))

	_, err = w.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: name, PolicyArn: &arn})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(list()).To(Succeed())
	attached, err := w.iam.ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: name})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(attached.AttachedPolicies).To(HaveLen(1))
	g.Expect(aws.ToString(attached.AttachedPolicies[0].PolicyArn)).To(Equal(arn))
	_, err = w.iam.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: &arn})
	code, _ := apiErrorOf(g, err)
	g.Expect(code).To(Equal("DeleteConflict"))

	_, err = w.iam.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: name, PolicyArn: &arn})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(list()).NotTo(Succeed())
	_, err = w.iam.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: name, PolicyArn: &arn})
	code, _ = apiErrorOf(g, err)
	g.Expect(code).To(Equal("NoSuchEntity"))
}
