package exchange_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	. "github.com/onsi/gomega"

	"attache.dev/attache/idp"
	"attache.dev/attache/idp/assertion"
	"attache.dev/attache/idp/exchange"
	"attache.dev/attache/idp/keys"
	"attache.dev/attache/test/awsfake"
)

const (
	issuer      = "https://login.corp.example/saml/metadata"
	trustPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":%q},
		"Action":"sts:AssumeRoleWithSAML","Condition":{"StringEquals":{"SAML:aud":%q}}}]}`
)

// account is an AWS account whose SAML provider holds the key's certificate.
type account struct {
	url string
	key keys.Key
	iam *iam.Client
}

func newAccount(t *testing.T) account {
	t.Helper()
	const adminID, adminKey = "AKIAADMIN00000000000", "the key of the account's root user"
	server := httptest.NewServer(awsfake.New(awsfake.Options{
		AccountID: grant().AccountID, Region: grant().Region, AdminAccessKeyID: adminID, AdminSecretAccessKey: adminKey,
	}))
	t.Cleanup(server.Close)
	key, err := keys.Generate(rand.Reader, "corp", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	a := account{url: server.URL, key: key, iam: iam.New(iam.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(adminID, adminKey, ""),
	})}
	metadata, err := assertion.Metadata(issuer, []*x509.Certificate{key.Certificate})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.iam.CreateSAMLProvider(t.Context(), &iam.CreateSAMLProviderInput{
		Name: aws.String("corp"), SAMLMetadataDocument: aws.String(string(metadata)),
	}); err != nil {
		t.Fatal(err)
	}
	a.addRole(t, "reports-uploader", "https://signin.aws.amazon.com/saml")
	return a
}

func (a account) addRole(t *testing.T, name, audience string) {
	t.Helper()
	if _, err := a.iam.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String(name), AssumeRolePolicyDocument: aws.String(fmt.Sprintf(trustPolicy, grant().ProviderARN, audience)),
	}); err != nil {
		t.Fatal(err)
	}
}

// sign makes the assertion for the grant with the key.
func sign(g idp.Grant, key keys.Key, change func([]byte) []byte) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		statement, err := assertion.ForAWS(issuer, subject(), g)
		if err != nil {
			return "", err
		}
		response, err := assertion.Response(statement, key, time.Now(), rand.Reader)
		if err != nil {
			return "", err
		}
		return assertion.Encode(change(response))
	}
}

func unchanged(response []byte) []byte { return response }

func TestASTSThatChecksGivesCredentialsThatWork(t *testing.T) {
	g := NewWithT(t)
	a := newAccount(t)
	wanted := grant()
	wanted.STSEndpoint = a.url

	c, _, err := newExchanger(t, exchange.Options{}).Credentials(t.Context(), wanted, subject(), sign(wanted, a.key, unchanged))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(c.Subject).To(Equal("system:serviceaccount:reports:uploader"))
	g.Expect(c.SubjectType).To(Equal("persistent"))
	g.Expect(c.Expiration).To(BeTemporally("~", time.Now().Add(time.Hour), time.Minute))
	g.Expect(c.RequestID).NotTo(BeEmpty())

	identity, err := sts.New(sts.Options{
		Region: wanted.Region, BaseEndpoint: aws.String(a.url), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken),
	}).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(*identity.Arn).To(Equal(c.AssumedRoleARN))
	g.Expect(*identity.Arn).To(Equal("arn:aws:sts::111122223333:assumed-role/reports-uploader/uploader-7d9f"))
}

func TestASTSThatChecksRefusesInWords(t *testing.T) {
	a := newAccount(t)
	a.addRole(t, "other", "https://signin.aws.amazon.com/saml")
	a.addRole(t, "regional-audience", "https://eu-west-1.signin.aws.amazon.com/saml")
	stranger, err := keys.Generate(rand.Reader, "corp", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	role := func(name string) idp.Grant {
		wanted := grant()
		wanted.STSEndpoint = a.url
		wanted.RoleARN = "arn:aws:iam::111122223333:role/" + name
		return wanted
	}
	managed := role("missing")
	managed.Tags = []idp.Tag{{Key: idp.MappingTag, Value: "reports/uploader"}}
	elsewhere := role("reports-uploader")
	elsewhere.ProviderARN = "arn:aws:iam::111122223333:saml-provider/gone"
	long := role("reports-uploader")
	long.Duration = 2 * time.Hour
	tests := []struct {
		name   string
		grant  idp.Grant
		assert func(context.Context) (string, error)
		reason string
	}{
		{"an assertion that was changed", role("reports-uploader"), sign(role("reports-uploader"), a.key, func(response []byte) []byte {
			return []byte(strings.ReplaceAll(string(response), "reports:uploader<", "reports:admin<"))
		}), exchange.ReasonSignatureNotTrusted},
		{"an assertion signed with another key", role("reports-uploader"), sign(role("reports-uploader"), stranger, unchanged), exchange.ReasonSignatureNotTrusted},
		{"an assertion for another role", role("other"), sign(role("reports-uploader"), a.key, unchanged), exchange.ReasonAssertionRejected},
		{"a role that trusts another audience", role("regional-audience"), sign(role("regional-audience"), a.key, unchanged), exchange.ReasonAssumeRoleDenied},
		{"a role that does not exist", role("missing"), sign(role("missing"), a.key, unchanged), exchange.ReasonAssumeRoleDenied},
		{"a managed role that is not there yet", managed, sign(managed, a.key, unchanged), exchange.ReasonRoleNotReady},
		{"a provider that is not there", elsewhere, sign(elsewhere, a.key, unchanged), exchange.ReasonProviderNotInIAM},
		{"a session longer than the role allows", long, sign(long, a.key, unchanged), exchange.ReasonDurationTooLong},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			_, _, err := newExchanger(t, exchange.Options{}).Credentials(t.Context(), tt.grant, subject(), tt.assert)
			refusal := refusalIn(g, err)
			g.Expect(refusal.Reason).To(Equal(tt.reason), refusal.Message)
			g.Expect(refusal.AWSRequestID).NotTo(BeEmpty())
		})
	}
}
