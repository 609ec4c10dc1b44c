package awsfake_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake/internal/testidp"
)

func tags(n int) func(*testidp.Message) {
	return func(m *testidp.Message) {
		for i := range n {
			m.Attribute(fmt.Sprintf("PrincipalTag:key-%d", i), "v")
		}
	}
}

// trusting is a fact of a role whose trust policy has those statements; PROVIDER
// stands for the provider's ARN.
func trusting(statements string, check fact) fact {
	return func(t *testing.T, g *WithT, f *federation) {
		f.setTrust(t, "reports", `{"Version":"2012-10-17","Statement":[`+strings.ReplaceAll(statements, "PROVIDER", f.providerARN)+`]}`)
		check(t, g, f)
	}
}

func trustStatement(actions, condition string) string {
	return `{"Effect":"Allow","Principal":{"Federated":"PROVIDER"},"Action":[` + actions + `],"Condition":{` + condition + `}}`
}

func TestRulesOfAttributes(t *testing.T) {
	const (
		assume = `"sts:AssumeRoleWithSAML"`
		tagToo = assume + `,"sts:TagSession"`
		denied = "Not authorized to perform "
	)
	tagged := set("PrincipalTag:team", "reports")
	checkFacts(t, map[string]fact{
		"names of attributes tell case apart": refuses("InvalidIdentityToken", "RoleSessionName is required", wrongCase),
		"Role may name several roles": func(t *testing.T, g *WithT, f *federation) {
			first, second := f.roleARN, f.createRole(t, "other", trustPolicy(f.providerARN, ""), 3600)
			for _, f.roleARN = range []string{first, second} {
				takes(set("Role", first+","+f.providerARN, second+","+f.providerARN))(t, g, f)
			}
		},
		"Role names the role that is asked for": refuses("InvalidIdentityToken", "SAML Assertion doesn't contain the requested Role and Metadata in the attributes",
			set("Role", "arn:aws:iam::111122223333:role/other,arn:aws:iam::111122223333:saml-provider/corp")),
		"RoleSessionName has 2 to 64 characters": all(takes(set("RoleSessionName", "ab")), takes(set("RoleSessionName", strings.Repeat("a", 64))),
			refuses("InvalidIdentityToken", "must match", set("RoleSessionName", "a")), refuses("InvalidIdentityToken", "must match", set("RoleSessionName", strings.Repeat("a", 65)))),
		"RoleSessionName has letters, digits and _+=,.@-": all(takes(set("RoleSessionName", "aZ9_+=,.@-")), refuses("InvalidIdentityToken", "must match", set("RoleSessionName", "a/b"))),
		"SessionDuration is 900 to 43,200": all(takes(set("SessionDuration", "900")), takes(set("SessionDuration", "43200")),
			refuses("InvalidIdentityToken", "SessionDuration", set("SessionDuration", "899")), refuses("InvalidIdentityToken", "SessionDuration", set("SessionDuration", "43201"))),
		"SourceIdentity has 2 to 64 characters": all(takes(set("SourceIdentity", "ab")), takes(set("SourceIdentity", strings.Repeat("a", 64))),
			refuses("InvalidIdentityToken", "Source Identity", set("SourceIdentity", "a")), refuses("InvalidIdentityToken", "Source Identity", set("SourceIdentity", strings.Repeat("a", 65)))),
		"SourceIdentity has letters, digits and _+=,.@-": all(takes(set("SourceIdentity", "aZ9_+=,.@-")), refuses("InvalidIdentityToken", "Source Identity", set("SourceIdentity", "a/b"))),
		"SourceIdentity needs sts:SetSourceIdentity": trusting(trustStatement(tagToo, ""),
			refuses("AccessDenied", denied+"sts:SetSourceIdentity", set("SourceIdentity", "ann"))),
		"a session tag has one value":        refuses("InvalidIdentityToken", "one value", set("PrincipalTag:team", "a", "b")),
		"a session tag needs sts:TagSession": trusting(trustStatement(assume, ""), all(takes(nil), refuses("AccessDenied", denied+"sts:TagSession", tagged))),
		"a session has at most 50 tags":      all(takes(tags(50)), refuses("InvalidIdentityToken", "at most 50 tags", tags(51))),
		"a tag's key has 1 to 128 characters": all(takes(set("PrincipalTag:"+strings.Repeat("k", 128), "v")),
			refuses("InvalidIdentityToken", "1-128", set("PrincipalTag:"+strings.Repeat("k", 129), "v")),
			refuses("InvalidIdentityToken", "1-128", set("PrincipalTag:", "v"))),
		"a tag's value has 0 to 256 characters": all(takes(set("PrincipalTag:k", "")), takes(set("PrincipalTag:k", strings.Repeat("v", 256))),
			refuses("InvalidIdentityToken", "0-256", set("PrincipalTag:k", strings.Repeat("v", 257)))),
		"tags have letters, digits, spaces and _.:/=+-@": all(takes(set("PrincipalTag:Ärger 1_.:/=+-@", "日本 1_.:/=+-@")),
			refuses("InvalidIdentityToken", "0-256", set("PrincipalTag:k", "a*")),
			refuses("InvalidIdentityToken", "1-128", set("PrincipalTag:a!", "v"))),
		"tags' keys are unique without regard to case":    refuses("InvalidIdentityToken", "Duplicate tag keys", twinTags),
		"tags' keys must not begin with aws: in any case": all(refuses("InvalidIdentityToken", "reserved prefix", set("PrincipalTag:aws:x", "v")), refuses("InvalidIdentityToken", "reserved prefix", set("PrincipalTag:Aws:x", "v"))),
		"TransitiveTagKeys may name several tags":         takes(func(m *testidp.Message) { tags(2)(m); m.Attribute("TransitiveTagKeys", "key-0", "key-1") }),
		"TransitiveTagKeys can be asked for": trusting(trustStatement(tagToo, `"ForAnyValue:StringEquals":{"sts:TransitiveTagKeys":"key-1"}`),
			all(takes(func(m *testidp.Message) { tags(2)(m); m.Attribute("TransitiveTagKeys", "key-0", "key-1") }),
				refuses("AccessDenied", denied, tags(2)))),
		"a trust policy may demand a tag": trusting(trustStatement(tagToo, `"StringEquals":{"aws:RequestTag/team":"reports"}`),
			all(takes(tagged),
				refuses("AccessDenied", denied+"sts:AssumeRoleWithSAML", nil), refuses("AccessDenied", denied, set("PrincipalTag:team", "x")))),
		"the statement of sts:TagSession may limit tags": trusting(trustStatement(assume, "")+","+trustStatement(`"sts:TagSession"`, `"StringEquals":{"aws:RequestTag/team":"reports"}`),
			all(takes(nil), takes(tagged), refuses("AccessDenied", denied+"sts:TagSession", set("PrincipalTag:team", "x")))),
		"the statement of sts:TagSession may limit keys": trusting(trustStatement(assume, "")+","+trustStatement(`"sts:TagSession"`, `"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}`),
			all(takes(tagged), refuses("AccessDenied", denied+"sts:TagSession", tags(1)))),
		"who holds an assertion may redeem it, even twice": func(t *testing.T, g *WithT, f *federation) {
			message := f.idp.Baseline(f.now(), f.roleARN, f.providerARN)
			message.SignAssertion()
			for range 2 {
				_, err := f.redeem(t, message)
				g.Expect(err).NotTo(HaveOccurred())
			}
		},
		"what is no part of the assertion does not bind its holder": func(t *testing.T, g *WithT, f *federation) {
			g.Expect(f.attach(t, "reports", readOnly)).To(Succeed())
			_, err := f.open(t, nil, func(in *sts.AssumeRoleWithSAMLInput) { in.PolicyArns = append(in.PolicyArns, policyARN(denyAll)) }).ListRoles(t.Context(), nil)
			expectRefusal(g, err, "AccessDenied", "session policy")
			_, err = f.open(t, nil, nil).ListRoles(t.Context(), nil)
			g.Expect(err).NotTo(HaveOccurred())
		},
	})
}

