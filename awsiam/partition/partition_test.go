package partition

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestARegionTellsItsPartition(t *testing.T) {
	for region, want := range map[string]Partition{
		"eu-west-1":     Commercial,
		"us-east-1":     Commercial,
		"us-gov-west-1": GovCloud,
		"cn-north-1":    China,
	} {
		t.Run(region, func(t *testing.T) {
			NewWithT(t).Expect(OfRegion(region)).To(Equal(want))
		})
	}
}

func TestAProviderARNNamesThePartition(t *testing.T) {
	NewWithT(t).Expect(China.SAMLProviderARN("111122223333", "corp")).To(Equal("arn:aws-cn:iam::111122223333:saml-provider/corp"))
}

func TestParseRoleARN(t *testing.T) {
	for _, tt := range []struct {
		name, arn          string
		partition, account string
		refused            bool
	}{
		{"a role", "arn:aws:iam::111122223333:role/a", "aws", "111122223333", false},
		{"a role with a path", "arn:aws-us-gov:iam::111122223333:role/team/a", "aws-us-gov", "111122223333", false},
		{"a user", "arn:aws:iam::111122223333:user/a", "", "", true},
		{"a path without a name", "arn:aws:iam::111122223333:role/team/", "", "", true},
		{"an account that is too short", "arn:aws:iam::1111:role/a", "", "", true},
		{"a region where IAM has none", "arn:aws:iam:eu-west-1:111122223333:role/a", "", "", true},
		{"nothing", "", "", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			partition, account, err := ParseRoleARN(tt.arn)
			g.Expect(partition).To(Equal(tt.partition))
			g.Expect(account).To(Equal(tt.account))
			if tt.refused {
				g.Expect(err).To(MatchError(ContainSubstring("write arn:aws:iam::111122223333:role/NAME")))
			} else {
				g.Expect(err).NotTo(HaveOccurred())
			}
		})
	}
}
