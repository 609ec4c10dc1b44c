package awsfake_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake/internal/testidp"
)

func policyARN(arn string) ststypes.PolicyDescriptorType {
	return ststypes.PolicyDescriptorType{Arn: &arn}
}

const (
	ec2Trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	anything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

func newMetadata(t *testing.T) string {
	t.Helper()
	idp, err := testidp.New("https://idp.example.test/metadata")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return idp.Metadata()
}

func TestTheLifeOfASAMLProvider(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	ctx := t.Context()
	// The very text comes back, white space included.
	document := "<!-- \"first\" -->\r\n\t" + newMetadata(t) + "\n"
	document = strings.Replace(document, `<?xml version="1.0" encoding="UTF-8"?>`, "", 1)
	created, err := w.iam.CreateSAMLProvider(ctx, &iam.CreateSAMLProviderInput{
		Name: aws.String("corp"), SAMLMetadataDocument: &document,
		Tags: []types.Tag{{Key: aws.String("cluster"), Value: aws.String("a")}},
	})
	g.Expect(err).NotTo(HaveOccurred())
	arn := created.SAMLProviderArn
	g.Expect(aws.ToString(arn)).To(Equal("arn:aws:iam::111122223333:saml-provider/corp"))
	g.Expect(created.Tags).To(HaveLen(1))

	get := func() *iam.GetSAMLProviderOutput {
		got, err := w.iam.GetSAMLProvider(ctx, &iam.GetSAMLProviderInput{SAMLProviderArn: arn})
		g.Expect(err).NotTo(HaveOccurred())
		return got
	}
	g.Expect(aws.ToString(get().SAMLMetadataDocument)).To(Equal(document))
	g.Expect(*get().ValidUntil).To(Equal(w.now().AddDate(100, 0, 0)))

	start := w.now()
	w.advance(time.Minute)
	changed := newMetadata(t)
	_, err = w.iam.UpdateSAMLProvider(ctx, &iam.UpdateSAMLProviderInput{SAMLProviderArn: arn, SAMLMetadataDocument: &changed})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(aws.ToString(get().SAMLMetadataDocument)).To(Equal(changed))
	g.Expect(*get().CreateDate).To(Equal(start))
	g.Expect(*get().ValidUntil).To(Equal(w.now().AddDate(100, 0, 0)))

	_, err = w.iam.TagSAMLProvider(ctx, &iam.TagSAMLProviderInput{SAMLProviderArn: arn, Tags: []types.Tag{
		{Key: aws.String("Cluster"), Value: aws.String("b")}, {Key: aws.String("team"), Value: aws.String("")},
	}})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = w.iam.UntagSAMLProvider(ctx, &iam.UntagSAMLProviderInput{SAMLProviderArn: arn, TagKeys: []string{"TEAM"}})
	g.Expect(err).NotTo(HaveOccurred())
	tags, err := w.iam.ListSAMLProviderTags(ctx, &iam.ListSAMLProviderTagsInput{SAMLProviderArn: arn})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(tags.Tags).To(HaveExactElements(HaveField("Key", HaveValue(Equal("Cluster")))))

	all, err := w.iam.ListSAMLProviders(ctx, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(all.SAMLProviderList).To(HaveExactElements(HaveField("Arn", HaveValue(Equal(*arn)))))
	_, err = w.iam.DeleteSAMLProvider(ctx, &iam.DeleteSAMLProviderInput{SAMLProviderArn: arn})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = w.iam.GetSAMLProvider(ctx, &iam.GetSAMLProviderInput{SAMLProviderArn: arn})
	code, message := apiErrorOf(g, err)
	g.Expect(code).To(Equal("NoSuchEntity"))
	g.Expect(message).To(Equal("Manifest not found for arn " + *arn))
}

func TestSAMLProvidersAreRefused(t *testing.T) {
	good := newMetadata(t)
	var elevenKeys []*testidp.IdP
	for range 10 {
		idp, err := testidp.New("https://idp.example.test/metadata")
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		elevenKeys = append(elevenKeys, idp)
	}
	last, err := testidp.New("https://idp.example.test/metadata")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for name, row := range map[string]struct{ provider, document, code, message string }{
		"a name with a space":             {"co rp", good, "ValidationError", "'name' failed to satisfy constraint: Member must satisfy regular expression pattern"},
		"a name of 129 characters":        {strings.Repeat("a", 129), good, "ValidationError", "less than or equal to 128"},
		"metadata of 999 characters":      {"corp", strings.Repeat("a", 999), "ValidationError", "'sAMLMetadataDocument' failed to satisfy constraint: Member must have length greater than or equal to 1000"},
		"metadata of 10,000,001":          {"corp", strings.Repeat("a", 10000001), "ValidationError", "less than or equal to 10000000"},
		"metadata that is not XML":        {"corp", strings.Repeat("a", 1000), "InvalidInput", "Could not parse metadata"},
		"metadata with a byte order mark": {"corp", "\ufeff" + good, "InvalidInput", "Could not parse metadata"},
		"a service provider's metadata":   {"corp", strings.ReplaceAll(good, "IDPSSO", "SPSSO"), "InvalidInput", "SAML Providers must reference at least one SAML assertion issuer."},
		"eleven keys":                     {"corp", last.Metadata(elevenKeys...), "LimitExceeded", "10"},
		"a name that is taken":            {"taken", good, "EntityAlreadyExists", "taken"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			w.createProvider(t, "taken", good)
			_, err := w.iam.CreateSAMLProvider(t.Context(), &iam.CreateSAMLProviderInput{Name: &row.provider, SAMLMetadataDocument: &row.document})
			code, message := apiErrorOf(g, err)
			g.Expect(code).To(Equal(row.code))
			g.Expect(message).To(ContainSubstring(row.message))
		})
	}
}

func TestAnAccountTakes100SAMLProviders(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	document := newMetadata(t)
	for i := range 100 {
		w.createProvider(t, fmt.Sprintf("corp-%d", i), document)
	}
	_, err := w.iam.CreateSAMLProvider(t.Context(), &iam.CreateSAMLProviderInput{Name: aws.String("one-more"), SAMLMetadataDocument: &document})
	code, _ := apiErrorOf(g, err)
	g.Expect(code).To(Equal("LimitExceeded"))
}

func TestAnUpdateOfNothingIsRefused(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	arn := w.createProvider(t, "corp", newMetadata(t))
	_, err := w.iam.UpdateSAMLProvider(t.Context(), &iam.UpdateSAMLProviderInput{SAMLProviderArn: &arn})
	code, message := apiErrorOf(g, err)
	g.Expect(code).To(Equal("ValidationError"))
	g.Expect(message).To(Equal("Unable to update identity provider. No updates are defined for metadata or encryption assertion."))
}

func TestTheLifeOfARole(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	ctx := t.Context()
	name := aws.String("Uploader")
	created, err := w.iam.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: name, Path: aws.String("/reports/"), AssumeRolePolicyDocument: aws.String(ec2Trust),
		Description: aws.String("uploads"), MaxSessionDuration: aws.Int32(7200),
		Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("reports")}},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(aws.ToString(created.Role.Arn)).To(Equal("arn:aws:iam::111122223333:role/reports/Uploader"))
	g.Expect(aws.ToString(created.Role.RoleId)).To(MatchRegexp(`^AROA[A-Z2-7]{16}$`))
	g.Expect(created.Role.Description).To(BeNil(), "CreateRole's answer has none")
	g.Expect(created.Role.MaxSessionDuration).To(BeNil(), "CreateRole's answer has none")

	got, err := w.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("UPLOADER")})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(aws.ToString(got.Role.Description)).To(Equal("uploads"))
	g.Expect(aws.ToInt32(got.Role.MaxSessionDuration)).To(BeEquivalentTo(7200))
	g.Expect(got.Role.Tags).To(HaveLen(1))
	trust, err := url.QueryUnescape(aws.ToString(got.Role.AssumeRolePolicyDocument))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(trust).To(Equal(ec2Trust))

	listed, err := w.iam.ListRoles(ctx, &iam.ListRolesInput{PathPrefix: aws.String("/rep")})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(listed.Roles).To(HaveLen(1))
	g.Expect(aws.ToString(listed.Roles[0].Description)).To(Equal("uploads"))
	g.Expect(listed.Roles[0].Tags).To(BeEmpty(), "ListRoles has none")

	_, err = w.iam.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: name, Description: aws.String("")})
	g.Expect(err).NotTo(HaveOccurred())
	got, err = w.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: name})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got.Role.Description).To(BeNil())
	g.Expect(aws.ToInt32(got.Role.MaxSessionDuration)).To(BeEquivalentTo(3600))

	_, err = w.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: name, PolicyName: aws.String("all"), PolicyDocument: aws.String(anything)})
	g.Expect(err).NotTo(HaveOccurred())
	policy, err := w.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: name, PolicyName: aws.String("all")})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(url.QueryUnescape(aws.ToString(policy.PolicyDocument))).To(Equal(anything))
	attached, err := w.iam.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: name})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(attached.AttachedPolicies).To(BeEmpty())

	_, err = w.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
	code, _ := apiErrorOf(g, err)
	g.Expect(code).To(Equal("DeleteConflict"))
	names, err := w.iam.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: name})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(names.PolicyNames).To(HaveExactElements("all"))
	_, err = w.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: name, PolicyName: aws.String("all")})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = w.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = w.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: name})
	code, message := apiErrorOf(g, err)
	g.Expect(code).To(Equal("NoSuchEntity"))
	g.Expect(message).To(Equal("The role with name Uploader cannot be found."))
}

