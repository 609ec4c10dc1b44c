package awsfake_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake/internal/testidp"
)

// open assumes the role and returns a client of the session.
func (f *federation) open(t *testing.T, change func(*testidp.Message), request func(*sts.AssumeRoleWithSAMLInput)) *iam.Client {
	t.Helper()
	answer, err := f.assume(t, change, request)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	c := answer.Credentials
	return f.iamAs(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
}

// A session may do what every layer of policies allows.
func TestASessionMayDoWhatEveryLayerAllows(t *testing.T) {
	allowing := func(action string) string {
		return `{"Version":"2012-10-17","Statement":[` + allow(`"`+action+`"`, "*", "") + `]}`
	}
	denying := func(action string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"` + action + `","Resource":"*"}]}`
	}
	const listRoles = "iam:ListRoles"
	for name, row := range map[string]struct {
		// attached and boundary are documents of managed policies, or ARNs of AWS's.
		attached, boundary, session string
		sessionARN                  string
		message                     string // "" for an allowed call
	}{
		"a managed policy of AWS allows":                   {attached: readOnly},
		"a managed policy of the account allows":           {attached: allowing(listRoles)},
		"no policy allows nothing":                         {message: "because no identity-based policy allows the iam:ListRoles action"},
		"a boundary alone allows nothing":                  {boundary: anything, message: "because no identity-based policy allows the iam:ListRoles action"},
		"a boundary that allows lets the call through":     {attached: readOnly, boundary: anything},
		"a boundary that does not allow denies":            {attached: readOnly, boundary: allowing("iam:GetRole"), message: "because no permissions boundary allows the iam:ListRoles action"},
		"a boundary that denies is told as a deny":         {attached: readOnly, boundary: denying("iam:List*"), message: "with an explicit deny in a permissions boundary"},
		"a deny anywhere comes before a missing allow":     {boundary: denying("iam:List*"), message: "with an explicit deny in a permissions boundary"},
		"a managed policy that denies wins":                {attached: denyAll, boundary: anything, message: "with an explicit deny in an identity-based policy"},
		"an inline session policy must allow too":          {attached: readOnly, session: allowing("iam:GetRole"), message: "because no session policy allows the iam:ListRoles action"},
		"an inline session policy that allows is enough":   {attached: readOnly, session: allowing(listRoles)},
		"a managed session policy must allow too":          {attached: readOnly, sessionARN: s3ReadOnly, message: "because no session policy allows the iam:ListRoles action"},
		"a managed session policy that allows is enough":   {attached: readOnly, sessionARN: readOnly},
		"one of several session policies is enough":        {attached: readOnly, session: allowing("iam:GetRole"), sessionARN: readOnly},
		"a session policy gives nothing":                   {session: anything, message: "because no identity-based policy allows the iam:ListRoles action"},
		"a session policy that denies is told as a deny":   {attached: readOnly, session: denying("iam:List*"), message: "with an explicit deny in a session policy"},
		"all three layers that allow let the call through": {attached: readOnly, boundary: allowing("iam:*"), session: allowing(listRoles)},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			f := newFederation(t, "")
			arnOf := func(name, policy string) string {
				if strings.HasPrefix(policy, "arn:") {
					return policy
				}
				return f.createPolicy(t, name, policy)
			}
			if row.attached != "" {
				g.Expect(f.attach(t, "reports", arnOf("attached", row.attached))).To(Succeed())
			}
			if row.boundary != "" {
				_, err := f.iam.PutRolePermissionsBoundary(t.Context(), &iam.PutRolePermissionsBoundaryInput{
					RoleName: aws.String("reports"), PermissionsBoundary: aws.String(arnOf("boundary", row.boundary)),
				})
				g.Expect(err).NotTo(HaveOccurred())
			}
			client := f.open(t, nil, func(in *sts.AssumeRoleWithSAMLInput) {
				if row.session != "" {
					in.Policy = &row.session
				}
				if row.sessionARN != "" {
					in.PolicyArns = append(in.PolicyArns, policyARN(row.sessionARN))
				}
			})
			_, err := client.ListRoles(t.Context(), nil)
			if row.message == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			code, message := apiErrorOf(g, err)
			g.Expect(code).To(Equal("AccessDenied"))
			g.Expect(message).To(HaveSuffix(row.message))
		})
	}
}

// Policies of a role see who the session is.
func TestPolicyVariablesStandForTheSession(t *testing.T) {
	f := newFederation(t, "")
	const qualifier = "1q+qNSu923Zp0Oe61lDVxp1t8pg="
	f.createRole(t, "subject-123", ec2Trust, 3600)
	f.createRole(t, "other", ec2Trust, 3600)
	for name, row := range map[string]struct {
		resource, condition string
		role                string
		denied              bool
	}{
		"saml:sub names the subject's own resource":      {resource: "arn:aws:iam::*:role/${saml:sub}", role: "subject-123"},
		"saml:sub names no other resource":               {resource: "arn:aws:iam::*:role/${saml:sub}", role: "other", denied: true},
		"a session tag names a resource":                 {resource: "arn:aws:iam::*:role/${aws:PrincipalTag/team}", role: "other"},
		"a session tag that is absent names nothing":     {resource: "arn:aws:iam::*:role/${aws:PrincipalTag/cost}*", role: "other", denied: true},
		"saml:namequalifier may stand in a condition":    {resource: "*", condition: `"StringEquals":{"saml:namequalifier":"` + qualifier + `"}`, role: "other"},
		"saml:namequalifier is the provider's own":       {resource: "*", condition: `"StringEquals":{"saml:namequalifier":"AAAA"}`, role: "other", denied: true},
		"saml:iss does not last":                         {resource: "*", condition: `"StringLike":{"saml:iss":"*"}`, role: "other", denied: true},
		"saml:aud does not last":                         {resource: "*", condition: `"StringLike":{"saml:aud":"*"}`, role: "other", denied: true},
		"a session issued after a date is let through":   {resource: "*", condition: `"DateGreaterThan":{"aws:TokenIssueTime":"2026-01-01T00:00:00Z"}`, role: "other"},
		"a session issued before a date can be shut out": {resource: "*", condition: `"DateGreaterThan":{"aws:TokenIssueTime":"` + f.now().Format(time.RFC3339) + `"}`, role: "other", denied: true},
		"the time of the call can be asked for":          {resource: "*", condition: `"DateLessThan":{"aws:CurrentTime":"` + f.now().Add(time.Second).Format(time.RFC3339) + `"}`, role: "other"},
		"the session's name is part of aws:userid":       {resource: "*", condition: `"StringLike":{"aws:userid":"AROA*:session-123"}`, role: "other"},
		"the session's source identity can be asked for": {resource: "*", condition: `"StringEquals":{"aws:SourceIdentity":"ann"}`, role: "other"},
		"the provider that vouched can be asked for":     {resource: "*", condition: `"ArnEquals":{"aws:FederatedProvider":"` + f.providerARN + `"}`, role: "other"},
		"the principal is the role, not the session":     {resource: "*", condition: `"ArnEquals":{"aws:PrincipalArn":"` + f.roleARN + `"}`, role: "other"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			_, err := f.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("reports"), PolicyName: aws.String("own"),
				PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[` + allow(`"iam:GetRole"`, row.resource, row.condition) + `]}`)})
			g.Expect(err).NotTo(HaveOccurred())
			client := f.open(t, func(m *testidp.Message) {
				m.Attribute("PrincipalTag:team", "other")
				m.Attribute("SourceIdentity", "ann")
			}, nil)
			_, err = client.GetRole(t.Context(), &iam.GetRoleInput{RoleName: &row.role})
			if !row.denied {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			code, _ := apiErrorOf(g, err)
			g.Expect(code).To(Equal("AccessDenied"))
		})
	}
}

