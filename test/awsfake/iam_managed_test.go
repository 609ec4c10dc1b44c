package awsfake_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	. "github.com/onsi/gomega"
)

const (
	readOnly    = "arn:aws:iam::aws:policy/ReadOnlyAccess"
	denyAll     = "arn:aws:iam::aws:policy/AWSDenyAll"
	s3ReadOnly  = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
	readReports = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*"}]}`
)

func (w *world) createPolicy(t *testing.T, name, document string) string {
	t.Helper()
	answer, err := w.iam.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: &document})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return aws.ToString(answer.Policy.Arn)
}

func (w *world) attach(t *testing.T, role, policyARN string) error {
	t.Helper()
	_, err := w.iam.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: &role, PolicyArn: &policyARN})
	return err
}

func TestTheLifeOfAManagedPolicy(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	ctx := t.Context()
	created, err := w.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{
		PolicyName: aws.String("Read"), Path: aws.String("/reports/"), PolicyDocument: aws.String(readReports),
		Description: aws.String("reads"), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("reports")}},
	})
	g.Expect(err).NotTo(HaveOccurred())
	arn := created.Policy.Arn
	g.Expect(aws.ToString(arn)).To(Equal("arn:aws:iam::111122223333:policy/reports/Read"))
	g.Expect(aws.ToString(created.Policy.PolicyId)).To(MatchRegexp(`^ANPA[A-Z2-7]{16}$`))
	_, err = w.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("READ"), PolicyDocument: aws.String(readReports)})
	code, _ := apiErrorOf(g, err)
	g.Expect(code).To(Equal("EntityAlreadyExists"))

	w.createRole(t, "reports", ec2Trust, 3600)
	g.Expect(w.attach(t, "reports", *arn)).To(Succeed())
	_, err = w.iam.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: aws.String("reports"), PermissionsBoundary: arn})
	g.Expect(err).NotTo(HaveOccurred())
	got, err := w.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: arn})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(aws.ToString(got.Policy.Description)).To(Equal("reads"))
	g.Expect(got.Policy.Tags).To(HaveLen(1))
	g.Expect(aws.ToInt32(got.Policy.AttachmentCount)).To(BeEquivalentTo(1))
	g.Expect(aws.ToInt32(got.Policy.PermissionsBoundaryUsageCount)).To(BeEquivalentTo(1))
	version, err := w.iam.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: arn, VersionId: got.Policy.DefaultVersionId})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(url.QueryUnescape(aws.ToString(version.PolicyVersion.Document))).To(Equal(readReports))
	_, err = w.iam.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v2")})
	code, _ = apiErrorOf(g, err)
	g.Expect(code).To(Equal("NoSuchEntity"))

	local, err := w.iam.ListPolicies(ctx, &iam.ListPoliciesInput{Scope: types.PolicyScopeTypeLocal})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(local.Policies).To(HaveExactElements(HaveField("Arn", HaveValue(Equal(*arn)))))
	of, err := w.iam.ListPolicies(ctx, &iam.ListPoliciesInput{Scope: types.PolicyScopeTypeAws})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(of.Policies).To(ContainElement(HaveField("Arn", HaveValue(Equal(readOnly)))))

	for _, step := range []func() error{
		func() error {
			_, err := w.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: aws.String("reports"), PolicyArn: arn})
			return err
		},
		func() error {
			_, err := w.iam.DeleteRolePermissionsBoundary(ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: aws.String("reports")})
			return err
		},
	} {
		_, err = w.iam.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: arn})
		code, message := apiErrorOf(g, err)
		g.Expect(code).To(Equal("DeleteConflict"))
		g.Expect(message).To(Equal("Cannot delete a policy attached to entities."))
		g.Expect(step()).To(Succeed())
	}
	_, err = w.iam.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: arn})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = w.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: arn})
	code, message := apiErrorOf(g, err)
	g.Expect(code).To(Equal("NoSuchEntity"))
	g.Expect(message).To(Equal("Policy " + *arn + " was not found."))
}

func TestPoliciesOfAWSBelongToAWS(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	_, err := w.iam.DeletePolicy(t.Context(), &iam.DeletePolicyInput{PolicyArn: aws.String(readOnly)})
	code, message := apiErrorOf(g, err)
	g.Expect(code).To(Equal("AccessDenied"))
	g.Expect(message).To(Equal("Policy is outside your own account."))
}

