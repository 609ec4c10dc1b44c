package assertion_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/idp"
	"attache.dev/attache/idp/assertion"
)

func TestForAWSSaysTheGrantInItsPartition(t *testing.T) {
	tests := []struct {
		name, partition, region, audience, recipient string
	}{
		{"in the commercial partition", "aws", "eu-west-1", "urn:amazon:webservices", "https://signin.aws.amazon.com/saml"},
		{"in GovCloud", "aws-us-gov", "us-gov-west-1", "urn:amazon:webservices:govcloud", "https://signin.amazonaws-us-gov.com/saml"},
		{"in China", "aws-cn", "cn-northwest-1", "urn:amazon:webservices:cn-north-1", "https://signin.amazonaws.cn/saml"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			wanted := grant()
			wanted.Region = tt.region
			wanted.RoleARN = strings.Replace(wanted.RoleARN, "arn:aws:", "arn:"+tt.partition+":", 1)
			wanted.ProviderARN = strings.Replace(wanted.ProviderARN, "arn:aws:", "arn:"+tt.partition+":", 1)

			st, err := assertion.ForAWS(issuer, subject(), wanted)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(st).To(Equal(idp.Statement{
				Issuer:       issuer,
				NameID:       "system:serviceaccount:reports:uploader",
				NameIDFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
				Audience:     tt.audience,
				Recipient:    tt.recipient,
				Attributes: []idp.Attribute{
					{Name: "https://aws.amazon.com/SAML/Attributes/Role", Values: []string{wanted.RoleARN + "," + wanted.ProviderARN}},
					{Name: "https://aws.amazon.com/SAML/Attributes/RoleSessionName", Values: []string{"uploader-7d9f"}},
					{Name: "https://aws.amazon.com/SAML/Attributes/SessionDuration", Values: []string{"3600"}},
				},
				Lifetime:        5 * time.Minute,
				SessionLifetime: time.Hour,
			}))
		})
	}
}

