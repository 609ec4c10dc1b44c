package awsfake_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake/internal/testidp"
)

func TestCredentialsProveWhoseTheyAre(t *testing.T) {
	g := NewWithT(t)
	f := newFederation(t, `"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}`)
	answer, err := f.assume(t, nil, nil)
	g.Expect(err).NotTo(HaveOccurred())
	const arn = "arn:aws:sts::111122223333:assumed-role/reports/session-123"
	g.Expect(aws.ToString(answer.AssumedRoleUser.Arn)).To(Equal(arn))
	g.Expect(aws.ToString(answer.Subject)).To(Equal("subject-123"))
	g.Expect(aws.ToString(answer.Issuer)).To(Equal("https://idp.example.test/metadata"))
	// printf '%s' 'https://idp.example.test/metadata111122223333/corp' | openssl sha1 -binary | base64
	g.Expect(aws.ToString(answer.NameQualifier)).To(Equal("1q+qNSu923Zp0Oe61lDVxp1t8pg="))

	c := answer.Credentials
	identity, err := f.stsAs(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken).GetCallerIdentity(t.Context(), nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(aws.ToString(identity.Arn)).To(Equal(arn))
	g.Expect(aws.ToString(identity.Account)).To(Equal(account))
	g.Expect(aws.ToString(identity.UserId)).To(MatchRegexp(`^AROA[A-Z2-7]{16}:session-123$`))
	g.Expect(aws.ToString(identity.UserId)).To(Equal(aws.ToString(answer.AssumedRoleUser.AssumedRoleId)))
}

func TestAssumeRoleWithSAMLRefuses(t *testing.T) {
	parameter := func(change func(*sts.AssumeRoleWithSAMLInput)) refusal { return refusal{request: change} }
	attr := func(name string, values ...string) refusal {
		return refusal{change: func(m *testidp.Message) { m.Attribute(name, values...) }}
	}
	manyTags := func(m *testidp.Message) {
		for i := range 51 {
			m.Attribute(fmt.Sprintf("PrincipalTag:k%d", i), "v")
		}
	}
	for name, row := range map[string]struct {
		refusal
		code, message string
	}{
		"a role ARN that is too short": {parameter(func(in *sts.AssumeRoleWithSAMLInput) { in.RoleArn = aws.String("arn:aws:iam::1:r") }),
			"ValidationError", "'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20"},
		"a provider ARN that is too long": {parameter(func(in *sts.AssumeRoleWithSAMLInput) { in.PrincipalArn = aws.String(strings.Repeat("a", 2049)) }),
			"ValidationError", "'principalArn' failed to satisfy constraint: Member must have length less than or equal to 2048"},
		"a provider ARN that is none": {parameter(func(in *sts.AssumeRoleWithSAMLInput) { in.PrincipalArn = aws.String(strings.Repeat("a", 30)) }),
			"ValidationError", "Request ARN is invalid"},
		"an assertion of three characters": {parameter(func(in *sts.AssumeRoleWithSAMLInput) { in.SAMLAssertion = aws.String("abc") }),
			"ValidationError", "Value at 'sAMLAssertion' failed to satisfy constraint: Member must have length greater than or equal to 4"},
		"an assertion of more than 100,000 characters": {parameter(func(in *sts.AssumeRoleWithSAMLInput) { in.SAMLAssertion = aws.String(strings.Repeat("A", 100001)) }),
			"ValidationError", "less than or equal to 100000"},
		"an assertion that is not base64": {parameter(func(in *sts.AssumeRoleWithSAMLInput) { in.SAMLAssertion = aws.String("!!!!!") }),
			"InvalidIdentityToken", "Invalid base64 SAMLResponse"},
		"899 seconds": {parameter(func(in *sts.AssumeRoleWithSAMLInput) { in.DurationSeconds = aws.Int32(899) }),
			"ValidationError", "Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"},
		"43,201 seconds": {parameter(func(in *sts.AssumeRoleWithSAMLInput) { in.DurationSeconds = aws.Int32(43201) }),
			"ValidationError", "less than or equal to 43200"},
		"more than the role's maximum": {parameter(func(in *sts.AssumeRoleWithSAMLInput) { in.DurationSeconds = aws.Int32(7201) }),
			"ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
		"a session policy of more than 2,048 characters": {parameter(func(in *sts.AssumeRoleWithSAMLInput) { in.Policy = aws.String(strings.Repeat(" ", 2049)) }),
			"ValidationError", "less than or equal to 2048"},
		"a session policy that is none": {parameter(func(in *sts.AssumeRoleWithSAMLInput) { in.Policy = aws.String(`{"Statement":[]}`) }),
			"MalformedPolicyDocument", "Syntax errors"},
		"a provider that is not there": {parameter(func(in *sts.AssumeRoleWithSAMLInput) {
			in.PrincipalArn = aws.String("arn:aws:iam::111122223333:saml-provider/other")
		}), "InvalidIdentityToken", "Specified provider doesn't exist"},
		"a role that is not there": {refusal{change: func(m *testidp.Message) {
			m.Attribute("Role", "arn:aws:iam::111122223333:role/nobody,arn:aws:iam::111122223333:saml-provider/corp")
		}, request: func(in *sts.AssumeRoleWithSAMLInput) {
			in.RoleArn = aws.String("arn:aws:iam::111122223333:role/nobody")
		}},
			"AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML"},
		"a managed session policy that is not there": {parameter(func(in *sts.AssumeRoleWithSAMLInput) {
			in.PolicyArns = append(in.PolicyArns, policyARN("arn:aws:iam::aws:policy/Nothing"))
		}), "ValidationError", "Policy arn:aws:iam::aws:policy/Nothing does not exist or is not attachable."},
		"11 managed session policies": {parameter(func(in *sts.AssumeRoleWithSAMLInput) {
			for range 11 {
				in.PolicyArns = append(in.PolicyArns, policyARN(readOnly))
			}
		}), "ValidationError", "'policyArns' failed to satisfy constraint: Member must have length less than or equal to 10"},
		"session policies of 2,049 characters together": {parameter(func(in *sts.AssumeRoleWithSAMLInput) {
			in.PolicyArns = append(in.PolicyArns, policyARN(readOnly))
			in.Policy = aws.String(anything + strings.Repeat(" ", 2049-len(anything)-len(readOnly)))
		}), "PackedPolicyTooLarge", "Packed policy consumes 100% of allotted space"},

		"no Role attribute":                   {attr("Role"), "InvalidIdentityToken", "doesn't contain the requested Role and Metadata"},
		"no RoleSessionName":                  {attr("RoleSessionName"), "InvalidIdentityToken", "RoleSessionName is required in AuthnResponse"},
		"a RoleSessionName of one character":  {attr("RoleSessionName", "a"), "InvalidIdentityToken", "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}"},
		"a RoleSessionName with a space":      {attr("RoleSessionName", "a b"), "InvalidIdentityToken", "must match"},
		"a RoleSessionName of 65 characters":  {attr("RoleSessionName", strings.Repeat("a", 65)), "InvalidIdentityToken", "must match"},
		"a SessionDuration of 899":            {attr("SessionDuration", "899"), "InvalidIdentityToken", "SessionDuration"},
		"a SessionDuration in words":          {attr("SessionDuration", "hour"), "InvalidIdentityToken", "SessionDuration"},
		"a SourceIdentity of one character":   {attr("SourceIdentity", "a"), "InvalidIdentityToken", "Source Identity must match"},
		"a tag with two values":               {attr("PrincipalTag:team", "a", "b"), "InvalidIdentityToken", "one value"},
		"a tag key with the prefix aws:":      {attr("PrincipalTag:AWS:team", "a"), "InvalidIdentityToken", "reserved prefix"},
		"a tag key of 129 characters":         {attr("PrincipalTag:"+strings.Repeat("k", 129), "a"), "InvalidIdentityToken", "1-128"},
		"a tag value of 257 characters":       {attr("PrincipalTag:k", strings.Repeat("v", 257)), "InvalidIdentityToken", "0-256"},
		"a tag value with a star":             {attr("PrincipalTag:k", "*"), "InvalidIdentityToken", "0-256"},
		"51 tags":                             {refusal{change: manyTags}, "InvalidIdentityToken", "at most 50 tags"},
		"a transitive key that is not a tag":  {attr("TransitiveTagKeys", "team"), "InvalidIdentityToken", "transitive tag key"},
		"attribute names in the wrong case":   {refusal{change: wrongCase}, "InvalidIdentityToken", "RoleSessionName is required"},
		"the issuer of another provider":      {refusal{change: otherIssuer}, "InvalidIdentityToken", "Issuer not present in specified provider"},
		"an assertion of six minutes ago":     {refusal{change: sixMinutesAgo}, "ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance"},
		"two tag keys that differ by case":    {refusal{change: twinTags}, "InvalidIdentityToken", "Duplicate tag keys"},
		"two RoleSessionNames, both in range": {attr("RoleSessionName", "aa", "bb"), "InvalidIdentityToken", "must match"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			f := newFederation(t, "")
			_, err := f.assume(t, row.change, row.request)
			code, message := apiErrorOf(g, err)
			g.Expect(code).To(Equal(row.code))
			g.Expect(message).To(ContainSubstring(row.message))
		})
	}
}

// refusal is a change of a baseline call that STS refuses.
type refusal struct {
	change  func(*testidp.Message)
	request func(*sts.AssumeRoleWithSAMLInput)
}

func wrongCase(m *testidp.Message) {
	m.Attribute("RoleSessionName")
	m.Attribute("roleSessionName", "session-123")
}

func twinTags(m *testidp.Message) {
	m.Attribute("PrincipalTag:team", "a")
	m.Attribute("PrincipalTag:Team", "b")
}

func otherIssuer(m *testidp.Message) {
	m.Assertion.SelectElement("saml:Issuer").SetText("https://other.example.test")
}

func sixMinutesAgo(m *testidp.Message) {
	m.Assertion.CreateAttr("IssueInstant", time.Now().UTC().Add(-6*time.Minute).Format("2006-01-02T15:04:05Z"))
}

func TestTrustPolicies(t *testing.T) {
	tagged := func(m *testidp.Message) { m.Attribute("PrincipalTag:team", "reports") }
	sourced := func(m *testidp.Message) { m.Attribute("SourceIdentity", "ann") }
	const actions = `"Action":"sts:AssumeRoleWithSAML"`
	for name, row := range map[string]struct {
		condition string
		// narrow leaves sts:TagSession and sts:SetSourceIdentity out.
		narrow bool
		change func(*testidp.Message)
		denied string
	}{
		"every key of the assertion can be asked for": {condition: `"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml",` +
			`"saml:iss":"https://idp.example.test/metadata","saml:sub":"subject-123","saml:sub_type":"persistent",` +
			`"saml:doc":"111122223333/corp","saml:namequalifier":"1q+qNSu923Zp0Oe61lDVxp1t8pg=","sts:RoleSessionName":"session-123"}`},
		"another subject is denied":                     {condition: `"StringEquals":{"saml:sub":"subject-456"}`, denied: "sts:AssumeRoleWithSAML"},
		"a key that the assertion lacks is denied":      {condition: `"StringEquals":{"saml:mail":"a@b"}`, denied: "sts:AssumeRoleWithSAML"},
		"the reserved tag is asked for and there":       {condition: `"StringEquals":{"aws:RequestTag/team":"reports"}`, change: tagged},
		"the reserved tag is asked for and not there":   {condition: `"StringEquals":{"aws:RequestTag/team":"reports"}`, denied: "sts:AssumeRoleWithSAML"},
		"tag keys may be limited":                       {condition: `"ForAllValues:StringEquals":{"aws:TagKeys":["cost"]}`, change: tagged, denied: "sts:AssumeRoleWithSAML"},
		"a source identity may be asked for":            {condition: `"StringLike":{"sts:SourceIdentity":"a*"}`, change: sourced},
		"tags need sts:TagSession":                      {narrow: true, change: tagged, denied: "sts:TagSession"},
		"a source identity needs sts:SetSourceIdentity": {narrow: true, change: sourced, denied: "sts:SetSourceIdentity"},
		"neither is needed without them":                {narrow: true},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			f := newFederation(t, row.condition)
			if row.narrow {
				f.setTrust(t, "reports", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"`+f.providerARN+`"},`+actions+`}]}`)
			}
			_, err := f.assume(t, row.change, nil)
			if row.denied == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			code, message := apiErrorOf(g, err)
			g.Expect(code).To(Equal("AccessDenied"))
			g.Expect(message).To(Equal("Not authorized to perform " + row.denied))
		})
	}
}

func TestSessionsMayDoWhatRoleAndSessionPolicyAllow(t *testing.T) {
	g := NewWithT(t)
	f := newFederation(t, "")
	_, err := f.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("reports"), PolicyName: aws.String("read"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iam:GetRole","iam:ListRoles"],"Resource":"*",` +
			`"Condition":{"StringEquals":{"aws:PrincipalTag/team":"reports","saml:sub":"subject-123"}}}}`)})
	g.Expect(err).NotTo(HaveOccurred())
	sessionPolicy := aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:GetRole","Resource":"*"}}`)
	open := func(team string, sessionPolicy *string) *iam.Client {
		answer, err := f.assume(t,
			func(m *testidp.Message) { m.Attribute("PrincipalTag:team", team) },
			func(in *sts.AssumeRoleWithSAMLInput) { in.Policy = sessionPolicy })
		g.Expect(err).NotTo(HaveOccurred())
		c := answer.Credentials
		return f.iamAs(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
	}
	getRole := &iam.GetRoleInput{RoleName: aws.String("reports")}

	_, err = open("reports", nil).ListRoles(t.Context(), nil)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = open("other", nil).ListRoles(t.Context(), nil)
	_, message := apiErrorOf(g, err)
	g.Expect(message).To(Equal("User: arn:aws:sts::111122223333:assumed-role/reports/session-123 is not authorized to perform: " +
		"iam:ListRoles on resource: arn:aws:iam::111122223333:role/ because no identity-based policy allows the iam:ListRoles action"))

	limited := open("reports", sessionPolicy)
	_, err = limited.GetRole(t.Context(), getRole)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = limited.ListRoles(t.Context(), nil)
	_, message = apiErrorOf(g, err)
	g.Expect(message).To(ContainSubstring("because no session policy allows the iam:ListRoles action"))
}
