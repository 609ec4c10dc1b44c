package awsfake_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyauth "github.com/aws/smithy-go/auth"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake"
	"attache.dev/attache/test/awsfake/internal/testidp"
)

// partitions are what differs between them: the regions that STS (one of several) and
// IAM are signed for, the global ACS that a Recipient names, the audience.
var partitions = map[string]struct{ region, sibling, iamRegion, acs, audience string }{
	"aws":        {"eu-west-1", "us-east-2", "us-east-1", "https://signin.aws.amazon.com/saml", "urn:amazon:webservices"},
	"aws-us-gov": {"us-gov-east-1", "us-gov-west-1", "us-gov-west-1", "https://signin.amazonaws-us-gov.com/saml", "urn:amazon:webservices:govcloud"},
	"aws-cn":     {"cn-northwest-1", "cn-north-1", "cn-north-1", "https://signin.amazonaws.cn/saml", "urn:amazon:webservices:cn-north-1"},
}

// addressed makes an assertion one for that ACS and audience.
func addressed(recipient, audience string) func(*testidp.Message) {
	return func(m *testidp.Message) {
		m.Find("saml:SubjectConfirmationData").CreateAttr("Recipient", recipient)
		m.Find("saml:Audience").SetText(audience)
	}
}

func TestRulesOfPartitions(t *testing.T) {
	for partition, row := range partitions {
		start := func(t *testing.T) *federation {
			return newWorldIn(t, row.region, row.iamRegion).federate(t, `"StringEquals":{"SAML:aud":"`+row.acs+`"}`)
		}
		t.Run("ARNs are of "+partition, func(t *testing.T) {
			f := start(t)
			NewWithT(t).Expect(f.roleARN).To(Equal("arn:" + partition + ":iam::111122223333:role/reports"))
			NewWithT(t).Expect(f.providerARN).To(Equal("arn:" + partition + ":iam::111122223333:saml-provider/corp"))
		})
		t.Run("the global ACS of "+partition+" is what roles trust", func(t *testing.T) {
			g, f := NewWithT(t), start(t)
			answer, err := f.assume(t, addressed(row.acs, row.audience), nil)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(*answer.Audience).To(Equal(row.acs))
			refuses("AccessDenied", "Not authorized", addressed(strings.Replace(row.acs, "https://", "https://"+row.region+".", 1), row.audience))(t, g, f)
		})
		t.Run("the ACS of "+partition+" is an audience too", func(t *testing.T) {
			takes(addressed(row.acs, row.acs))(t, NewWithT(t), start(t))
		})
		t.Run("credentials of "+partition+" work nowhere else", func(t *testing.T) {
			g, f := NewWithT(t), start(t)
			answer, err := f.assume(t, addressed(row.acs, row.audience), nil)
			g.Expect(err).NotTo(HaveOccurred())
			c := answer.Credentials
			_, err = f.stsAs(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken).GetCallerIdentity(t.Context(), nil)
			g.Expect(err).NotTo(HaveOccurred())
			elsewhere := newWorldIn(t, "us-east-2", "us-east-1")
			if partition == "aws" {
				elsewhere = newWorldIn(t, "cn-north-1", "cn-north-1")
			}
			_, err = elsewhere.stsAs(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken).GetCallerIdentity(t.Context(), nil)
			expectRefusal(g, err, "InvalidClientTokenId", "security token")
		})
		t.Run("IAM of "+partition+" is signed for the region that SDKs sign for", func(t *testing.T) {
			g, f := NewWithT(t), start(t)
			endpoint, err := iam.NewDefaultEndpointResolverV2().ResolveEndpoint(t.Context(), iam.EndpointParameters{Region: &row.region})
			g.Expect(err).NotTo(HaveOccurred())
			schemes, _ := smithyauth.GetAuthOptions(&endpoint.Properties)
			signed, _ := smithyhttp.GetSigV4SigningRegion(&schemes[0].SignerProperties)
			g.Expect(signed).To(Equal(row.iamRegion))
			f.iamRegion = row.region
			_, err = f.iamAs(adminKey, adminSecret, "").ListRoles(t.Context(), nil)
			expectRefusal(g, err, "SignatureDoesNotMatch", "iam takes '"+row.iamRegion+"' here")
		})
		t.Run("STS of "+partition+" is signed for its own region", func(t *testing.T) {
			g, f := NewWithT(t), start(t)
			f.region = row.sibling
			client := f.stsAs(adminKey, adminSecret, "")
			_, err := client.GetCallerIdentity(t.Context(), nil)
			expectRefusal(g, err, "SignatureDoesNotMatch", "sts takes '"+row.region+"' here")
			sibling := awsfake.Settings{STSEndpoints: map[string]awsfake.STSEndpoint{awsfake.AnyEndpoint: {Region: row.sibling}}}
			g.Expect(f.fake.Control().Configure(t.Context(), sibling)).To(Succeed())
			_, err = client.GetCallerIdentity(t.Context(), nil)
			g.Expect(err).NotTo(HaveOccurred())
		})
		t.Run("ARNs of elsewhere mean nothing in "+partition, func(t *testing.T) {
			g, f := NewWithT(t), start(t)
			elsewhere := func(arn string) string {
				if partition == "aws" {
					return strings.Replace(arn, "arn:aws:", "arn:aws-cn:", 1)
				}
				return strings.Replace(arn, "arn:"+partition+":", "arn:aws:", 1)
			}
			role, provider := f.roleARN, f.providerARN
			f.roleARN = elsewhere(role)
			refuses("AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML", addressed(row.acs, row.audience))(t, g, f)
			f.roleARN, f.providerARN = role, elsewhere(provider)
			refuses("ValidationError", "Request ARN is invalid", addressed(row.acs, row.audience))(t, g, f)
		})
		t.Run("accounts of "+partition+" trust each other", func(t *testing.T) {
			g, f := NewWithT(t), start(t)
			target := f.in(t, other).createRole(t, "target", trustingAWS(f.roleARN, ""), 3600)
			f.putPolicy(t, "reports", anything)
			first, err := f.assume(t, addressed(row.acs, row.audience), nil)
			g.Expect(err).NotTo(HaveOccurred())
			second, err := f.stsOf(first.Credentials).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: &target, RoleSessionName: aws.String("session")})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(*second.AssumedRoleUser.Arn).To(Equal("arn:" + partition + ":sts::" + other + ":assumed-role/target/session"))
		})
		t.Run("the policies of AWS are of "+partition, func(t *testing.T) {
			g, f := NewWithT(t), start(t)
			g.Expect(f.attach(t, "reports", "arn:"+partition+":iam::aws:policy/ReadOnlyAccess")).To(Succeed())
			if partition != "aws" {
				g.Expect(codeOf(g, f.attach(t, "reports", readOnly))).To(Equal("NoSuchEntity"))
			}
		})
	}
}
