package awsiam_test

import (
	"os"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/partition"
)

// tenants are the bounds of the documentation's example.
var tenants = awsiam.RolesBounds{
	PathPrefixes:        []string{"/attache/"},
	PermissionsBoundary: "arn:aws:iam::111122223333:policy/tenants",
	Policies:            []string{"arn:aws:iam::111122223333:policy/tenants/*"},
}

func TestTheDocumentationHasTheOperatorsPolicies(t *testing.T) {
	for _, row := range []struct {
		name, file, mark string
		bounds           awsiam.RolesBounds
	}{
		{"for a provider", "../README.md", "<!-- operator-policy:", awsiam.RolesBounds{}},
		{"for a provider and managed roles", "../docs/aws-permissions.md", "<!-- operator-policy-roles:", tenants},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			want, err := awsiam.OperatorPolicy(partition.Commercial, "111122223333", "corp", row.bounds)
			g.Expect(err).NotTo(HaveOccurred())
			page, err := os.ReadFile(row.file)
			g.Expect(err).NotTo(HaveOccurred())
			_, rest, marked := strings.Cut(string(page), row.mark)
			g.Expect(marked).To(BeTrue(), row.file+" has no comment "+row.mark+" ... --> before the policy")
			_, rest, opened := strings.Cut(rest, "```json\n")
			g.Expect(opened).To(BeTrue(), row.file+" has no block ```json after that comment")
			got, _, closed := strings.Cut(rest, "\n```\n")
			g.Expect(closed).To(BeTrue(), "the block in "+row.file+" does not end")
			g.Expect(got).To(Equal(want))
		})
	}
}