func TestManagedPoliciesOfARole(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	ctx := t.Context()
	name := aws.String("reports")
	w.createRole(t, *name, ec2Trust, 3600)
	g.Expect(w.attach(t, *name, readOnly)).To(Succeed())
	g.Expect(w.attach(t, *name, readOnly)).To(Succeed(), "attaching again changes nothing")
	for i := range 9 {
		g.Expect(w.attach(t, *name, w.createPolicy(t, fmt.Sprintf("read-%d", i), readReports))).To(Succeed())
	}
	code, message := apiErrorOf(g, w.attach(t, *name, s3ReadOnly))
	g.Expect(code).To(Equal("LimitExceeded"))
	g.Expect(message).To(Equal("Cannot exceed quota for PoliciesPerRole: 10"))
	g.Expect(w.attach(t, *name, readOnly)).To(Succeed())

	absent := "arn:aws:iam::111122223333:policy/absent"
	code, message = apiErrorOf(g, w.attach(t, *name, absent))
	g.Expect(code).To(Equal("NoSuchEntity"))
	g.Expect(message).To(Equal("Policy " + absent + " does not exist or is not attachable."))
	_, err := w.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: name, PolicyArn: aws.String(s3ReadOnly)})
	code, _ = apiErrorOf(g, err)
	g.Expect(code).To(Equal("NoSuchEntity"))

	pages := iam.NewListAttachedRolePoliciesPaginator(w.iam, &iam.ListAttachedRolePoliciesInput{RoleName: name, MaxItems: aws.Int32(4)})
	var attached []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		for _, p := range page.AttachedPolicies {
			attached = append(attached, *p.PolicyName)
		}
	}
	g.Expect(attached).To(HaveLen(10))
	g.Expect(attached[0]).To(Equal("ReadOnlyAccess"))
}

func TestTagsOfARole(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	ctx := t.Context()
	name := aws.String("reports")
	w.createRole(t, *name, ec2Trust, 3600)
	tag := func(from, to int) error {
		var tags []types.Tag
		for i := from; i < to; i++ {
			tags = append(tags, types.Tag{Key: aws.String(fmt.Sprintf("key-%d", i)), Value: aws.String("v")})
		}
		_, err := w.iam.TagRole(ctx, &iam.TagRoleInput{RoleName: name, Tags: tags})
		return err
	}
	g.Expect(tag(0, 30)).To(Succeed())
	g.Expect(tag(20, 50)).To(Succeed())
	code, _ := apiErrorOf(g, tag(50, 51))
	g.Expect(code).To(Equal("LimitExceeded"))
	_, err := w.iam.UntagRole(ctx, &iam.UntagRoleInput{RoleName: name, TagKeys: []string{"KEY-0"}})
	g.Expect(err).NotTo(HaveOccurred())
	listed, err := w.iam.ListRoleTags(ctx, &iam.ListRoleTagsInput{RoleName: name})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(listed.Tags).To(HaveLen(49))
}

// What blocks the deletion of a role is named in turn.
func TestWhatBlocksTheDeletionOfARole(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	ctx := t.Context()
	name, profile := aws.String("reports"), aws.String("machines")
	w.createRole(t, *name, ec2Trust, 3600)
	_, err := w.iam.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: profile})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = w.iam.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: profile, RoleName: name})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = w.iam.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: profile, RoleName: name})
	code, _ := apiErrorOf(g, err)
	g.Expect(code).To(Equal("LimitExceeded"))
	g.Expect(w.attach(t, *name, readOnly)).To(Succeed())
	_, err = w.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: name, PolicyName: aws.String("read"), PolicyDocument: aws.String(readReports)})
	g.Expect(err).NotTo(HaveOccurred())
	listed, err := w.iam.ListInstanceProfilesForRole(ctx, &iam.ListInstanceProfilesForRoleInput{RoleName: name})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(listed.InstanceProfiles).To(HaveExactElements(HaveField("Roles", HaveLen(1))))
	_, err = w.iam.DeleteInstanceProfile(ctx, &iam.DeleteInstanceProfileInput{InstanceProfileName: profile})
	code, _ = apiErrorOf(g, err)
	g.Expect(code).To(Equal("DeleteConflict"))

	for _, blocker := range []struct {
		message string
		remove  func() error
	}{
		{"Cannot delete entity, must remove roles from instance profile first.", func() error {
			_, err := w.iam.RemoveRoleFromInstanceProfile(ctx, &iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: profile, RoleName: name})
			return err
		}},
		{"Cannot delete entity, must detach all policies first.", func() error {
			_, err := w.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: name, PolicyArn: aws.String(readOnly)})
			return err
		}},
		{"Cannot delete entity, must delete policies first.", func() error {
			_, err := w.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: name, PolicyName: aws.String("read")})
			return err
		}},
	} {
		_, err = w.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
		code, message := apiErrorOf(g, err)
		g.Expect(code).To(Equal("DeleteConflict"))
		g.Expect(message).To(Equal(blocker.message))
		g.Expect(blocker.remove()).To(Succeed())
	}
	_, err = w.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = w.iam.DeleteInstanceProfile(ctx, &iam.DeleteInstanceProfileInput{InstanceProfileName: profile})
	g.Expect(err).NotTo(HaveOccurred())
}

