package trust_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/awsiam/policy"
	"attache.dev/attache/awsiam/trust"
	"attache.dev/attache/idp"
	judge "attache.dev/attache/test/awsfake/policy"
)

const (
	provider = "arn:aws:iam::111122223333:saml-provider/corp"
	acs      = "https://signin.aws.amazon.com/saml"
	tagKey   = "aws:RequestTag/" + idp.MappingTag
)

func mapping() trust.Input {
	return trust.Input{ProviderARN: provider, ACS: partition.Commercial.ACSForms("eu-west-1"), Mapping: "reports/uploader"}
}

func TestTheTrustPolicyOfAMapping(t *testing.T) {
	NewWithT(t).Expect(trust.ForMapping(mapping())).To(MatchJSON(`{
	  "Version": "2012-10-17",
	  "Statement": [
	    {
	      "Effect": "Allow",
	      "Principal": {"Federated": "arn:aws:iam::111122223333:saml-provider/corp"},
	      "Action": "sts:AssumeRoleWithSAML",
	      "Condition": {"StringEquals": {
	        "SAML:aud": ["https://signin.aws.amazon.com/saml", "https://eu-west-1.signin.aws.amazon.com/saml"],
	        "aws:RequestTag/attache.dev/mapping": ["reports/uploader"]
	      }}
	    },
	    {
	      "Effect": "Allow",
	      "Principal": {"Federated": "arn:aws:iam::111122223333:saml-provider/corp"},
	      "Action": "sts:TagSession",
	      "Condition": {
	        "StringEquals": {"aws:RequestTag/attache.dev/mapping": ["reports/uploader"]},
	        "ForAllValues:StringEquals": {"aws:TagKeys": ["attache.dev/mapping"]}
	      }
	    }
	  ]
	}`))
}

// Who gets in is decided by a judge that shares no code with the product.
func TestWhomTheTrustPolicyOfAMappingLetsIn(t *testing.T) {
	document, err := judge.ParseTrust(trust.ForMapping(mapping()))
	if err != nil {
		t.Fatal(err)
	}
	ours := func(changes ...func(*judge.Request)) judge.Request {
		r := judge.Request{PrincipalType: judge.Federated, Principal: provider, Context: judge.Context{}}
		r.Context.Set("SAML:aud", acs)
		r.Context.Set(tagKey, "reports/uploader")
		r.Context.Set("aws:TagKeys", idp.MappingTag)
		for _, c := range changes {
			c(&r)
		}
		return r
	}
	for _, row := range []struct {
		name        string
		request     judge.Request
		assume, tag bool
	}{
		{"the mapping's own session", ours(), true, true},
		{"one for the region's own address", ours(func(r *judge.Request) { r.Context.Set("SAML:aud", "https://eu-west-1.signin.aws.amazon.com/saml") }), true, true},
		{"one for another recipient", ours(func(r *judge.Request) { r.Context.Set("SAML:aud", "https://app.corp.example/saml") }), false, true},
		{"another mapping's", ours(func(r *judge.Request) { r.Context.Set(tagKey, "sales/uploader") }), false, false},
		{"one of the same letters in another case", ours(func(r *judge.Request) { r.Context.Set(tagKey, "Reports/uploader") }), false, false},
		{"one without the tag", ours(func(r *judge.Request) { r.Context.Set(tagKey); r.Context.Set("aws:TagKeys") }), false, false},
		{"one with a tag more", ours(func(r *judge.Request) { r.Context.Set("aws:TagKeys", idp.MappingTag, "admin") }), true, false},
		{"another provider's", ours(func(r *judge.Request) { r.Principal += "2" }), false, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			for action, want := range map[string]bool{"sts:AssumeRoleWithSAML": row.assume, "sts:TagSession": row.tag, "sts:SetSourceIdentity": false, "sts:AssumeRole": false} {
				row.request.Action = action
				g.Expect(judge.Evaluate(row.request, document) == judge.Allowed).To(Equal(want), action)
			}
		})
	}
}

func TestTheLongestTrustPolicyFits(t *testing.T) {
	g := NewWithT(t)
	document := trust.ForMapping(trust.Input{
		ProviderARN: partition.GovCloud.SAMLProviderARN("111122223333", strings.Repeat("p", 128)),
		ACS:         partition.Commercial.ACSForms("ap-southeast-1"),
		// AWS takes 256 characters in a tag.
		Mapping: strings.Repeat("n", 63) + "/" + strings.Repeat("m", 192),
	})
	g.Expect(policy.Size(document)).To(BeNumerically("<=", policy.MaxTrustPolicy))
}
