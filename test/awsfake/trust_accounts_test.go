package awsfake_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	. "github.com/onsi/gomega"
)

func TestRulesOfTrustAcrossAccounts(t *testing.T) {
	const (
		user    = "arn:aws:iam::" + account + ":user/operator"
		target  = "arn:aws:iam::" + other + ":role/target"
		refused = "User: " + user + " is not authorized to perform: sts:AssumeRole on resource: " + target + " "
	)
	mayAssume := `{"Version":"2012-10-17","Statement":[` + allow(`"sts:AssumeRole"`, target, "") + `]}`
	mayNothing := `{"Version":"2012-10-17","Statement":[` + allow(`"iam:GetUser"`, "*", "") + `]}`
	mayWithID := `{"Version":"2012-10-17","Statement":[` + allow(`"sts:AssumeRole"`, target, `"StringEquals":{"sts:ExternalId":"id"}`) + `]}`
	withID := func(in *sts.AssumeRoleInput) { in.ExternalId = aws.String("id") }
	const demandID = `"StringEquals":{"sts:ExternalId":"id"}`
	for name, row := range map[string]struct {
		principal, condition, policy string
		change                       func(*sts.AssumeRoleInput)
		code, message                string // "" for success
	}{
		"both sides allow, the role by the account":  {principal: "arn:aws:iam::" + account + ":root", policy: mayAssume},
		"both sides allow, the role by the user":     {principal: user, policy: mayAssume},
		"both sides allow, the role everybody":       {principal: "*", policy: mayAssume},
		"trust in the account alone is not enough":   {principal: account, policy: mayNothing, code: "AccessDenied", message: refused + "because no identity-based policy allows"},
		"trust in the user alone is not enough":      {principal: user, policy: mayNothing, code: "AccessDenied", message: refused + "because no identity-based policy allows"},
		"trust in everybody alone is not enough":     {principal: "*", policy: mayNothing, code: "AccessDenied", message: refused + "because no identity-based policy allows"},
		"the caller's policies alone are not enough": {principal: other, policy: mayAssume, code: "AccessDenied", message: refused + "because no resource-based policy allows"},
		"an external ID that is asked for is given":  {principal: account, condition: demandID, policy: mayAssume, change: withID},
		"an external ID that is asked for is missing": {principal: account, condition: demandID, policy: mayAssume,
			code: "AccessDenied", message: refused + "because no resource-based policy allows"},
		"an external ID that is asked for is another": {principal: account, condition: demandID, policy: mayAssume,
			change: func(in *sts.AssumeRoleInput) { in.ExternalId = aws.String("other") }, code: "AccessDenied", message: refused},
		"an external ID that nobody asks for is no harm": {principal: account, policy: mayAssume, change: withID},
		"the caller's policies may ask for an external ID": {principal: account, policy: mayWithID,
			code: "AccessDenied", message: refused + "because no identity-based policy allows"},
		"the caller's policies get the external ID": {principal: account, policy: mayWithID, change: withID},
		"the role may ask for the caller's ARN":     {principal: account, condition: `"ArnEquals":{"aws:PrincipalArn":"` + user + `"}`, policy: mayAssume},
		"the role may ask for a session's name": {principal: account, condition: `"StringEquals":{"sts:RoleSessionName":"other"}`, policy: mayAssume,
			code: "AccessDenied", message: refused},
		"a session is no longer than the role's maximum": {principal: account, policy: mayAssume,
			change: func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(7201) }, code: "ValidationError", message: "exceeds the MaxSessionDuration"},
		"session policies are of the role's account": {principal: account, policy: mayAssume,
			change: func(in *sts.AssumeRoleInput) {
				in.PolicyArns = append(in.PolicyArns, policyARN("arn:aws:iam::"+account+":policy/callers"))
			}, code: "ValidationError", message: "does not exist or is not attachable"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			second := w.in(t, other)
			key := w.createUserKey(t, "operator", row.policy)
			w.createPolicy(t, "callers", anything)
			second.createRole(t, "target", trustingAWS(row.principal, row.condition), 7200)
			input := &sts.AssumeRoleInput{RoleArn: aws.String(target), RoleSessionName: aws.String("session")}
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
			g.Expect([]string{*self.Account, *self.Arn}).To(Equal([]string{other, "arn:aws:sts::" + other + ":assumed-role/target/session"}))
		})
	}
}

// An operator in a hub account works in a member account by a role there.
func TestAnOperatorWorksInAnotherAccount(t *testing.T) {
	g := NewWithT(t)
	f := newFederation(t, "")
	member := f.in(t, other)
	target := member.createRole(t, "operator", trustingAWS(f.roleARN, `"StringEquals":{"sts:ExternalId":"id"}`), 43200)
	g.Expect(member.attach(t, "operator", "arn:aws:iam::aws:policy/IAMFullAccess")).To(Succeed())
	f.putPolicy(t, "reports", `{"Version":"2012-10-17","Statement":[`+allow(`["sts:AssumeRole"]`, target, "")+`]}`)
	first, err := f.assume(t, nil, nil)
	g.Expect(err).NotTo(HaveOccurred())

	input := &sts.AssumeRoleInput{RoleArn: &target, RoleSessionName: aws.String("attache"), ExternalId: aws.String("id")}
	second, err := f.stsOf(first.Credentials).AssumeRole(t.Context(), input)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(second.Credentials.Expiration.Sub(f.now())).To(Equal(time.Hour), "a session of a session")
	input.DurationSeconds = aws.Int32(3601)
	_, err = f.stsOf(first.Credentials).AssumeRole(t.Context(), input)
	expectRefusal(g, err, "ValidationError", "1 hour session limit for roles assumed by role chaining")

	assumed := stscreds.NewAssumeRoleProvider(f.stsOf(first.Credentials), target, func(o *stscreds.AssumeRoleOptions) {
		o.ExternalID, o.RoleSessionName = aws.String("id"), "attache"
	})
	client := iam.New(iam.Options{Region: f.iamRegion, BaseEndpoint: &f.url, Credentials: aws.NewCredentialsCache(assumed)})
	made, err := client.CreateRole(t.Context(),
		&iam.CreateRoleInput{RoleName: aws.String("made"), AssumeRolePolicyDocument: aws.String(ec2Trust)})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(*made.Role.Arn).To(Equal("arn:aws:iam::" + other + ":role/made"))
	_, err = member.iam.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: aws.String("made")})
	g.Expect(err).NotTo(HaveOccurred())
}

