package docs

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/awsiam/trust"
)

func TestThePageHasTheTrustPolicyOfManagedRoles(t *testing.T) {
	p := partition.Commercial
	want := trust.ForMapping(trust.Input{
		ProviderARN: p.SAMLProviderARN("111122223333", "corp"),
		ACS:         p.ACSForms("eu-west-1"),
		Mapping:     "reports/archive",
	})
	NewWithT(t).Expect(block(t, read(t, "managed-roles.md"), "managed-trust-policy")).To(MatchJSON(want))
}

// actionsInTables are those in the first column of the tables.
var actionsInTables = regexp.MustCompile("(?m)^\\| (`iam:[^|]+)\\|")

func TestThePageSaysOfEachActionOfTheOperatorWhyItIsThere(t *testing.T) {
	g := NewWithT(t)
	var said []string
	for _, cell := range actionsInTables.FindAllStringSubmatch(read(t, "aws-permissions.md"), -1) {
		for action := range strings.SplitSeq(cell[1], ",") {
			said = append(said, strings.Trim(action, "` "))
		}
	}
	var needed []string
	for _, boundary := range []string{"", "arn:aws:iam::111122223333:policy/tenants"} {
		document, err := awsiam.OperatorPolicy(partition.Commercial, "111122223333", "corp", awsiam.RolesBounds{
			PathPrefixes: []string{"/reports/"}, PermissionsBoundary: boundary, Policies: []string{"arn:aws:iam::aws:policy/*"},
		})
		g.Expect(err).NotTo(HaveOccurred())
		var policy struct{ Statement []struct{ Action []string } }
		g.Expect(json.Unmarshal([]byte(document), &policy)).To(Succeed())
		for _, s := range policy.Statement {
			needed = append(needed, s.Action...)
		}
	}
	slices.Sort(needed)
	g.Expect(said).To(ConsistOf(slices.Compact(needed)))
}