func TestRolesAreRefused(t *testing.T) {
	padded := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["` +
		strings.TrimSuffix(strings.Repeat(`444455556666","`, 140), `,"`) + `]},"Action":"sts:AssumeRole"}]}`
	for name, row := range map[string]struct {
		input         iam.CreateRoleInput
		code, message string
	}{
		"a name of 65 characters":             {iam.CreateRoleInput{RoleName: aws.String(strings.Repeat("r", 65))}, "ValidationError", "'roleName'"},
		"a name that differs by case only":    {iam.CreateRoleInput{RoleName: aws.String("TAKEN")}, "EntityAlreadyExists", "TAKEN"},
		"a path without a slash at its end":   {iam.CreateRoleInput{Path: aws.String("/reports")}, "ValidationError", "'path'"},
		"a maximum session of 3,599 seconds":  {iam.CreateRoleInput{MaxSessionDuration: aws.Int32(3599)}, "ValidationError", "'maxSessionDuration'"},
		"a maximum session of 43,201 seconds": {iam.CreateRoleInput{MaxSessionDuration: aws.Int32(43201)}, "ValidationError", "'maxSessionDuration'"},
		"a trust policy for everybody":        {iam.CreateRoleInput{AssumeRolePolicyDocument: aws.String(strings.Replace(ec2Trust, `{"Service":"ec2.amazonaws.com"}`, `"*"`, 1))}, "MalformedPolicyDocument", "principal"},
		"a trust policy of 2,049 characters":  {iam.CreateRoleInput{AssumeRolePolicyDocument: &padded}, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048"},
		"a trust policy for a role that is not there": {iam.CreateRoleInput{AssumeRolePolicyDocument: aws.String(strings.Replace(ec2Trust,
			`"Service":"ec2.amazonaws.com"`, `"AWS":"arn:aws:iam::111122223333:role/nobody"`, 1))}, "MalformedPolicyDocument", "Invalid principal in policy"},
		"tags that differ by case only": {iam.CreateRoleInput{Tags: []types.Tag{
			{Key: aws.String("a"), Value: aws.String("")}, {Key: aws.String("A"), Value: aws.String("")}}}, "InvalidInput", "Duplicate tag keys"},
		"a permissions boundary that is not there": {iam.CreateRoleInput{PermissionsBoundary: aws.String("arn:aws:iam::aws:policy/x")}, "NoSuchEntity",
			"Scope ARN: arn:aws:iam::aws:policy/x does not exist or is not attachable."},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			w.createRole(t, "taken", ec2Trust, 3600)
			if row.input.RoleName == nil {
				row.input.RoleName = aws.String("reports")
			}
			if row.input.AssumeRolePolicyDocument == nil {
				row.input.AssumeRolePolicyDocument = aws.String(ec2Trust)
			}
			_, err := w.iam.CreateRole(t.Context(), &row.input)
			code, message := apiErrorOf(g, err)
			g.Expect(code).To(Equal(row.code))
			g.Expect(message).To(ContainSubstring(row.message))
		})
	}
}

