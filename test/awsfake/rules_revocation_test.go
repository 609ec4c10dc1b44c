package awsfake_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake/internal/testidp"
)

// sessionOf opens a session of the role with attributes of the assertion, whose
// role may do everything.
func (f *federation) sessionOf(t *testing.T, change func(*testidp.Message)) *ststypes.Credentials {
	t.Helper()
	f.putPolicy(t, "reports", anything)
	answer, err := f.assume(t, change, nil)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return answer.Credentials
}

// deny gives a role the inline policy revoked, which denies everything under a
// condition.
func (f *federation) deny(t *testing.T, role, condition string) {
	t.Helper()
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{` + condition + `}}]}`
	_, err := f.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: aws.String("revoked"), PolicyDocument: &document})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
}

// issuedBefore is the condition of sessions older than a time.
func issuedBefore(t time.Time) string {
	return `"DateLessThan":{"aws:TokenIssueTime":"` + t.Format(time.RFC3339) + `"}`
}

// refused says whether a session is denied a call that its role may make.
func (f *federation) refused(t *testing.T, c *ststypes.Credentials) bool {
	t.Helper()
	_, err := f.iamAs(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken).ListRoles(t.Context(), nil)
	if err == nil {
		return false
	}
	expectRefusal(NewWithT(t), err, "AccessDenied", "with an explicit deny in an identity-based policy")
	return true
}

func TestRulesOfRevocation(t *testing.T) {
	ann, bob := set("SourceIdentity", "ann"), set("SourceIdentity", "bob")
	// older and newer are sessions of before and after a deny under the condition.
	sessions := func(condition func(now time.Time) string, before, after func(*testidp.Message), olderRefused, newerRefused bool) fact {
		return func(t *testing.T, g *WithT, f *federation) {
			older := f.sessionOf(t, before)
			g.Expect(f.refused(t, older)).To(BeFalse(), "before the deny")
			f.advance(time.Minute)
			f.deny(t, "reports", condition(f.now()))
			f.advance(time.Second)
			newer := f.sessionOf(t, after)
			g.Expect([]bool{f.refused(t, older), f.refused(t, newer)}).To(Equal([]bool{olderRefused, newerRefused}), "older, newer")
		}
	}
	fixed := func(condition string) func(time.Time) string { return func(time.Time) string { return condition } }
	ofAnn := `"StringEquals":{"aws:SourceIdentity":"ann"}`
	checkFacts(t, map[string]fact{
		"a deny by the time of issue shuts out older sessions only":    sessions(issuedBefore, nil, nil, true, false),
		"a deny by source identity shuts out whoever has it, whenever": sessions(fixed(ofAnn), ann, ann, true, true),
		"a deny by source identity spares others":                      sessions(fixed(ofAnn), bob, bob, false, false),
		"a deny by source identity spares who has none":                sessions(fixed(ofAnn), nil, ann, false, true),
		"a deny by both shuts out the older sessions of one": sessions(func(now time.Time) string { return ofAnn + "," + issuedBefore(now) },
			ann, ann, true, false),
		"a deny by both spares the older sessions of others": sessions(func(now time.Time) string { return ofAnn + "," + issuedBefore(now) },
			bob, bob, false, false),
		"a deny by session tag shuts out whoever has it": sessions(fixed(`"StringEquals":{"aws:PrincipalTag/attache.dev/mapping":"reports/uploader"}`),
			set("PrincipalTag:attache.dev/mapping", "reports/uploader"), set("PrincipalTag:attache.dev/mapping", "reports/reader"), true, false),
		"a deny by the caller's ID shuts out one session name": sessions(fixed(`"StringLike":{"aws:userid":"*:session-123"}`),
			nil, set("RoleSessionName", "other"), true, false),
		"a session issued in the second of the deny is spared": func(t *testing.T, g *WithT, f *federation) {
			session := f.sessionOf(t, nil)
			f.deny(t, "reports", issuedBefore(f.now()))
			g.Expect(f.refused(t, session)).To(BeFalse())
		},
		"S3 refuses an older session too": func(t *testing.T, g *WithT, f *federation) {
			f.newBucket(t)
			c := f.sessionOf(t, nil)
			client := f.s3As(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
			g.Expect(put(t, client, "a", "x")).To(Succeed())
			f.advance(time.Minute)
			f.deny(t, "reports", issuedBefore(f.now()))
			g.Expect(codeOf(g, put(t, client, "a", "x"))).To(Equal("AccessDenied"))
			_, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(testBucket), Key: aws.String("a")})
			g.Expect(codeOf(g, err)).To(Equal("AccessDenied"))
		},
		"a deny that is taken away gives the session back": func(t *testing.T, g *WithT, f *federation) {
			session := f.sessionOf(t, nil)
			f.advance(time.Minute)
			f.deny(t, "reports", issuedBefore(f.now()))
			g.Expect(f.refused(t, session)).To(BeTrue())
			_, err := f.iam.DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{RoleName: aws.String("reports"), PolicyName: aws.String("revoked")})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(f.refused(t, session)).To(BeFalse())
		},
		"who they are a revoked session can still ask": func(t *testing.T, g *WithT, f *federation) {
			session := f.sessionOf(t, nil)
			f.advance(time.Minute)
			f.deny(t, "reports", issuedBefore(f.now()))
			self, err := f.stsOf(session).GetCallerIdentity(t.Context(), nil)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(*self.Arn).To(HaveSuffix("assumed-role/reports/session-123"))
		},
		"a user has no time of issue": func(t *testing.T, g *WithT, f *federation) {
			client := f.createUser(t, "operator", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},`+
				`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{`+issuedBefore(f.now().Add(time.Hour))+`}}]}`)
			_, err := client.ListRoles(t.Context(), nil)
			g.Expect(err).NotTo(HaveOccurred())
		},
		"a revoked session opens no other one, but what it opened lives on": func(t *testing.T, g *WithT, f *federation) {
			f.createRole(t, "target", trustingAWS(account, ""), 3600)
			f.putPolicy(t, "target", anything)
			first := f.sessionOf(t, nil)
			chain := func() (*sts.AssumeRoleOutput, error) {
				return f.stsOf(first).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(targetARN), RoleSessionName: aws.String("next")})
			}
			second, err := chain()
			g.Expect(err).NotTo(HaveOccurred())
			f.advance(time.Minute)
			f.deny(t, "reports", issuedBefore(f.now()))
			_, err = chain()
			expectRefusal(g, err, "AccessDenied", "with an explicit deny in an identity-based policy")
			g.Expect(f.refused(t, second.Credentials)).To(BeFalse(), "its role is another one")
			f.deny(t, "target", issuedBefore(f.now()))
			g.Expect(f.refused(t, second.Credentials)).To(BeTrue())
		},
		"a source identity goes along into the next role": func(t *testing.T, g *WithT, f *federation) {
			f.createRole(t, "target", trustingAWS(account, ""), 3600)
			f.putPolicy(t, "target", anything)
			first := f.sessionOf(t, ann)
			second, err := f.stsOf(first).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(targetARN), RoleSessionName: aws.String("next")})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(*second.SourceIdentity).To(Equal("ann"))
			f.deny(t, "target", ofAnn)
			g.Expect(f.refused(t, second.Credentials)).To(BeTrue())
		},
		"a trust policy may ask when the caller's session was issued": func(t *testing.T, g *WithT, f *federation) {
			first := f.sessionOf(t, nil)
			f.advance(time.Minute)
			f.createRole(t, "target", trustingAWS(account, `"DateGreaterThan":{"aws:TokenIssueTime":"`+f.now().Format(time.RFC3339)+`"}`), 3600)
			_, err := f.stsOf(first).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(targetARN), RoleSessionName: aws.String("next")})
			expectRefusal(g, err, "AccessDenied", "because no resource-based policy allows")
			f.advance(time.Second)
			_, err = f.stsOf(f.sessionOf(t, nil)).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(targetARN), RoleSessionName: aws.String("next")})
			g.Expect(err).NotTo(HaveOccurred())
		},
		"a session tag comes before the role's own tag": func(t *testing.T, g *WithT, f *federation) {
			_, err := f.iam.TagRole(t.Context(), &iam.TagRoleInput{RoleName: aws.String("reports"), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("role")}}})
			g.Expect(err).NotTo(HaveOccurred())
			f.deny(t, "reports", `"StringEquals":{"aws:PrincipalTag/team":"role"}`)
			g.Expect(f.refused(t, f.sessionOf(t, nil))).To(BeTrue())
			g.Expect(f.refused(t, f.sessionOf(t, set("PrincipalTag:team", "session")))).To(BeFalse())
		},
		"the trust policy decides who may set a source identity": func(t *testing.T, g *WithT, f *federation) {
			f.setTrust(t, "reports", trustPolicy(f.providerARN, `"StringLike":{"sts:SourceIdentity":"reports.*"}`))
			takes(set("SourceIdentity", "reports.uploader"))(t, g, f)
			refuses("AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML", ann)(t, g, f)
			refuses("AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML", nil)(t, g, f)
		},
	})
}
