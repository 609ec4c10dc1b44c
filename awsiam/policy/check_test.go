package policy_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam/policy"
)

func TestCheckSaysWhereAndWhatToWrite(t *testing.T) {
	for _, row := range []struct {
		name, document, problem string
	}{
		{"no JSON", "Version: 2012-10-17", "not JSON at line 1, column 1: invalid character 'V'"},
		{"a comma too many", "{\"Version\": \"2012-10-17\",\n  \"Statement\": [],\n}", "not JSON at line 3, column 1: invalid character '}'"},
		{"nothing", "", "not JSON at line 1, column 1: unexpected end of JSON input"},
		{"a list", "[]", "not a JSON object"},
		{"something after the object", `{} {}`, "not JSON at line 1, column 4"},
		{"a key that stands twice", `{"Version": "2012-10-17", "Version": "2008-10-17"}`, `line 1, column 35: "Version" stands twice`},
		{"deep nesting", strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), "nested deeper than 16 levels"},
		{"a version that there is not", `{"Version": "2026-01-01", "Statement": []}`, `Version: write "2012-10-17"`},
		{"no statement", `{"Version": "2012-10-17"}`, "Statement: write a list of at least one statement"},
		{"an empty list of statements", `{"Statement": []}`, "Statement: write a list of at least one statement"},
		{"a statement that is a string", `{"Statement": ["x"]}`, "Statement[0]: write an object"},
		{"an element with a small letter", `{"Statement": [{"effect": "Allow"}]}`, `Statement[0]: "effect" is not an element of the policy grammar`},
		{"an unknown element of the document", `{"Statements": []}`, `"Statements" is not an element of the policy grammar`},
		{"no effect", `{"Statement": [{"Action": "a:b", "Resource": "*"}]}`, `Statement[0].Effect: write "Allow" or "Deny"`},
		{"another effect", `{"Statement": [{"Effect": "allow"}]}`, `Statement[0].Effect: write "Allow" or "Deny"`},
		{"no action", with(`"Resource":"*"`), "Statement[0].Action: write either Action or NotAction"},
		{"Action and NotAction", with(`"Action":"a:b","NotAction":"a:c","Resource":"*"`), "Statement[0].Action: write either"},
		{"an action without its service", with(`"Action":"GetObject","Resource":"*"`), `Statement[0].Action: "GetObject" names no service: write SERVICE:ACTION`},
		{"an action that is a number", with(`"Action":5,"Resource":"*"`), "Statement[0].Action: write a string or a list of strings"},
		{"an empty list of actions", with(`"Action":[],"Resource":"*"`), "Statement[0].Action: write at least one value"},
		{"no resource", with(`"Action":"a:b"`), "Statement[0].Resource: write either Resource or NotResource"},
		{"a resource that is no ARN", with(`"Action":"a:b","Resource":"my-bucket"`), `Statement[0].Resource: "my-bucket" is not an ARN`},
		{"a principal", with(reading + `,"Principal":"*"`), "Statement[0].Principal: leave it out"},
		{"a principal that is a list", with(reading + `,"Principal":["x"]`), "Statement[0].Principal: write an object"},
		{"a condition that is a string", with(reading + `,"Condition":"x"`), "Statement[0].Condition: write an object"},
		{"an operator that is a string", with(reading + `,"Condition":{"StringEquals":"x"}`), "Statement[0].Condition.StringEquals: write an object"},
		{"a condition that is null", with(reading + `,"Condition":{"StringEquals":{"a:b":null}}`), "Statement[0].Condition.StringEquals.a:b: write a string"},
		{"a Sid with a space", with(reading + `,"Sid":"read objects"`), `Statement[0].Sid: "read objects" has characters other than letters and digits`},
		{
			"a Sid that stands twice", `{"Statement":[{"Sid":"a","Effect":"Allow",` + reading + `},{"Sid":"a","Effect":"Allow",` + reading + `}]}`,
			`Statement[1].Sid: another statement is called "a" already`,
		},
		{"a character beyond Latin-1", "{\n\"Id\": \"…\"}", `line 2, column 8: '…' is not a character that a policy can have`},
	} {
		t.Run(row.name, func(t *testing.T) {
			NewWithT(t).Expect(policy.Check(row.document)).To(MatchError(ContainSubstring(row.problem)))
		})
	}
}

func TestCheckTakesWhatIAMTakes(t *testing.T) {
	for _, row := range []struct{ name, document string }{
		{"a list of statements", with(reading)},
		{"a single statement and no version", `{"Statement":{"Effect":"Deny","NotAction":["iam:*","sts:*"],"NotResource":"arn:aws:s3:::b/*"}}`},
		{"variables", with(`"Action":"s3:*","Resource":"arn:aws:s3:::b/${saml:namequalifier}/${saml:sub}/*"`)},
		{"all actions", with(`"Action":"*","Resource":"*"`)},
		{"conditions of all kinds of value", with(reading + `,"Sid":"S1","Condition":{"Bool":{"aws:SecureTransport":true},"NumericLessThan":{"s3:max-keys":[5,"6"]}}`)},
		{"an Id", `{"Version":"2008-10-17","Id":"x y","Statement":[{"Effect":"Allow",` + reading + `}]}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			NewWithT(t).Expect(policy.Check(row.document)).To(Succeed())
		})
	}
}

func TestSizeDoesNotCountWhiteSpace(t *testing.T) {
	NewWithT(t).Expect(policy.Size("{ \"é\":\n\t[] }")).To(Equal(8))
}

func TestMatch(t *testing.T) {
	for _, row := range []struct {
		pattern, s string
		want       bool
	}{
		{"sts:*", "sts:TagSession", true},
		{"sts:?agSession", "sts:TagSession", true},
		{"*Session", "sts:TagSession", true},
		{"s*:T*n*", "sts:TagSession", true},
		{"*", "", true},
		{"", "", true},
		{"", "x", false},
		{"sts:Tag", "sts:TagSession", false},
		{"sts:TagSession?", "sts:TagSession", false},
		{"a*b*c", "abbcb", false},
	} {
		t.Run(row.pattern+" and "+row.s, func(t *testing.T) {
			NewWithT(t).Expect(policy.Match(row.pattern, row.s)).To(Equal(row.want))
		})
	}
}
