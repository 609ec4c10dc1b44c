package awsfake_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake/internal/testidp"
)

const targetARN = "arn:aws:iam::111122223333:role/target"

func trustingAWS(principal, condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},` +
		`"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"],"Condition":{` + condition + `}}]}`
}

// stsOf returns a client of STS with a session's credentials.
func (w *world) stsOf(c *ststypes.Credentials) *sts.Client {
	return w.stsAs(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
}

func TestUsersAssumeRoles(t *testing.T) {
	const (
		user    = "arn:aws:iam::111122223333:user/operator"
		refused = "User: " + user + " is not authorized to perform: sts:AssumeRole on resource: " + targetARN + " "
		root    = "arn:aws:iam::111122223333:root"
	)
	mayAssume := `{"Version":"2012-10-17","Statement":[` + allow(`["sts:AssumeRole","sts:TagSession"]`, targetARN, "") + `]}`
	mayNothing := `{"Version":"2012-10-17","Statement":[` + allow(`"iam:GetUser"`, "*", "") + `]}`
	mayNever := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"sts:AssumeRole","Resource":"*"}]}`
	for name, row := range map[string]struct {
		principal, condition, policy string
		change                       func(*sts.AssumeRoleInput)
		code, message                string // "" for success
	}{
		"trust in the account asks the caller's policies too": {principal: root, policy: mayAssume},
		"the account's number stands for the account":         {principal: account, policy: mayAssume},
		"trust in the account alone is not enough": {principal: root, policy: mayNothing,
			code: "AccessDenied", message: refused + "because no identity-based policy allows the sts:AssumeRole action"},
		"trust in the user is enough in one account":  {principal: user, policy: mayNothing},
		"trust in everybody is enough in one account": {principal: "*", policy: mayNothing},
		"a deny of the caller's policies wins over trust": {principal: user, policy: mayNever,
			code: "AccessDenied", message: refused + "with an explicit deny in an identity-based policy"},
		"policies alone are not enough": {principal: "444455556666", policy: mayAssume,
			code: "AccessDenied", message: refused + "because no resource-based policy allows the sts:AssumeRole action"},
		"a condition of the trust policy must hold": {principal: root, condition: `"StringEquals":{"sts:ExternalId":"id"}`, policy: mayAssume,
			code: "AccessDenied", message: refused},
		"an external ID can be asked for": {principal: root, condition: `"StringEquals":{"sts:ExternalId":"id"}`, policy: mayAssume,
			change: func(in *sts.AssumeRoleInput) { in.ExternalId = aws.String("id") }},
		"tags can be asked for": {principal: root, condition: `"StringEquals":{"aws:RequestTag/team":"a"}`, policy: mayAssume,
			change: tagSession("team", "a")},
		"a source identity needs a permission of its own": {principal: root, policy: mayAssume,
			change: func(in *sts.AssumeRoleInput) { in.SourceIdentity = aws.String("ann") }, code: "AccessDenied", message: "sts:SetSourceIdentity"},
		"a session is no longer than the role's maximum": {principal: user, policy: mayAssume,
			change: func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(7201) }, code: "ValidationError", message: "exceeds the MaxSessionDuration"},
		"a session's name has two characters": {principal: user, policy: mayAssume,
			change: func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String("x") }, code: "ValidationError", message: "'roleSessionName'"},
		"a transitive key must be a tag's": {principal: user, policy: mayAssume,
			change: func(in *sts.AssumeRoleInput) { in.TransitiveTagKeys = []string{"team"} }, code: "ValidationError", message: "transitive tag key"},
		"a role that is not there is told as a missing permission": {principal: user, policy: mayAssume,
			change: func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String(targetARN + "s") }, code: "AccessDenied", message: targetARN + "s"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			key := w.createUserKey(t, "operator", row.policy)
			w.createRole(t, "target", trustingAWS(row.principal, row.condition), 7200)
			input := &sts.AssumeRoleInput{RoleArn: aws.String(targetARN), RoleSessionName: aws.String("session")}
			if row.change != nil {
				row.change(input)
			}
			answer, err := w.stsAs(*key.AccessKeyId, *key.SecretAccessKey, "").AssumeRole(t.Context(), input)
			if row.code != "" {
				expectRefusal(g, err, row.code, row.message)
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			self, err := w.stsOf(answer.Credentials).GetCallerIdentity(t.Context(), nil)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(aws.ToString(self.Arn)).To(Equal("arn:aws:sts::111122223333:assumed-role/target/session"))
		})
	}
}