func TestInlinePoliciesOfARoleAreBoundedTogether(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.createRole(t, "reports", ec2Trust, 3600)
	put := func(name string, length int) error {
		resource := "arn:aws:s3:::" + strings.Repeat("b", length-len(anything)+len("*")-len("arn:aws:s3:::"))
		document := strings.Replace(anything, `"Resource":"*"`, `"Resource":"`+resource+`"`, 1)
		_, err := w.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("reports"), PolicyName: &name, PolicyDocument: &document})
		return err
	}
	g.Expect(put("a", 10000)).To(Succeed())
	g.Expect(put("a", 10000)).To(Succeed(), "a policy is put in its own place")
	g.Expect(put("b", 240)).To(Succeed())
	code, _ := apiErrorOf(g, put("b", 241))
	g.Expect(code).To(Equal("LimitExceeded"))
}

func TestListRolesHasPages(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	for i := range 7 {
		w.createRole(t, fmt.Sprintf("role-%d", i), ec2Trust, 3600)
	}
	var names []string
	pages := iam.NewListRolesPaginator(w.iam, &iam.ListRolesInput{MaxItems: aws.Int32(3)})
	count := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		count++
		for _, r := range page.Roles {
			names = append(names, aws.ToString(r.RoleName))
		}
	}
	g.Expect(count).To(Equal(3))
	g.Expect(names).To(Equal([]string{"role-0", "role-1", "role-2", "role-3", "role-4", "role-5", "role-6"}))
	_, err := w.iam.ListRoles(t.Context(), &iam.ListRolesInput{Marker: aws.String("x")})
	code, _ := apiErrorOf(g, err)
	g.Expect(code).To(Equal("ValidationError"))
}

