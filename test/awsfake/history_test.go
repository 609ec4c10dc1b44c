package awsfake_test

import (
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake"
	"attache.dev/attache/test/awsfake/internal/testidp"
)

const lag = 30 * time.Second

// propagating makes every STS endpoint lag, for what is made from then on.
func propagating(t *testing.T, f *federation, e awsfake.STSEndpoint) {
	t.Helper()
	settings := awsfake.Settings{STSEndpoints: map[string]awsfake.STSEndpoint{awsfake.AnyEndpoint: e}}
	NewWithT(t).Expect(f.fake.Control().Configure(t.Context(), settings)).To(Succeed())
	f.advance(time.Second)
}

func (f *federation) assumeCode(t *testing.T) string {
	t.Helper()
	_, err := f.assume(t, nil, nil)
	if err == nil {
		return ""
	}
	return codeOf(NewWithT(t), err)
}

func TestSTSHonoursWhatChangedOnlyAfterAWhile(t *testing.T) {
	audience := func(aud string) string { return `"StringEquals":{"SAML:aud":"` + aud + `"}` }
	for name, row := range map[string]struct {
		change           func(*testing.T, *federation)
		meanwhile, after string
	}{
		"a new role": {func(t *testing.T, f *federation) {
			f.roleARN = f.createRole(t, "archive", trustPolicy(f.providerARN, ""), 3600)
		}, "AccessDenied", ""},
		"a trust policy that lets in": {func(t *testing.T, f *federation) {
			f.setTrust(t, "closed", trustPolicy(f.providerARN, ""))
			f.roleARN = strings.Replace(f.roleARN, "reports", "closed", 1)
		}, "AccessDenied", ""},
		"a trust policy that shuts out": {func(t *testing.T, f *federation) {
			f.setTrust(t, "reports", trustPolicy(f.providerARN, audience("https://elsewhere.example.test")))
		}, "", "AccessDenied"},
		"a role that is gone": {func(t *testing.T, f *federation) {
			_, err := f.iam.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: aws.String("reports")})
			NewWithT(t).Expect(err).NotTo(HaveOccurred())
		}, "", "AccessDenied"},
		"a new provider": {func(t *testing.T, f *federation) {
			f.providerARN = f.createProvider(t, "second", f.idp.Metadata())
			f.roleARN = strings.Replace(f.roleARN, "reports", "second", 1)
		}, "InvalidIdentityToken", ""},
		"metadata with another key": {func(t *testing.T, f *federation) {
			other, err := testidp.New(f.idp.EntityID)
			NewWithT(t).Expect(err).NotTo(HaveOccurred())
			_, err = f.iam.UpdateSAMLProvider(t.Context(), &iam.UpdateSAMLProviderInput{
				SAMLProviderArn: &f.providerARN, SAMLMetadataDocument: aws.String(other.Metadata()),
			})
			NewWithT(t).Expect(err).NotTo(HaveOccurred())
		}, "", "InvalidIdentityToken"},
		"a provider that is gone": {func(t *testing.T, f *federation) {
			_, err := f.iam.DeleteSAMLProvider(t.Context(), &iam.DeleteSAMLProviderInput{SAMLProviderArn: &f.providerARN})
			NewWithT(t).Expect(err).NotTo(HaveOccurred())
		}, "", "InvalidIdentityToken"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			f := newFederation(t, "")
			second := strings.Replace(f.providerARN, "corp", "second", 1)
			f.createRole(t, "closed", trustPolicy(f.providerARN, audience("nobody")), 3600)
			f.createRole(t, "second", trustPolicy(second, ""), 3600)
			propagating(t, f, awsfake.STSEndpoint{RolePropagation: awsfake.Duration(lag), ProviderPropagation: awsfake.Duration(lag)})
			f.advance(lag)
			row.change(t, f)
			g.Expect(f.assumeCode(t)).To(Equal(row.meanwhile), "at once")
			f.advance(lag - time.Second)
			g.Expect(f.assumeCode(t)).To(Equal(row.meanwhile), "until then")
			f.advance(time.Second)
			g.Expect(f.assumeCode(t)).To(Equal(row.after), "from then on")
		})
	}
}

func TestEachSTSEndpointHonoursAChangeAtItsOwnTime(t *testing.T) {
	g := NewWithT(t)
	f := newFederation(t, "")
	near := f.url
	far := strings.Replace(f.url, "127.0.0.1", "localhost", 1)
	g.Expect(f.fake.Control().Configure(t.Context(), awsfake.Settings{STSEndpoints: map[string]awsfake.STSEndpoint{
		"localhost": {RolePropagation: awsfake.Duration(lag), Region: "ap-southeast-2"},
	}})).To(Succeed())
	f.advance(lag)
	f.roleARN = f.createRole(t, "archive", trustPolicy(f.providerARN, ""), 3600)
	at := func(url, region string) *sts.Client {
		return sts.New(sts.Options{
			Region: region, BaseEndpoint: &url, Retryer: aws.NopRetryer{},
			Credentials: credentials.NewStaticCredentialsProvider(adminKey, adminSecret, ""),
		})
	}
	f.sts = at(near, region)
	g.Expect(f.assumeCode(t)).To(BeEmpty())
	f.sts = at(far, "ap-southeast-2")
	g.Expect(f.assumeCode(t)).To(Equal("AccessDenied"))
	f.advance(lag)
	g.Expect(f.assumeCode(t)).To(BeEmpty())

	_, err := f.sts.GetCallerIdentity(t.Context(), nil)
	g.Expect(err).NotTo(HaveOccurred(), "the far endpoint is signed for its own region")
	_, err = at(far, region).GetCallerIdentity(t.Context(), nil)
	g.Expect(codeOf(g, err)).To(Equal("SignatureDoesNotMatch"))
}