// IAM keeps the IDs of the users and roles that a trust policy names.
func TestRulesOfTrustedPrincipals(t *testing.T) {
	const (
		user   = "arn:aws:iam::" + account + ":user/operator"
		target = "arn:aws:iam::" + other + ":role/target"
	)
	mayAssume := `{"Version":"2012-10-17","Statement":[` + allow(`"sts:AssumeRole"`, "*", "") + `]}`
	invalid := func(kind, principal string) fact {
		return func(t *testing.T, g *WithT, f *federation) {
			trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"` + kind + `":"` + principal + `"},"Action":"sts:AssumeRole"}]}`
			_, err := f.in(t, other).iam.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("target"), AssumeRolePolicyDocument: &trust})
			expectRefusal(g, err, "MalformedPolicyDocument", `Invalid principal in policy: "`+kind+`":"`+principal+`"`)
		}
	}
	valid := func(principal string) fact {
		return func(t *testing.T, _ *WithT, f *federation) {
			f.in(t, other).createRole(t, "target", trustingAWS(principal, ""), 3600)
		}
	}
	assumesAs := func(t *testing.T, f *federation, key *types.AccessKey) error {
		_, err := f.stsAs(*key.AccessKeyId, *key.SecretAccessKey, "").AssumeRole(t.Context(),
			&sts.AssumeRoleInput{RoleArn: aws.String(target), RoleSessionName: aws.String("session")})
		return err
	}
	checkFacts(t, map[string]fact{
		"a role that is trusted must exist, whatever its account":      invalid("AWS", "arn:aws:iam::"+account+":role/nobody"),
		"a user who is trusted must exist, whatever the account":       invalid("AWS", user),
		"the role of a session that is trusted must exist":             invalid("AWS", "arn:aws:sts::"+account+":assumed-role/nobody/session"),
		"a role's path is part of its name":                            invalid("AWS", "arn:aws:iam::"+account+":role/path/reports"),
		"nobody of another partition can be trusted":                   invalid("AWS", "arn:aws-cn:iam::"+account+":root"),
		"no provider of another partition can be trusted":              invalid("Federated", "arn:aws-cn:iam::"+account+":saml-provider/corp"),
		"the role that is trusted may be of another account":           valid("arn:aws:iam::" + account + ":role/reports"),
		"the session that is trusted may have any name":                valid("arn:aws:sts::" + account + ":assumed-role/reports/any"),
		"of accounts that are not served it is not known who is there": valid("arn:aws:iam::444455556666:role/partner"),
		"a user who is made again is not trusted until it is said anew": func(t *testing.T, g *WithT, f *federation) {
			key := f.createUserKey(t, "operator", mayAssume)
			second := f.in(t, other)
			second.createRole(t, "target", trustingAWS(user, ""), 3600)
			g.Expect(assumesAs(t, f, key)).To(Succeed())
			id := f.deleteUser(t, "operator", key)
			g.Expect(second.trustOf(t, "target")).To(Equal(trustingAWS(id, "")))
			key = f.createUserKey(t, "operator", mayAssume)
			expectRefusal(g, assumesAs(t, f, key), "AccessDenied", "because no resource-based policy allows")
			g.Expect(second.trustOf(t, "target")).To(Equal(trustingAWS(id, "")))
			second.setTrust(t, "target", trustingAWS(user, ""))
			g.Expect(assumesAs(t, f, key)).To(Succeed())
		},
		"a role that is made again is not trusted until it is said anew": func(t *testing.T, g *WithT, f *federation) {
			second := f.in(t, other)
			second.createRole(t, "target", trustingAWS(f.roleARN, ""), 3600)
			id := *f.getRole(t, "reports").RoleId
			_, err := f.iam.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: aws.String("reports")})
			g.Expect(err).NotTo(HaveOccurred())
			f.createRole(t, "reports", trustPolicy(f.providerARN, ""), 7200)
			f.putPolicy(t, "reports", mayAssume)
			first, err := f.assume(t, nil, nil)
			g.Expect(err).NotTo(HaveOccurred())
			chain := func() error {
				_, err := f.stsOf(first.Credentials).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(target), RoleSessionName: aws.String("session")})
				return err
			}
			expectRefusal(g, chain(), "AccessDenied", "because no resource-based policy allows")
			g.Expect(second.trustOf(t, "target")).To(Equal(trustingAWS(id, "")))
			second.setTrust(t, "target", trustingAWS(f.roleARN, ""))
			g.Expect(chain()).To(Succeed())
		},
		"an ID cannot be written": invalid("AWS", "AROAABCDEFGHIJKLMNOP"),
	})
}