// The condition keys by which operators are confined (Service Authorization
// Reference, "AWS Identity and Access Management").
func TestOperatorsAreConfinedByConditionKeys(t *testing.T) {
	const (
		boundary = "arn:aws:iam::111122223333:policy/boundary"
		bounded  = `"StringEquals":{"iam:PermissionsBoundary":"` + boundary + `"}`
		tagged   = `"StringEquals":{"aws:ResourceTag/cluster":"a"}`
	)
	create := func(boundary *string, tags ...types.Tag) func(*testing.T, *iam.Client) error {
		return func(t *testing.T, c *iam.Client) error {
			_, err := c.CreateRole(t.Context(), &iam.CreateRoleInput{
				RoleName: aws.String("new"), AssumeRolePolicyDocument: aws.String(ec2Trust), PermissionsBoundary: boundary, Tags: tags,
			})
			return err
		}
	}
	onRole := func(name string, call func(*testing.T, *iam.Client, *string) error) func(*testing.T, *iam.Client) error {
		return func(t *testing.T, c *iam.Client) error { return call(t, c, &name) }
	}
	attach := func(arn string) func(*testing.T, *iam.Client, *string) error {
		return func(t *testing.T, c *iam.Client, role *string) error {
			_, err := c.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: role, PolicyArn: &arn})
			return err
		}
	}
	putPolicy := func(t *testing.T, c *iam.Client, role *string) error {
		_, err := c.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: role, PolicyName: aws.String("x"), PolicyDocument: aws.String(anything)})
		return err
	}
	putBoundary := func(arn string) func(*testing.T, *iam.Client, *string) error {
		return func(t *testing.T, c *iam.Client, role *string) error {
			_, err := c.PutRolePermissionsBoundary(t.Context(), &iam.PutRolePermissionsBoundaryInput{RoleName: role, PermissionsBoundary: &arn})
			return err
		}
	}
	deleteBoundary := func(t *testing.T, c *iam.Client, role *string) error {
		_, err := c.DeleteRolePermissionsBoundary(t.Context(), &iam.DeleteRolePermissionsBoundaryInput{RoleName: role})
		return err
	}
	tag := func(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }
	tagRole := func(tags ...types.Tag) func(*testing.T, *iam.Client, *string) error {
		return func(t *testing.T, c *iam.Client, role *string) error {
			_, err := c.TagRole(t.Context(), &iam.TagRoleInput{RoleName: role, Tags: tags})
			return err
		}
	}
	untag := func(t *testing.T, c *iam.Client, role *string) error {
		_, err := c.UntagRole(t.Context(), &iam.UntagRoleInput{RoleName: role, TagKeys: []string{"cluster"}})
		return err
	}
	updateTrust := func(t *testing.T, c *iam.Client, role *string) error {
		_, err := c.UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: role, PolicyDocument: aws.String(ec2Trust)})
		return err
	}
	addToProfile := func(t *testing.T, c *iam.Client, role *string) error {
		_, err := c.AddRoleToInstanceProfile(t.Context(), &iam.AddRoleToInstanceProfileInput{RoleName: role, InstanceProfileName: aws.String("machines")})
		return err
	}
	for name, row := range map[string]struct {
		actions, resource, condition string
		do                           func(*testing.T, *iam.Client) error
		denied                       string // the action that is missing
	}{
		"a role with the boundary may be created":              {`"iam:CreateRole"`, "*", bounded, create(aws.String(boundary)), ""},
		"a role without a boundary may not":                    {`"iam:CreateRole"`, "*", bounded, create(nil), "iam:CreateRole"},
		"a role with another boundary may not":                 {`"iam:CreateRole"`, "*", bounded, create(aws.String(readOnly)), "iam:CreateRole"},
		"a role with tags needs iam:TagRole":                   {`"iam:CreateRole"`, "*", "", create(nil, tag("cluster", "a")), "iam:TagRole"},
		"a role with tags may be created with both":            {`"iam:CreateRole","iam:TagRole"`, "*", `"StringEquals":{"aws:RequestTag/cluster":"a"}`, create(nil, tag("cluster", "a")), ""},
		"a role with another tag may not":                      {`"iam:CreateRole","iam:TagRole"`, "*", `"StringEquals":{"aws:RequestTag/cluster":"a"}`, create(nil, tag("cluster", "b")), "iam:CreateRole"},
		"a path confines the roles that may be created":        {`"iam:CreateRole"`, "arn:aws:iam::*:role/reports/*", "", create(nil), "iam:CreateRole"},
		"a policy of the list may be attached":                 {`"iam:AttachRolePolicy"`, "*", `"ArnEquals":{"iam:PolicyARN":["` + readOnly + `"]}`, onRole("bounded", attach(readOnly)), ""},
		"a policy outside of the list may not":                 {`"iam:AttachRolePolicy"`, "*", `"ArnEquals":{"iam:PolicyARN":["` + readOnly + `"]}`, onRole("bounded", attach(s3ReadOnly)), "iam:AttachRolePolicy"},
		"a policy may be attached to a role with the boundary": {`"iam:AttachRolePolicy"`, "*", bounded, onRole("bounded", attach(readOnly)), ""},
		"a policy may not be attached to one without":          {`"iam:AttachRolePolicy"`, "*", bounded, onRole("plain", attach(readOnly)), "iam:AttachRolePolicy"},
		"a policy may be put into a role with the boundary":    {`"iam:PutRolePolicy"`, "*", bounded, onRole("bounded", putPolicy), ""},
		"a policy may not be put into one without":             {`"iam:PutRolePolicy"`, "*", bounded, onRole("plain", putPolicy), "iam:PutRolePolicy"},
		"the boundary itself may be put":                       {`"iam:PutRolePermissionsBoundary"`, "*", bounded, onRole("plain", putBoundary(boundary)), ""},
		"another boundary may not be put in its place":         {`"iam:PutRolePermissionsBoundary"`, "*", bounded, onRole("bounded", putBoundary(readOnly)), "iam:PutRolePermissionsBoundary"},
		"the boundary may be protected from deletion": {`"iam:DeleteRolePermissionsBoundary"`, "*",
			`"StringNotEquals":{"iam:PermissionsBoundary":"` + boundary + `"}`, onRole("bounded", deleteBoundary), "iam:DeleteRolePermissionsBoundary"},
		"a trust policy's change does not see the boundary": {`"iam:UpdateAssumeRolePolicy"`, "*", bounded, onRole("bounded", updateTrust), "iam:UpdateAssumeRolePolicy"},
		"an own role may be changed":                        {`"iam:UpdateAssumeRolePolicy"`, "*", tagged, onRole("bounded", updateTrust), ""},
		"a foreign role may not":                            {`"iam:UpdateAssumeRolePolicy"`, "*", tagged, onRole("plain", updateTrust), "iam:UpdateAssumeRolePolicy"},
		"iam:ResourceTag is the same for a role":            {`"iam:UpdateAssumeRolePolicy"`, "*", `"StringEquals":{"iam:ResourceTag/cluster":"a"}`, onRole("bounded", updateTrust), ""},
		"a tag cannot be put on to get hold of a role":      {`"iam:TagRole"`, "*", tagged, onRole("plain", tagRole(tag("cluster", "a"))), "iam:TagRole"},
		"keys of tags can be limited":                       {`"iam:TagRole"`, "*", `"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}`, onRole("bounded", tagRole(tag("cost", "1"))), "iam:TagRole"},
		"keys of tags can be protected from removal":        {`"iam:UntagRole"`, "*", `"ForAllValues:StringNotEquals":{"aws:TagKeys":["cluster"]}`, onRole("bounded", untag), "iam:UntagRole"},
		"a role is passed to an instance profile":           {`"iam:AddRoleToInstanceProfile"`, "*", "", onRole("plain", addToProfile), "iam:PassRole"},
		"a role may be passed to an instance profile":       {`"iam:AddRoleToInstanceProfile","iam:PassRole"`, "*", "", onRole("plain", addToProfile), ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			g.Expect(w.createPolicy(t, "boundary", anything)).To(Equal(boundary))
			_, err := w.iam.CreateRole(t.Context(), &iam.CreateRoleInput{
				RoleName: aws.String("bounded"), AssumeRolePolicyDocument: aws.String(ec2Trust), PermissionsBoundary: aws.String(boundary),
				Tags: []types.Tag{tag("cluster", "a")},
			})
			g.Expect(err).NotTo(HaveOccurred())
			w.createRole(t, "plain", ec2Trust, 3600)
			_, err = w.iam.CreateInstanceProfile(t.Context(), &iam.CreateInstanceProfileInput{InstanceProfileName: aws.String("machines")})
			g.Expect(err).NotTo(HaveOccurred())
			client := w.createUser(t, "operator", `{"Version":"2012-10-17","Statement":[`+allow("["+row.actions+"]", row.resource, row.condition)+`]}`)
			err = row.do(t, client)
			if row.denied == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			code, message := apiErrorOf(g, err)
			g.Expect(code).To(Equal("AccessDenied"))
			g.Expect(message).To(ContainSubstring("is not authorized to perform: " + row.denied + " on resource: "))
		})
	}
}
