package awsfake_test

import (
	"crypto/sha1" // AWS defines NameQualifier by SHA-1
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake"
	"attache.dev/attache/test/awsfake/internal/testidp"
)

// The tables TestRulesOf... say, one row a fact, what awsfake knows of AWS. Beside
// STS they are of attributes and trust, of partitions, SAML providers and roles.

// fact checks one of them against a provider corp and a role reports that trusts it.
type fact func(t *testing.T, g *WithT, f *federation)

func checkFacts(t *testing.T, facts map[string]fact) {
	t.Helper()
	for name, check := range facts {
		t.Run(name, func(t *testing.T) { check(t, NewWithT(t), newFederation(t, "")) })
	}
}

// takes is the fact that STS takes a baseline with one change.
func takes(change func(*testidp.Message), requests ...func(*sts.AssumeRoleWithSAMLInput)) fact {
	return func(t *testing.T, g *WithT, f *federation) {
		_, err := f.assume(t, change, only(requests))
		g.Expect(err).NotTo(HaveOccurred())
	}
}

// refuses is the fact that STS refuses it with that code and part of a message.
func refuses(code, message string, change func(*testidp.Message), requests ...func(*sts.AssumeRoleWithSAMLInput)) fact {
	return func(t *testing.T, g *WithT, f *federation) {
		_, err := f.assume(t, change, only(requests))
		expectRefusal(g, err, code, message)
	}
}

func only(requests []func(*sts.AssumeRoleWithSAMLInput)) func(*sts.AssumeRoleWithSAMLInput) {
	return func(in *sts.AssumeRoleWithSAMLInput) {
		for _, change := range requests {
			change(in)
		}
	}
}

// all is the fact that each of several holds, in the same account.
func all(facts ...fact) fact {
	return func(t *testing.T, g *WithT, f *federation) {
		for _, check := range facts {
			check(t, g, f)
		}
	}
}

func expectRefusal(g *WithT, err error, code, message string) {
	got, text := apiErrorOf(g, err)
	g.Expect(got).To(Equal(code))
	g.Expect(text).To(ContainSubstring(message))
}

func statusOf(g *WithT, err error) int {
	var response *smithyhttp.ResponseError
	g.Expect(errors.As(err, &response)).To(BeTrue(), "want an answer, got: %v", err)
	return response.HTTPStatusCode()
}

func set(name string, values ...string) func(*testidp.Message) {
	return func(m *testidp.Message) { m.Attribute(name, values...) }
}

func seconds(n int32) func(*sts.AssumeRoleWithSAMLInput) {
	return func(in *sts.AssumeRoleWithSAMLInput) { in.DurationSeconds = &n }
}

// lasts is the fact that the credentials end so many seconds from now.
func lasts(want int, change func(*testidp.Message, *federation), request func(*sts.AssumeRoleWithSAMLInput)) fact {
	return func(t *testing.T, g *WithT, f *federation) {
		answer, err := f.assume(t, func(m *testidp.Message) { change(m, f) }, request)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(answer.Credentials.Expiration.Sub(f.now())).To(Equal(time.Duration(want) * time.Second))
	}
}

// endsAt sets SessionNotOnOrAfter.
func endsAt(m *testidp.Message, f *federation, after int) {
	m.SetTime("saml:AuthnStatement", "SessionNotOnOrAfter", f.now().Add(time.Duration(after)*time.Second))
}

// length is the fact that STS takes a parameter of least to most characters.
func length(member string, least, most int, set func(*sts.AssumeRoleWithSAMLInput, string)) fact {
	with := func(n int) func(*sts.AssumeRoleWithSAMLInput) {
		return func(in *sts.AssumeRoleWithSAMLInput) { set(in, strings.Repeat("x", n)) }
	}
	return all(
		refuses("ValidationError", "'"+member+"' failed to satisfy constraint: Member must have length greater than or equal to", nil, with(least-1)),
		refuses("ValidationError", "'"+member+"' failed to satisfy constraint: Member must have length less than or equal to", nil, with(most+1)),
	)
}

