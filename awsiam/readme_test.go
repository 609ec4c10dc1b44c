package awsiam_test

import (
	"os"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/partition"
)

func TestTheREADMEHasTheOperatorsPolicy(t *testing.T) {
	g := NewWithT(t)
	want, err := awsiam.OperatorPolicy(partition.Commercial, "111122223333", "corp")
	g.Expect(err).NotTo(HaveOccurred())

	readme, err := os.ReadFile("../README.md")
	g.Expect(err).NotTo(HaveOccurred())
	_, rest, marked := strings.Cut(string(readme), "<!-- operator-policy")
	g.Expect(marked).To(BeTrue(), "README.md has no comment <!-- operator-policy ... --> before the policy")
	_, rest, opened := strings.Cut(rest, "```json\n")
	g.Expect(opened).To(BeTrue(), "README.md has no block ```json after that comment")
	got, _, closed := strings.Cut(rest, "\n```\n")
	g.Expect(closed).To(BeTrue(), "the block in README.md does not end")
	g.Expect(got).To(Equal(want))
}
