package policy_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam/policy"
)

// with returns a document with one statement that has these members beside its effect.
func with(members string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + members + `}]}`
}

const reading = `"Action":"s3:GetObject","Resource":"*"`

func TestDocumentsThatSayTheSame(t *testing.T) {
	for _, row := range []struct {
		name, a, b string
	}{
		{"white space", with(reading), "{\n  \"Version\": \"2012-10-17\",\t\"Statement\": [ {\"Effect\": \"Allow\", " + reading + " } ]\r\n}"},
		{"the order of keys", with(reading), `{"Statement":[{"Resource":"*","Effect":"Allow","Action":"s3:GetObject"}],"Version":"2012-10-17"}`},
		{"escapes", with(reading), `{"Version":"2012-10-17","Statement":[{"Effect":"\u0041llow","Action":"s3:GetObject","Resource":"\u002a"}]}`},
		{"a single statement outside a list", with(reading), `{"Version":"2012-10-17","Statement":{"Effect":"Allow",` + reading + `}}`},
		{
			"the order of statements",
			`{"Statement":[{"Effect":"Allow",` + reading + `},{"Effect":"Deny",` + reading + `}]}`,
			`{"Statement":[{"Effect":"Deny",` + reading + `},{"Effect":"Allow",` + reading + `}]}`,
		},
		{"a single action in a list", with(reading), with(`"Action":["s3:GetObject"],"Resource":"*"`)},
		{"the order of actions", with(`"Action":["s3:GetObject","s3:PutObject"],"Resource":"*"`), with(`"Action":["s3:PutObject","s3:GetObject"],"Resource":"*"`)},
		{"an action that stands twice", with(reading), with(`"Action":["s3:GetObject","s3:GetObject"],"Resource":"*"`)},
		{"the order of resources", with(`"Action":"*","Resource":["a:1","a:2"]`), with(`"Action":"*","Resource":["a:2","a:1"]`)},
		{"lists of NotAction and NotResource", with(`"NotAction":"a:1","NotResource":["a:2","a:3"]`), with(`"NotAction":["a:1"],"NotResource":["a:3","a:2"]`)},
		{"a single principal in a list", with(`"Action":"sts:*","Principal":{"Federated":"x"}`), with(`"Action":"sts:*","Principal":{"Federated":["x"]}`)},
		{"the order of principals", with(`"Action":"sts:*","Principal":{"AWS":["1","2"]}`), with(`"Action":"sts:*","Principal":{"AWS":["2","1"]}`)},
		{
			"the order of a condition's values",
			with(reading + `,"Condition":{"StringEquals":{"SAML:aud":["a","b"]}}`), with(reading + `,"Condition":{"StringEquals":{"SAML:aud":["b","a"]}}`),
		},
		{"a boolean as a string", with(reading + `,"Condition":{"Bool":{"aws:SecureTransport":true}}`), with(reading + `,"Condition":{"Bool":{"aws:SecureTransport":["true"]}}`)},
		{
			"a number as a string, with more digits than a float has",
			with(reading + `,"Condition":{"NumericLessThan":{"s3:max-keys":12345678901234567891}}`), with(reading + `,"Condition":{"NumericLessThan":{"s3:max-keys":"12345678901234567891"}}`),
		},
		{"the very same text, whatever it is", "not JSON", "not JSON"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(policy.Equal(row.a, row.b)).To(BeTrue())
			g.Expect(policy.Equal(row.b, row.a)).To(BeTrue())
			g.Expect(policy.Canonical(row.a)).To(Equal(policy.Canonical(row.b)))
		})
	}
}

func TestDocumentsThatDoNotSayTheSame(t *testing.T) {
	for _, row := range []struct {
		name, a, b string
	}{
		{"Action and NotAction", with(reading), with(`"NotAction":"s3:GetObject","Resource":"*"`)},
		{"Resource and NotResource", with(`"Action":"*","Resource":"a:b"`), with(`"Action":"*","NotResource":"a:b"`)},
		{"Principal and NotPrincipal", with(`"Action":"sts:*","Principal":{"AWS":"1"}`), with(`"Action":"sts:*","NotPrincipal":{"AWS":"1"}`)},
		{"a principal of another type", with(`"Action":"sts:*","Principal":{"AWS":"1"}`), with(`"Action":"sts:*","Principal":{"Federated":"1"}`)},
		{"Allow and Deny", with(reading), `{"Version":"2012-10-17","Statement":[{"Effect":"Deny",` + reading + `}]}`},
		{"one action less", with(`"Action":["s3:GetObject","s3:PutObject"],"Resource":"*"`), with(reading)},
		{"a condition less", with(reading + `,"Condition":{"StringEquals":{"SAML:aud":"a"}}`), with(reading)},
		{"another operator", with(reading + `,"Condition":{"StringEquals":{"SAML:aud":"a"}}`), with(reading + `,"Condition":{"StringNotEquals":{"SAML:aud":"a"}}`)},
		{"numbers that a float cannot tell apart", with(reading + `,"Condition":{"NumericEquals":{"a:b":12345678901234567891}}`), with(reading + `,"Condition":{"NumericEquals":{"a:b":12345678901234567892}}`)},
		{"a fraction and a string", with(reading + `,"Condition":{"StringEquals":{"a:b":1.0}}`), with(reading + `,"Condition":{"StringEquals":{"a:b":"1"}}`)},
		{"a version less, without which variables are text", with(reading), `{"Statement":[{"Effect":"Allow",` + reading + `}]}`},
		{"two statements in one", `{"Statement":[{"Effect":"Allow",` + reading + `},{"Effect":"Deny",` + reading + `}]}`, `{"Statement":[{"Effect":"Allow",` + reading + `}]}`},
		{"conditions on two keys and on one", with(reading + `,"Condition":{"StringEquals":{"a:b":["x","y"]}}`), with(reading + `,"Condition":{"StringEquals":{"a:b":"x","a:c":"y"}}`)},
		{"a key that stands twice", `{"Statement":[],"Version":"2012-10-17","Version":"2008-10-17"}`, `{"Statement":[],"Version":"2008-10-17"}`},
		{"half a surrogate and what it is read as", with(`"Action":"a:b","Resource":"\ud800"`), with(`"Action":"a:b","Resource":"\ufffd"`)},
		{"the case of resources", with(`"Action":"*","Resource":"a:b"`), with(`"Action":"*","Resource":"a:B"`)},
		{"something and nothing", with(reading), ""},
		{"a string and the list in it", with(`"Action":"[\"a:b\"]","Resource":"*"`), with(`"Action":["a:b"],"Resource":"*"`)},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(policy.Equal(row.a, row.b)).To(BeFalse())
			g.Expect(policy.Equal(row.b, row.a)).To(BeFalse())
		})
	}
}