func TestTheLifeOfAUser(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	ctx := t.Context()
	name := aws.String("operator")
	client := w.createUser(t, *name, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/${aws:username}"}}`)
	self, err := client.GetUser(ctx, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(aws.ToString(self.User.Arn)).To(Equal("arn:aws:iam::111122223333:user/operator"))
	_, err = client.ListRoles(ctx, nil)
	code, _ := apiErrorOf(g, err)
	g.Expect(code).To(Equal("AccessDenied"))

	_, err = w.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = w.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name})
	code, _ = apiErrorOf(g, err)
	g.Expect(code).To(Equal("LimitExceeded"))

	_, err = w.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name})
	code, _ = apiErrorOf(g, err)
	g.Expect(code).To(Equal("DeleteConflict"))
	policies, err := w.iam.ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: name})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(policies.PolicyNames).To(HaveExactElements("confined"))
	_, err = w.iam.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: name, PolicyName: aws.String("confined")})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = client.GetUser(ctx, nil)
	code, _ = apiErrorOf(g, err)
	g.Expect(code).To(Equal("AccessDenied"))

	keys, err := w.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: name})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(keys.AccessKeyMetadata).To(HaveLen(2))
	for _, key := range keys.AccessKeyMetadata {
		_, err = w.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: name, AccessKeyId: key.AccessKeyId})
		g.Expect(err).NotTo(HaveOccurred())
	}
	_, err = client.GetUser(ctx, nil)
	code, _ = apiErrorOf(g, err)
	g.Expect(code).To(Equal("InvalidClientTokenId"))
	_, err = w.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name})
	g.Expect(err).NotTo(HaveOccurred())
}
