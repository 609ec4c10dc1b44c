package awsiam_test

import (
	"os"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/partition"
)

// tenants are the bounds of the README's example.
var tenants = awsiam.RolesBounds{
	PathPrefixes:        []string{"/attache/"},
	PermissionsBoundary: "arn:aws:iam::111122223333:policy/tenants",
	Policies:            []string{"arn:aws:iam::111122223333:policy/tenants/*"},
}

func TestTheREADMEHasTheOperatorsPolicies(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, mark string
		bounds     awsiam.RolesBounds
	}{
		{"for a provider", "<!-- operator-policy:", awsiam.RolesBounds{}},
		{"for a provider and managed roles", "<!-- operator-policy-roles:", tenants},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			want, err := awsiam.OperatorPolicy(partition.Commercial, "111122223333", "corp", row.bounds)
			g.Expect(err).NotTo(HaveOccurred())
			_, rest, marked := strings.Cut(string(readme), row.mark)
			g.Expect(marked).To(BeTrue(), "README.md has no comment "+row.mark+" ... --> before the policy")
			_, rest, opened := strings.Cut(rest, "```json\n")
			g.Expect(opened).To(BeTrue(), "README.md has no block ```json after that comment")
			got, _, closed := strings.Cut(rest, "\n```\n")
			g.Expect(closed).To(BeTrue(), "the block in README.md does not end")
			g.Expect(got).To(Equal(want))
		})
	}
}