func TestARandomEndpointAnswersByBothVersionsUntilThen(t *testing.T) {
	g := NewWithT(t)
	f := newFederation(t, "")
	server := awsfake.New(awsfake.Options{
		AccountID: account, Region: region, Clock: f.now, AdminAccessKeyID: adminKey, AdminSecretAccessKey: adminSecret,
		Random: rand.NewPCG(1, 2),
	})
	endpoint := httptest.NewServer(server)
	t.Cleanup(endpoint.Close)
	f.fake, f.url = server, endpoint.URL
	f.iam, f.sts = f.iamAs(adminKey, adminSecret, ""), f.stsAs(adminKey, adminSecret, "")
	f.providerARN = f.createProvider(t, "corp", f.idp.Metadata())
	propagating(t, f, awsfake.STSEndpoint{RolePropagation: awsfake.Duration(lag), Random: true})
	f.roleARN = f.createRole(t, "reports", trustPolicy(f.providerARN, ""), 3600)

	const tries = 32
	codes := map[string]int{}
	for range tries {
		codes[f.assumeCode(t)]++
	}
	g.Expect(codes).To(HaveLen(2))
	g.Expect(codes[""]).To(BeNumerically(">", 0))
	g.Expect(codes["AccessDenied"]).To(BeNumerically(">", 0))
	f.advance(lag)
	for range tries {
		g.Expect(f.assumeCode(t)).To(BeEmpty())
	}
}

func TestIAMsReadsLagBehindItsWrites(t *testing.T) {
	g := NewWithT(t)
	f := newFederation(t, "")
	f.advance(lag)
	g.Expect(f.fake.Control().Configure(t.Context(), awsfake.Settings{IAMPropagation: awsfake.Duration(lag)})).To(Succeed())
	arn := f.createRole(t, "archive", trustPolicy(f.providerARN, ""), 3600)
	input := &iam.GetRoleInput{RoleName: aws.String("archive")}
	names := func() []string {
		answer, err := f.iam.ListRoles(t.Context(), nil)
		g.Expect(err).NotTo(HaveOccurred())
		var names []string
		for _, role := range answer.Roles {
			names = append(names, *role.RoleName)
		}
		return names
	}

	_, err := f.iam.GetRole(t.Context(), input)
	g.Expect(codeOf(g, err)).To(Equal("NoSuchEntity"))
	g.Expect(names()).To(Equal([]string{"reports"}))
	trust := trustPolicy(f.providerARN, "")
	_, err = f.iam.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("archive"), AssumeRolePolicyDocument: &trust})
	g.Expect(codeOf(g, err)).To(Equal("EntityAlreadyExists"), "the name is taken")
	f.advance(lag)
	role, err := f.iam.GetRole(t.Context(), input)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(*role.Role.Arn).To(Equal(arn))
	g.Expect(names()).To(Equal([]string{"archive", "reports"}))

	_, err = f.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: aws.String("archive"), PolicyName: aws.String("objects"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`),
	})
	g.Expect(err).NotTo(HaveOccurred())
	policies, err := f.iam.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: aws.String("archive")})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(policies.PolicyNames).To(BeEmpty(), "a new inline policy cannot be read yet")
	f.advance(lag)
	policies, err = f.iam.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: aws.String("archive")})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(policies.PolicyNames).To(Equal([]string{"objects"}))

	_, err = f.iam.DeleteSAMLProvider(t.Context(), &iam.DeleteSAMLProviderInput{SAMLProviderArn: &f.providerARN})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = f.iam.GetSAMLProvider(t.Context(), &iam.GetSAMLProviderInput{SAMLProviderArn: &f.providerARN})
	g.Expect(err).NotTo(HaveOccurred(), "a deleted provider can still be read")
	f.advance(lag)
	_, err = f.iam.GetSAMLProvider(t.Context(), &iam.GetSAMLProviderInput{SAMLProviderArn: &f.providerARN})
	g.Expect(codeOf(g, err)).To(Equal("NoSuchEntity"))
}

func TestARoleThatIsMadeAgainIsTheOldOneUntilThen(t *testing.T) {
	g := NewWithT(t)
	f := newFederation(t, "")
	propagating(t, f, awsfake.STSEndpoint{RolePropagation: awsfake.Duration(lag)})
	f.advance(lag)
	_, err := f.iam.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: aws.String("reports")})
	g.Expect(err).NotTo(HaveOccurred())
	f.createRole(t, "reports", trustPolicy(f.providerARN, ""), 3600)
	answer, err := f.assume(t, nil, nil)
	g.Expect(err).NotTo(HaveOccurred())
	old := f.stsAs(*answer.Credentials.AccessKeyId, *answer.Credentials.SecretAccessKey, *answer.Credentials.SessionToken)
	_, err = old.GetCallerIdentity(t.Context(), nil)
	g.Expect(codeOf(g, err)).To(Equal("InvalidClientTokenId"), "its session went with it")
	f.advance(lag)
	answer, err = f.assume(t, nil, nil)
	g.Expect(err).NotTo(HaveOccurred())
	current := f.stsAs(*answer.Credentials.AccessKeyId, *answer.Credentials.SecretAccessKey, *answer.Credentials.SessionToken)
	_, err = current.GetCallerIdentity(t.Context(), nil)
	g.Expect(err).NotTo(HaveOccurred())
}