func TestAccountDetailsHoldEveryEntity(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	ctx := t.Context()
	w.createUser(t, "operator", anything)
	boundary := w.createPolicy(t, "boundary", anything)
	for i := range 5 {
		name := aws.String(fmt.Sprintf("role-%d", i))
		_, err := w.iam.CreateRole(ctx, &iam.CreateRoleInput{
			RoleName: name, AssumeRolePolicyDocument: aws.String(ec2Trust), Description: aws.String("x"), MaxSessionDuration: aws.Int32(7200),
			PermissionsBoundary: &boundary, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("reports")}},
		})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(w.attach(t, *name, readOnly)).To(Succeed())
		_, err = w.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: name, PolicyName: aws.String("read"), PolicyDocument: aws.String(readReports)})
		g.Expect(err).NotTo(HaveOccurred())
	}
	read := func(input *iam.GetAccountAuthorizationDetailsInput) (all iam.GetAccountAuthorizationDetailsOutput, pages int) {
		pager := iam.NewGetAccountAuthorizationDetailsPaginator(w.iam, input)
		for pager.HasMorePages() {
			page, err := pager.NextPage(ctx)
			g.Expect(err).NotTo(HaveOccurred())
			pages++
			all.UserDetailList = append(all.UserDetailList, page.UserDetailList...)
			all.RoleDetailList = append(all.RoleDetailList, page.RoleDetailList...)
			all.Policies = append(all.Policies, page.Policies...)
		}
		return all, pages
	}
	all, pages := read(&iam.GetAccountAuthorizationDetailsInput{MaxItems: aws.Int32(3)})
	g.Expect(pages).To(Equal(3), "1 user, 5 roles, 2 policies")
	g.Expect(all.UserDetailList).To(HaveExactElements(HaveField("UserPolicyList", HaveLen(1))))
	g.Expect(all.RoleDetailList).To(HaveLen(5))
	g.Expect(all.Policies).To(HaveLen(2))
	role := all.RoleDetailList[0]
	g.Expect(url.QueryUnescape(*role.AssumeRolePolicyDocument)).To(Equal(ec2Trust))
	g.Expect(url.QueryUnescape(*role.RolePolicyList[0].PolicyDocument)).To(Equal(readReports))
	g.Expect(aws.ToString(role.AttachedManagedPolicies[0].PolicyArn)).To(Equal(readOnly))
	g.Expect(aws.ToString(role.PermissionsBoundary.PermissionsBoundaryArn)).To(Equal(boundary))
	g.Expect(role.Tags).To(HaveLen(1))

	roles, _ := read(&iam.GetAccountAuthorizationDetailsInput{Filter: []types.EntityType{types.EntityTypeRole}})
	g.Expect(roles.UserDetailList).To(BeEmpty())
	g.Expect(roles.Policies).To(BeEmpty())
	g.Expect(roles.RoleDetailList).To(HaveLen(5))
	_, err := w.iam.GetAccountAuthorizationDetails(ctx, &iam.GetAccountAuthorizationDetailsInput{MaxItems: aws.Int32(1001)})
	code, _ := apiErrorOf(g, err)
	g.Expect(code).To(Equal("ValidationError"))
	_, err = w.iam.GetAccountAuthorizationDetails(ctx, &iam.GetAccountAuthorizationDetailsInput{Filter: []types.EntityType{"Robot"}})
	code, _ = apiErrorOf(g, err)
	g.Expect(code).To(Equal("ValidationError"))
}
