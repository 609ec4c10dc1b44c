package export_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam/export"
)

// formats are all ways to write an account down.
var formats = map[string]func(export.Account) ([]byte, error){
	"Terraform":      export.Terraform,
	"CloudFormation": export.CloudFormation,
	"AWS CLI":        func(a export.Account) ([]byte, error) { return export.Commands(a, export.Held{}) },
}

func TestWhatCannotBeWrittenDown(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*export.Account)
		words  string
	}{
		{"no account", func(a *export.Account) { a.ID = "'; rm -rf /" }, "write its twelve digits"},
		{"no region", func(a *export.Account) { a.Region = "eu'west" }, "such as eu-west-1"},
		{"a provider of another account", func(a *export.Account) { a.Providers[0].ARN = "arn:aws:iam::444455556666:saml-provider/corp" }, "is not a SAML provider of account 111122223333"},
		{"a provider that is none", func(a *export.Account) { a.Providers[0].ARN = a.Roles[0].ARN }, "is not a SAML provider"},
		{"metadata that would be read from a file", func(a *export.Account) { a.Providers[0].Metadata = "file:///etc/passwd" }, "its metadata is not XML"},
		{"a role of another account", func(a *export.Account) { a.Roles[0].ARN = "arn:aws:iam::444455556666:role/r" }, "is not a role of account 111122223333"},
		{"a role that is none", func(a *export.Account) { a.Roles[0].ARN = "reports" }, "is not the ARN of an IAM role"},
		{"a description that is not UTF-8", func(a *export.Account) { a.Roles[0].Description = "\xc6" }, "is not text: take out control characters and what is not UTF-8"},
		{"a tag with a control character", func(a *export.Account) { a.Providers[0].Tags["a\x00"] = "" }, "is not text"},
		{"a trust policy that is none", func(a *export.Account) { a.Roles[0].TrustPolicy = "file:///etc/passwd" }, "trust policy: "},
		{"a policy that is none", func(a *export.Account) { a.Roles[0].InlinePolicies["own.folder"] = "{" }, "policy own.folder: "},
	} {
		for format, write := range formats {
			t.Run(row.name+" in "+format, func(t *testing.T) {
				a := account(t)
				row.change(&a)
				_, err := write(a)
				NewWithT(t).Expect(err).To(MatchError(ContainSubstring(row.words)))
			})
		}
	}
}

func TestTheOrderInWhichThingsAreGivenDoesNotMatter(t *testing.T) {
	a := account(t)
	b := a
	b.Roles = repeat(plainRole(), 3)
	a.Roles = append(a.Roles[:0:0], b.Roles[2], b.Roles[0], b.Roles[1])
	for format, write := range formats {
		g := NewWithT(t)
		one, err := write(a)
		g.Expect(err).NotTo(HaveOccurred())
		other, err := write(b)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(string(one)).To(Equal(string(other)), format)
	}
}