func TestRulesOfTrustKeys(t *testing.T) {
	const (
		affiliation = "urn:oid:1.3.6.1.4.1.5923.1.1.1.1"
		homePage    = "urn:oid:1.3.6.1.4.1.5923.1.2.1.2"
	)
	directory := func(m *testidp.Message) {
		m.AnyAttribute(affiliation, "member", "staff")
		m.AnyAttribute(homePage, "https://corp.example.test")
	}
	const qualifier = "1q+qNSu923Zp0Oe61lDVxp1t8pg="
	for key, row := range map[string]struct {
		is string
		// lasts says that the session's own policies see it too.
		lasts bool
	}{
		"saml:aud":                  {is: "https://signin.aws.amazon.com/saml"},
		"saml:iss":                  {is: "https://idp.example.test/metadata"},
		"saml:doc":                  {is: account + "/corp"},
		"saml:sub":                  {is: "subject-123", lasts: true},
		"saml:sub_type":             {is: "persistent", lasts: true},
		"saml:namequalifier":        {is: qualifier, lasts: true},
		"saml:eduPersonAffiliation": {is: "staff"},
		"saml:eduOrgHomePageURI":    {is: "https://corp.example.test"},
	} {
		t.Run("a trust policy can ask for "+key, func(t *testing.T) {
			g := NewWithT(t)
			f := newFederation(t, `"ForAnyValue:StringEquals":{"`+key+`":"`+row.is+`"}`)
			takes(directory)(t, g, f)
			f.setTrust(t, "reports", trustPolicy(f.providerARN, `"ForAnyValue:StringEquals":{"`+key+`":"other"}`))
			refuses("AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML", directory)(t, g, f)
		})
		verb := map[bool]string{true: "see ", false: "do not see "}[row.lasts]
		t.Run("policies of the session "+verb+key, func(t *testing.T) {
			g := NewWithT(t)
			f := newFederation(t, "")
			_, err := f.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("reports"), PolicyName: aws.String("own"),
				PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[` + allow(`"iam:ListRoles"`, "*", `"ForAnyValue:StringLike":{"`+key+`":"*"}`) + `]}`)})
			g.Expect(err).NotTo(HaveOccurred())
			_, err = f.open(t, directory, nil).ListRoles(t.Context(), nil)
			if row.lasts {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			expectRefusal(g, err, "AccessDenied", "no identity-based policy allows")
		})
	}
}
