package trust_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam/trust"
	judge "attache.dev/attache/test/awsfake/policy"
)

// trusting returns a trust policy of one statement with these members, after those that admit the
// provider.
func trusting(members string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + provider + `"},` + members + `}]}`
}

const demanding = `"Condition":{"StringEquals":{"SAML:aud":"` + acs + `"}}`

func need(changes ...func(*trust.Need)) trust.Need {
	n := trust.Need{ProviderARN: provider, Recipient: acs, Duration: time.Hour}
	for _, c := range changes {
		c(&n)
	}
	return n
}

func TestVerify(t *testing.T) {
	const assuming = `"Action":"sts:AssumeRoleWithSAML",`
	withTags := func(n *trust.Need) { n.TagSession = true }
	withIdentity := func(n *trust.Need) { n.SourceIdentity = true }
	for _, row := range []struct {
		name     string
		document string
		max      time.Duration
		need     trust.Need
		missing  []string
	}{
		{"the console's own policy", trusting(assuming + demanding), time.Hour, need(), nil},
		{"the key in small letters", trusting(assuming + `"Condition":{"StringEquals":{"saml:aud":["x","` + acs + `"]}}`), 0, need(), nil},
		{"a pattern of addresses", trusting(assuming + `"Condition":{"StringLike":{"SAML:aud":"https://*signin.aws.amazon.com/saml"}}`), 0, need(), nil},
		{"any value of the one", trusting(assuming + `"Condition":{"ForAnyValue:StringEqualsIgnoreCase":{"SAML:aud":"` + strings.ToUpper(acs) + `"}}`), 0, need(), nil},
		{"further conditions, which may hold", trusting(assuming + `"Condition":{"StringEquals":{"SAML:aud":"` + acs + `","SAML:sub_type":"persistent"},"Bool":{"a:b":true}}`), 0, need(), nil},
		{"all of STS's actions", trusting(`"Action":"sts:*",` + demanding), 0, need(withTags, withIdentity), nil},
		{"several actions", trusting(`"Action":["sts:assumerolewithsaml","sts:TagSession"],` + demanding), 0, need(withTags), nil},
		{"several providers", strings.Replace(trusting(assuming+demanding), `"`+provider+`"`, `["arn:aws:iam::111122223333:saml-provider/x","`+provider+`"]`, 1), 0, need(), nil},
		{"a duration that suffices", trusting(assuming + demanding), 2 * time.Hour, need(func(n *trust.Need) { n.Duration = 2 * time.Hour }), nil},

		{"no trust policy", "", 0, need(), []string{"the trust policy cannot be read: not JSON at line 1, column 1"}},
		{
			"another provider", strings.Replace(trusting(assuming+demanding), "/corp", "/other", 1), 0, need(),
			[]string{`no statement admits ` + provider + `: add {"Effect": "Allow", "Principal": {"Federated": "` + provider + `"}, "Action": ["sts:AssumeRoleWithSAML"], "Condition": {"StringEquals": {"SAML:aud": "` + acs + `"}}}`},
		},
		{
			"a service", `{"Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`, 0, need(withTags, withIdentity),
			[]string{
				`"Action": ["sts:AssumeRoleWithSAML","sts:TagSession","sts:SetSourceIdentity"]`,
				"sts:TagSession is not allowed", "sts:SetSourceIdentity is not allowed",
			},
		},
		{
			"another action", trusting(`"Action":"sts:TagSession",` + demanding), 0, need(),
			[]string{`no statement allows sts:AssumeRoleWithSAML to ` + provider + `: add "sts:AssumeRoleWithSAML" to the Action`},
		},
		{
			"another recipient", trusting(assuming + `"Condition":{"StringEquals":{"SAML:aud":"https://signin.amazonaws.cn/saml"}}`), 0, need(),
			[]string{`SAML:aud is compared with ["https://signin.amazonaws.cn/saml"] and is "` + acs + `" in assertions: add that`},
		},
		{"no recipient", trusting(`"Action":"sts:AssumeRoleWithSAML"`), 0, need(), []string{`does not demand SAML:aud, so that an assertion for any recipient would do: add "Condition": {"StringEquals": {"SAML:aud": "` + acs + `"}}`}},
		{"any recipient but one", trusting(assuming + `"Condition":{"StringNotEquals":{"SAML:aud":"x"}}`), 0, need(), []string{"does not demand SAML:aud"}},
		{"every recipient but this", trusting(assuming + `"Condition":{"StringNotLike":{"SAML:aud":"https://signin*"}}`), 0, need(), []string{"does not demand SAML:aud"}},
		{"no session tags", trusting(assuming + demanding), 0, need(withTags), []string{`sts:TagSession is not allowed to ` + provider + `, and assertions carry session tags: add "sts:TagSession" to the Action`}},
		{"no source identity", trusting(assuming + demanding), 0, need(withIdentity), []string{`sts:SetSourceIdentity is not allowed to ` + provider + `, and assertions carry a source identity`}},
		{"too short a duration", trusting(assuming + demanding), time.Hour, need(func(n *trust.Need) { n.Duration = 4 * time.Hour }), []string{"maximum session duration is 1h0m0s and sessions of 4h0m0s are asked for"}},
		{
			"a deny", `{"Statement":[{"Effect":"Allow","Principal":{"Federated":"` + provider + `"},` + assuming + demanding + `},{"Effect":"Deny","Principal":"*","Action":"sts:*"}]}`, 0, need(withTags),
			[]string{"a Deny statement refuses sts:AssumeRoleWithSAML to " + provider, "a Deny statement refuses sts:TagSession"},
		},
		{
			"a deny of other recipients is none", `{"Statement":[{"Effect":"Allow","Principal":{"Federated":"` + provider + `"},` + assuming + demanding + `},` +
				`{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRoleWithSAML","Condition":{"StringNotEquals":{"SAML:aud":"` + acs + `"}}}]}`, 0, need(), nil,
		},
		{
			"a deny under a condition that may not hold is none", `{"Statement":[{"Effect":"Allow","Principal":{"Federated":"` + provider + `"},` + assuming + demanding + `},` +
				`{"Effect":"Deny","Principal":"*","Action":"sts:*","Condition":{"Bool":{"aws:SecureTransport":false}}}]}`, 0, need(), nil,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			missing := trust.Verify(row.document, row.max, row.need)
			g.Expect(missing).To(HaveLen(len(row.missing)))
			for i, words := range row.missing {
				g.Expect(missing[i]).To(ContainSubstring(words))
			}
		})
	}
}

