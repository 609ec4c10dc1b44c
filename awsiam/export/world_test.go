package export_test

import (
	"crypto/rand"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/export"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/idp/assertion" //nolint:depguard // Metadata as the operator writes it.
	"attache.dev/attache/idp/keys"      //nolint:depguard // As above.
)

const (
	accountID = "111122223333"
	region    = "eu-west-1"
	corp      = "arn:aws:iam::111122223333:saml-provider/corp.example"
	boundary  = "arn:aws:iam::111122223333:policy/tenants"
)

// trap is what a shell, the AWS CLI, Terraform, CloudFormation or YAML could take for something else
// than text. IAM takes it for a description.
const trap = "file:///etc/hostname '\"$(touch trapped)`touch trapped`\n ${jsonencode(1)} %{if true} !Ref x: {{ y }} # no é \\n"

func allow(resource string) string {
	return `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "` + resource + `",
		"Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": 3600}, "Bool": {"aws:SecureTransport": true}}}]}`
}

func trusting(audience string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + corp + `"},"Action":"sts:AssumeRoleWithSAML",
		"Condition":{"StringEquals":{"SAML:aud":["` + audience + `"]}}}]}`
}

// uploader uses everything.
func uploader() role.Role {
	return role.Role{
		ARN: "arn:aws:iam::111122223333:role/attache/reports/reports.uploader", Description: trap, MaxSessionDuration: 2 * time.Hour,
		TrustPolicy: trusting("https://signin.aws.amazon.com/saml"), PermissionsBoundary: boundary,
		Policies: []string{"arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", boundary},
		InlinePolicies: map[string]string{
			"own.folder": allow("arn:aws:s3:::reports/${saml:namequalifier}/${saml:sub}/*"),
			"=all,":      allow("arn:aws:s3:::public/%{x}<>&'*"),
		},
		Tags: map[string]string{awsiam.TagName: "uploader", "team": "reports + sales/é = x"},
	}
}

// plainRole has as little as a role can have.
func plainRole() role.Role {
	return role.Role{
		ARN: "arn:aws:iam::111122223333:role/9lives", MaxSessionDuration: time.Hour, TrustPolicy: trusting("https://eu-west-1.signin.aws.amazon.com/saml"),
	}
}

func account(t testing.TB) export.Account {
	t.Helper()
	key, err := keys.Generate(rand.Reader, "corp", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	metadata, err := assertion.Metadata("https://login.corp.example/it's?a=1&b=$(x)${y}", []*x509.Certificate{key.Certificate})
	if err != nil {
		t.Fatal(err)
	}
	return export.Account{
		ID: accountID, Region: region,
		Providers: []export.Provider{{ARN: corp, Metadata: string(metadata), Tags: map[string]string{awsiam.TagName: "corp"}}},
		Roles:     []role.Role{uploader(), plainRole()},
	}
}

// withDescription is the account with one role of that description.
func withDescription(a export.Account, text string) export.Account {
	r := uploader()
	r.Description = text
	a.Roles = []role.Role{r}
	return a
}

func repeat(r role.Role, n int) []role.Role {
	var roles []role.Role
	for i := range n {
		r.ARN = "arn:aws:iam::111122223333:role/r" + strings.Repeat("x", i/26) + string(rune('a'+i%26))
		roles = append(roles, r)
	}
	return roles
}