func TestForAWSRefusesWhatAWSWouldNotTake(t *testing.T) {
	tests := []struct {
		name   string
		change func(*idp.Subject, *idp.Grant)
		reason string
		want   string
	}{
		{"a NameID with a wildcard", func(s *idp.Subject, _ *idp.Grant) { s.Name = "up*" }, assertion.ReasonInvalidNameID, "${saml:sub}"},
		{"a NameID with a slash", func(s *idp.Subject, _ *idp.Grant) { s.Name = "a/b" }, assertion.ReasonInvalidNameID, "A-Z, a-z, 0-9 and ._:@=+,-"},
		{"a NameID that ends in a line break", func(s *idp.Subject, _ *idp.Grant) { s.Name = "a\n" }, assertion.ReasonInvalidNameID, "NameID"},
		{"a NameID of 257 characters", func(s *idp.Subject, _ *idp.Grant) {
			s.Name = strings.Repeat("a", 257-len("system:serviceaccount:reports:"))
		}, assertion.ReasonInvalidNameID, "2 to 256"},
		{"no region", func(_ *idp.Subject, g *idp.Grant) { g.Region = "" }, assertion.ReasonInvalidGrant, "region is missing"},
		{"a role that is none", func(_ *idp.Subject, g *idp.Grant) { g.RoleARN = "arn:aws:iam::111122223333:user/x" }, assertion.ReasonInvalidGrant, "write arn:aws:iam::111122223333:role/NAME"},
		{"a role name of 65 characters", func(_ *idp.Subject, g *idp.Grant) {
			g.RoleARN = "arn:aws:iam::111122223333:role/" + strings.Repeat("a", 65)
		}, assertion.ReasonInvalidGrant, "at most 64 characters"},
		{"a role path of 513 characters", func(_ *idp.Subject, g *idp.Grant) {
			g.RoleARN = "arn:aws:iam::111122223333:role/" + strings.Repeat("a", 511) + "/x"
		}, assertion.ReasonInvalidGrant, "its path at most 512"},
		{"a role with a space in its path", func(_ *idp.Subject, g *idp.Grant) { g.RoleARN = "arn:aws:iam::111122223333:role/a b/x" }, assertion.ReasonInvalidGrant, "the role"},
		{"a role path that holds another pair", func(_ *idp.Subject, g *idp.Grant) {
			g.RoleARN = "arn:aws:iam::111122223333:role/admin,arn:aws:iam::111122223333:saml-provider/other"
		}, assertion.ReasonInvalidGrant, "comma"},
		{"a role of another account", func(_ *idp.Subject, g *idp.Grant) { g.AccountID = "444455556666" }, assertion.ReasonInvalidGrant, "not of account 444455556666"},
		{"a role of another partition", func(_ *idp.Subject, g *idp.Grant) { g.Region = "cn-north-1" }, assertion.ReasonInvalidGrant, "region cn-north-1 is of partition aws-cn"},
		{"a provider of another account", func(_ *idp.Subject, g *idp.Grant) {
			g.ProviderARN = "arn:aws:iam::444455556666:saml-provider/corp"
		}, assertion.ReasonInvalidGrant, "arn:aws:iam::111122223333:saml-provider/NAME"},
		{"a provider name with a comma", func(_ *idp.Subject, g *idp.Grant) { g.ProviderARN += ",x" }, assertion.ReasonInvalidGrant, "the provider"},
		{"a provider without a name", func(_ *idp.Subject, g *idp.Grant) {
			g.ProviderARN = "arn:aws:iam::111122223333:saml-provider/"
		}, assertion.ReasonInvalidGrant, "the provider"},
		{"a session name of one character", func(_ *idp.Subject, g *idp.Grant) { g.SessionName = "a" }, assertion.ReasonInvalidGrant, "the session name"},
		{"a session name of 65 characters", func(_ *idp.Subject, g *idp.Grant) { g.SessionName = strings.Repeat("a", 65) }, assertion.ReasonInvalidGrant, "2 to 64"},
		{"a session name with a colon", func(_ *idp.Subject, g *idp.Grant) { g.SessionName = "a:b" }, assertion.ReasonInvalidGrant, "_+=,.@-"},
		{"a duration below 15 minutes", func(_ *idp.Subject, g *idp.Grant) { g.Duration = 899 * time.Second }, assertion.ReasonInvalidGrant, "the duration 14m59s must be between 15m0s and 12h0m0s"},
		{"a duration above 12 hours", func(_ *idp.Subject, g *idp.Grant) { g.Duration = 12*time.Hour + time.Second }, assertion.ReasonInvalidGrant, "the duration"},
		{"a duration that is no whole second", func(_ *idp.Subject, g *idp.Grant) { g.Duration += time.Millisecond }, assertion.ReasonInvalidGrant, "in whole seconds"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			s, wanted := subject(), grant()
			tt.change(&s, &wanted)

			st, err := assertion.ForAWS(issuer, s, wanted)
			var refusal *idp.Refusal
			g.Expect(errors.As(err, &refusal)).To(BeTrue(), "%v", err)
			g.Expect(refusal.Kind).To(Equal(idp.Denied))
			g.Expect(refusal.Reason).To(Equal(tt.reason))
			g.Expect(refusal.Message).To(ContainSubstring(tt.want))
			g.Expect(st).To(Equal(idp.Statement{}))
		})
	}
}

func TestForAWSTakesWhatIsAtTheLimits(t *testing.T) {
	tests := []struct {
		name   string
		change func(*idp.Subject, *idp.Grant)
	}{
		{"a NameID of 256 characters", func(s *idp.Subject, _ *idp.Grant) {
			s.Name = strings.Repeat("a", 256-len("system:serviceaccount:reports:"))
		}},
		{"a role name of 64 characters", func(_ *idp.Subject, g *idp.Grant) {
			g.RoleARN = "arn:aws:iam::111122223333:role/" + strings.Repeat("a", 64)
		}},
		{"every sign that a session name may have", func(_ *idp.Subject, g *idp.Grant) { g.SessionName = "a_+=,.@-Z9" }},
		{"15 minutes", func(_ *idp.Subject, g *idp.Grant) { g.Duration = 15 * time.Minute }},
		{"12 hours", func(_ *idp.Subject, g *idp.Grant) { g.Duration = 12 * time.Hour }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, wanted := subject(), grant()
			tt.change(&s, &wanted)
			_, err := assertion.ForAWS(issuer, s, wanted)
			NewWithT(t).Expect(err).NotTo(HaveOccurred())
		})
	}
}