func TestTheTrustPolicyOfAMappingVerifies(t *testing.T) {
	n := need(func(n *trust.Need) { n.TagSession = true })
	NewWithT(t).Expect(trust.Verify(trust.ForMapping(mapping()), time.Hour, n)).To(BeEmpty())
}

// Verify and the judge agree on every policy of a small grammar whose only conditions are on
// SAML:aud: nothing is missing if and only if STS lets the provider in and asks for the recipient.
func TestVerifyAgreesWithTheJudge(t *testing.T) {
	g := NewWithT(t)
	principals := []string{provider, "arn:aws:iam::111122223333:saml-provider/other"}
	actions := []string{`"sts:AssumeRoleWithSAML"`, `["sts:AssumeRoleWithSAML","sts:TagSession"]`, `"sts:*"`, `"sts:TagSession"`}
	conditions := []string{
		`{"StringEquals":{"SAML:aud":"` + acs + `"}}`, `{"StringEquals":{"SAML:aud":["x","y"]}}`, `{"StringLike":{"saml:aud":"https://signin.*"}}`,
		`{"StringLike":{"saml:aud":"*.cn/saml"}}`, `{"StringEqualsIgnoreCase":{"SAML:aud":"` + strings.ToUpper(acs) + `"}}`,
		`{"StringEquals":{"SAML:aud":"` + acs + `"},"StringNotLike":{"SAML:aud":"*amazon*"}}`, `{"StringEquals":{"SAML:aud":"` + acs + `"},"StringNotEquals":{"SAML:aud":["x"]}}`,
	}
	var statements []string
	for _, effect := range []string{judgeAllow, judgeDeny} {
		for _, principal := range principals {
			for _, action := range actions {
				for _, condition := range conditions {
					statements = append(statements, fmt.Sprintf(`{"Effect":%q,"Principal":{"Federated":%q},"Action":%s,"Condition":%s}`, effect, principal, action, condition))
				}
			}
		}
	}
	n := need(func(n *trust.Need) { n.TagSession = true })
	context := judge.Context{}
	context.Set("SAML:aud", acs)
	for _, one := range statements {
		for _, two := range statements {
			document := `{"Version":"2012-10-17","Statement":[` + one + `,` + two + `]}`
			parsed, err := judge.ParseTrust(document)
			g.Expect(err).NotTo(HaveOccurred())
			allowed := true
			for _, action := range []string{"sts:AssumeRoleWithSAML", "sts:TagSession"} {
				request := judge.Request{Action: action, PrincipalType: judge.Federated, Principal: provider, Context: context}
				allowed = allowed && judge.Evaluate(request, parsed) == judge.Allowed
			}
			if missing := trust.Verify(document, 0, n); (len(missing) == 0) != allowed {
				t.Fatalf("the judge says %t, and Verify %q of %s", allowed, missing, document)
			}
		}
	}
}

const (
	judgeAllow = string(judge.Allow)
	judgeDeny  = string(judge.Deny)
)

// Whatever an existing role trusts, it is read without harm; what is taken for sufficient names the
// provider.
func FuzzVerify(f *testing.F) {
	f.Add(trusting(`"Action":"sts:AssumeRoleWithSAML",`+demanding), int64(time.Hour))
	f.Add(trusting(`"Action":["sts:*"],"Condition":{"ForAllValues:StringLikeIfExists":{"SAML:aud":["*"]},"StringNotLike":{"SAML:aud":"?"}}`), int64(0))
	f.Add(trust.ForMapping(mapping()), int64(-1))
	f.Add(`{"Statement":{"Effect":"Deny","NotPrincipal":"*","NotAction":"sts:*"}}`, int64(0))
	f.Fuzz(func(t *testing.T, document string, maxSession int64) {
		missing := trust.Verify(document, time.Duration(maxSession), need(func(n *trust.Need) { n.TagSession, n.SourceIdentity = true, true }))
		if len(missing) == 0 && !strings.Contains(document, "corp") && !strings.Contains(document, `\u`) {
			t.Errorf("nothing is missing, and the provider is not there")
		}
	})
}
