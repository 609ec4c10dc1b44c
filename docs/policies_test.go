package docs

import (
	"testing"

	. "github.com/onsi/gomega"

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