func tagSession(key, value string) func(*sts.AssumeRoleInput) {
	return func(in *sts.AssumeRoleInput) { in.Tags = append(in.Tags, ststypes.Tag{Key: &key, Value: &value}) }
}

func TestTheRootUserAssumesNoRole(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.createRole(t, "target", trustingAWS("*", ""), 7200)
	_, err := w.sts.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(targetARN), RoleSessionName: aws.String("session")})
	expectRefusal(g, err, "AccessDenied", "Roles may not be assumed by root accounts.")
}

// A session of SAML opens another one.
func TestRulesOfRoleChaining(t *testing.T) {
	chain := func(t *testing.T, g *WithT, f *federation, change func(*sts.AssumeRoleInput)) (*sts.AssumeRoleOutput, error) {
		first, err := f.assume(t, func(m *testidp.Message) {
			m.Attribute("PrincipalTag:team", "reports")
			m.Attribute("PrincipalTag:cost", "1")
			m.Attribute("TransitiveTagKeys", "team")
			m.Attribute("SourceIdentity", "ann")
		}, nil)
		g.Expect(err).NotTo(HaveOccurred())
		input := &sts.AssumeRoleInput{RoleArn: aws.String(targetARN), RoleSessionName: aws.String("next")}
		if change != nil {
			change(input)
		}
		return f.stsOf(first.Credentials).AssumeRole(t.Context(), input)
	}
	trust := func(condition string, check fact) fact {
		return func(t *testing.T, g *WithT, f *federation) {
			f.createRole(t, "target", trustingAWS(f.roleARN, condition), 43200)
			check(t, g, f)
		}
	}
	chains := func(change func(*sts.AssumeRoleInput)) fact {
		return func(t *testing.T, g *WithT, f *federation) {
			_, err := chain(t, g, f, change)
			g.Expect(err).NotTo(HaveOccurred())
		}
	}
	fails := func(code, message string, change func(*sts.AssumeRoleInput)) fact {
		return func(t *testing.T, g *WithT, f *federation) {
			_, err := chain(t, g, f, change)
			expectRefusal(g, err, code, message)
		}
	}
	checkFacts(t, map[string]fact{
		"a chained session lasts an hour": trust("", func(t *testing.T, g *WithT, f *federation) {
			answer, err := chain(t, g, f, nil)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(answer.Credentials.Expiration.Sub(f.now())).To(Equal(time.Hour))
		}),
		"a chained session lasts no more, whatever the role's maximum": trust("", fails("ValidationError", "exceeds the 1 hour session limit for roles assumed by role chaining",
			func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(3601) })),
		"transitive tags are handed on": trust(`"StringEquals":{"aws:RequestTag/team":"reports"}`, func(t *testing.T, g *WithT, f *federation) {
			_, err := f.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("target"), PolicyName: aws.String("own"),
				PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[` +
					allow(`"iam:ListRoles"`, "*", `"StringEquals":{"aws:PrincipalTag/team":"reports"},"Null":{"aws:PrincipalTag/cost":"true"}`) + `]}`)})
			g.Expect(err).NotTo(HaveOccurred())
			answer, err := chain(t, g, f, nil)
			g.Expect(err).NotTo(HaveOccurred())
			c := answer.Credentials
			_, err = f.iamAs(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken).ListRoles(t.Context(), nil)
			g.Expect(err).NotTo(HaveOccurred())
		}),
		"other tags are not":                         trust(`"StringEquals":{"aws:RequestTag/cost":"1"}`, fails("AccessDenied", "sts:AssumeRole", nil)),
		"a transitive tag cannot be replaced":        trust("", fails("InvalidParameterValue", "transitive tag", tagSession("Team", "other"))),
		"the source identity is handed on":           trust(`"StringEquals":{"sts:SourceIdentity":"ann"}`, chains(nil)),
		"the source identity cannot be changed":      trust("", fails("AccessDenied", "source identity", func(in *sts.AssumeRoleInput) { in.SourceIdentity = aws.String("bob") })),
		"the role itself may be trusted":             trust("", chains(nil)),
		"a tag demanded of AssumeRole must be there": trust(`"StringEquals":{"aws:RequestTag/stage":"test"}`, all(fails("AccessDenied", "sts:AssumeRole", nil), chains(tagSession("stage", "test")))),
	})
}