func TestRulesOfSTS(t *testing.T) {
	anonymous := func(t *testing.T, g *WithT, f *federation) {
		f.sts = sts.New(sts.Options{Region: region, BaseEndpoint: &f.url, Credentials: aws.AnonymousCredentials{}})
		_, err := f.assume(t, nil, nil)
		g.Expect(err).NotTo(HaveOccurred())
	}
	checkFacts(t, map[string]fact{
		"nobody needs credentials to assume a role with SAML": anonymous,
		"RoleArn has 20 to 2,048 characters":                  length("roleArn", 20, 2048, func(in *sts.AssumeRoleWithSAMLInput, v string) { in.RoleArn = &v }),
		"PrincipalArn has 20 to 2,048 characters":             length("principalArn", 20, 2048, func(in *sts.AssumeRoleWithSAMLInput, v string) { in.PrincipalArn = &v }),
		"SAMLAssertion has 4 to 100,000 characters":           length("sAMLAssertion", 4, 100000, func(in *sts.AssumeRoleWithSAMLInput, v string) { in.SAMLAssertion = &v }),
		"Policy has 1 to 2,048 characters":                    length("policy", 1, 2048, func(in *sts.AssumeRoleWithSAMLInput, v string) { in.Policy = &v }),
		"PolicyArns has at most 10 members": refuses("ValidationError", "'policyArns'", nil, func(in *sts.AssumeRoleWithSAMLInput) {
			for range 11 {
				in.PolicyArns = append(in.PolicyArns, policyARN(readOnly))
			}
		}),
		"Policy and PolicyArns have 2,048 characters together": refuses("PackedPolicyTooLarge", "Packed policy", nil, func(in *sts.AssumeRoleWithSAMLInput) {
			in.Policy = aws.String(anything + strings.Repeat(" ", 2048-len(anything)))
			in.PolicyArns = append(in.PolicyArns, policyARN(readOnly))
		}),
		"DurationSeconds is 900 to 43,200": all(takes(nil, seconds(900)), refuses("ValidationError", "'durationSeconds'", nil, seconds(899)),
			refuses("ValidationError", "'durationSeconds'", nil, seconds(43201))),
		"DurationSeconds is no more than the role's maximum": all(takes(nil, seconds(7200)),
			refuses("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", nil, seconds(7201))),
		"a role's maximum is one hour unless it is set": func(t *testing.T, g *WithT, f *federation) {
			name, trust := aws.String("plain"), trustPolicy(f.providerARN, "")
			created, err := f.iam.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: &trust})
			g.Expect(err).NotTo(HaveOccurred())
			f.roleARN = *created.Role.Arn
			all(takes(nil, seconds(3600)), refuses("ValidationError", "exceeds the MaxSessionDuration", nil, seconds(3601)))(t, g, f)
		},
		"credentials last an hour if nobody says otherwise":       lasts(3600, func(*testidp.Message, *federation) {}, nil),
		"credentials end with DurationSeconds if that is first":   lasts(900, func(m *testidp.Message, f *federation) { m.Attribute("SessionDuration", "1000"); endsAt(m, f, 1100) }, seconds(900)),
		"credentials end with SessionDuration if that is first":   lasts(900, func(m *testidp.Message, f *federation) { m.Attribute("SessionDuration", "900"); endsAt(m, f, 1100) }, seconds(1000)),
		"credentials end at SessionNotOnOrAfter if that is first": lasts(600, func(m *testidp.Message, f *federation) { m.Attribute("SessionDuration", "1000"); endsAt(m, f, 600) }, seconds(1100)),
		"the answer tells Recipient, format and qualifier": func(t *testing.T, g *WithT, f *federation) {
			answer, err := f.assume(t, func(m *testidp.Message) {
				m.Find("saml:SubjectConfirmationData").CreateAttr("Recipient", "https://eu-west-1.signin.aws.amazon.com/saml")
				m.Find("saml:NameID").CreateAttr("Format", "urn:oasis:names:tc:SAML:2.0:nameid-format:transient")
			}, nil)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(*answer.Audience).To(Equal("https://eu-west-1.signin.aws.amazon.com/saml"))
			g.Expect(*answer.SubjectType).To(Equal("transient"))
			sum := sha1.Sum([]byte(f.idp.EntityID + account + "/corp"))
			g.Expect(*answer.NameQualifier).To(Equal(base64.StdEncoding.EncodeToString(sum[:])))
		},
		"a format of SAML 1.1 is told whole": func(t *testing.T, g *WithT, f *federation) {
			const format = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
			answer, err := f.assume(t, func(m *testidp.Message) { m.Find("saml:NameID").CreateAttr("Format", format) }, nil)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(*answer.SubjectType).To(Equal(format))
		},
		"an assertion without RoleSessionName is refused in words":       refuses("InvalidIdentityToken", "RoleSessionName is required in AuthnResponse", set("RoleSessionName")),
		"a bad RoleSessionName is refused in words":                      refuses("InvalidIdentityToken", "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}", set("RoleSessionName", "a b")),
		"another issuer than the provider's is refused in words":         refuses("InvalidIdentityToken", "Issuer not present in specified provider", otherIssuer),
		"an assertion must be redeemed within five minutes of its issue": refuses("ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance", sixMinutesAgo),
		"the signature of the Response alone is not enough": func(t *testing.T, g *WithT, f *federation) {
			message := f.idp.Baseline(f.now(), f.roleARN, f.providerARN)
			message.SignResponse()
			_, err := f.redeem(t, message)
			expectRefusal(g, err, "InvalidIdentityToken", "must contain an assertion with a mandatory signature")
		},
		"nothing but the trust policy binds Recipient": func(t *testing.T, g *WithT, f *federation) {
			elsewhere := func(m *testidp.Message) {
				m.Find("saml:SubjectConfirmationData").CreateAttr("Recipient", "https://other.example.test")
			}
			takes(elsewhere)(t, g, f)
			f.setTrust(t, "reports", trustPolicy(f.providerARN, `"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}`))
			takes(nil)(t, g, f)
			refuses("AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML", elsewhere)(t, g, f)
		},
		"the audience restriction binds nothing": takes(func(m *testidp.Message) { m.Find("saml:Audience").SetText("urn:other") }),
	})
}

func TestRulesOfSTSStatuses(t *testing.T) {
	fails := func(status int, code string) func(*testing.T, *federation) error {
		return func(t *testing.T, f *federation) error {
			err := f.fake.Control().AddFault(t.Context(), awsfake.Fault{Operation: "AssumeRoleWithSAML", Kind: awsfake.FaultFail, Status: status, Code: code, Message: "x"})
			NewWithT(t).Expect(err).NotTo(HaveOccurred())
			_, err = f.assume(t, nil, nil)
			return err
		}
	}
	sends := func(change func(*testidp.Message), request func(*sts.AssumeRoleWithSAMLInput)) func(*testing.T, *federation) error {
		return func(t *testing.T, f *federation) error {
			_, err := f.assume(t, change, request)
			return err
		}
	}
	throttled := func(t *testing.T, f *federation) error {
		err := f.fake.Control().AddFault(t.Context(), awsfake.Fault{Operation: "AssumeRoleWithSAML", Kind: awsfake.FaultThrottle})
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		_, err = f.assume(t, nil, nil)
		return err
	}
	untrusted := func(t *testing.T, f *federation) error {
		f.setTrust(t, "reports", ec2Trust)
		_, err := f.assume(t, nil, nil)
		return err
	}
	policyOf := func(document string) func(in *sts.AssumeRoleWithSAMLInput) {
		return func(in *sts.AssumeRoleWithSAMLInput) { in.Policy = &document }
	}
	tooLarge := func(in *sts.AssumeRoleWithSAMLInput) {
		policyOf(anything + strings.Repeat(" ", 2048-len(anything)))(in)
		in.PolicyArns = append(in.PolicyArns, policyARN(readOnly))
	}
	for name, row := range map[string]struct {
		status int
		code   string
		do     func(*testing.T, *federation) error
	}{
		"an expired token is 400":                      {http.StatusBadRequest, "ExpiredTokenException", sends(sixMinutesAgo, nil)},
		"an invalid token is 400":                      {http.StatusBadRequest, "InvalidIdentityToken", sends(otherIssuer, nil)},
		"a malformed session policy is 400":            {http.StatusBadRequest, "MalformedPolicyDocument", sends(nil, policyOf("{}"))},
		"a session policy that is too large is 400":    {http.StatusBadRequest, "PackedPolicyTooLarge", sends(nil, tooLarge)},
		"a parameter out of its bounds is 400":         {http.StatusBadRequest, "ValidationError", sends(nil, seconds(1))},
		"a trust policy that does not hold is 403":     {http.StatusForbidden, "AccessDenied", untrusted},
		"throttling is 400":                            {http.StatusBadRequest, "Throttling", throttled},
		"a rejected claim is 403, where it is set":     {http.StatusForbidden, "IDPRejectedClaim", fails(http.StatusForbidden, "IDPRejectedClaim")},
		"a region that is off is 403, where it is set": {http.StatusForbidden, "RegionDisabledException", fails(http.StatusForbidden, "RegionDisabledException")},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			err := row.do(t, newFederation(t, ""))
			code, message := apiErrorOf(g, err)
			g.Expect(code).To(Equal(row.code))
			g.Expect(statusOf(g, err)).To(Equal(row.status))
			if row.code == "Throttling" {
				g.Expect(message).To(Equal("Rate exceeded"))
			}
		})
	}
}
