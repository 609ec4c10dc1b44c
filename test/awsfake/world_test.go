package awsfake_test

import (
	"errors"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake"
	"attache.dev/attache/test/awsfake/internal/testidp"
)

const (
	account     = "111122223333"
	region      = "eu-west-1"
	adminKey    = "AKIAADMINADMINADMIN0"
	adminSecret = "the-admin-secret-of-a-test"
)

// world is a server with real clients of its root user. Its clock stands still,
// close to the real one because SDKs sign with theirs.
type world struct {
	fake *awsfake.Server
	url  string
	// region is STS's; iamRegion is the one that the partition's IAM is signed for.
	region, iamRegion string

	// time is shared by the worlds of several accounts.
	time *time.Time
	iam  *iam.Client
	sts  *sts.Client
}

func newWorld(t *testing.T) *world { return newWorldIn(t, region, "us-east-1") }

func newWorldIn(t *testing.T, region, iamRegion string) *world {
	now := time.Now().UTC().Truncate(time.Second)
	w := &world{time: &now, region: region, iamRegion: iamRegion}
	w.fake = awsfake.New(awsfake.Options{
		AccountID: account, Region: region, Clock: w.now,
		AdminAccessKeyID: adminKey, AdminSecretAccessKey: adminSecret,
	})
	server := httptest.NewServer(w.fake)
	t.Cleanup(server.Close)
	w.url = server.URL
	w.iam = w.iamAs(adminKey, adminSecret, "")
	w.sts = w.stsAs(adminKey, adminSecret, "")
	return w
}

// in opens another account of the same server and returns clients of its root user.
func (w *world) in(t *testing.T, accountID string) *world {
	t.Helper()
	key, secret := "AKIAROOT"+accountID, "the-secret-of-"+accountID
	err := w.fake.Control().AddAccount(t.Context(), awsfake.Account{ID: accountID, AdminAccessKeyID: key, AdminSecretAccessKey: secret})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	other := *w
	other.iam, other.sts = w.iamAs(key, secret, ""), w.stsAs(key, secret, "")
	return &other
}

func (w *world) now() time.Time { return *w.time }

// advance moves the server's clock; SDKs sign by the real one, so five minutes are
// the most that signed calls bear.
func (w *world) advance(d time.Duration) { *w.time = w.time.Add(d) }

// iamAs signs for the one region that calls to IAM are signed for.
func (w *world) iamAs(key, secret, token string) *iam.Client {
	return iam.New(iam.Options{
		Region: w.iamRegion, BaseEndpoint: &w.url, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(key, secret, token),
	})
}

func (w *world) stsAs(key, secret, token string) *sts.Client {
	return sts.New(sts.Options{
		Region: w.region, BaseEndpoint: &w.url, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(key, secret, token),
	})
}

func (w *world) createProvider(t *testing.T, name, metadata string) string {
	t.Helper()
	answer, err := w.iam.CreateSAMLProvider(t.Context(), &iam.CreateSAMLProviderInput{Name: &name, SAMLMetadataDocument: &metadata})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return aws.ToString(answer.SAMLProviderArn)
}

func (w *world) createRole(t *testing.T, name, trust string, maxSeconds int32) string {
	t.Helper()
	answer, err := w.iam.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: &name, AssumeRolePolicyDocument: &trust, MaxSessionDuration: &maxSeconds,
	})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return aws.ToString(answer.Role.Arn)
}

func (w *world) setTrust(t *testing.T, role, trust string) {
	t.Helper()
	_, err := w.iam.UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: &role, PolicyDocument: &trust})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
}

// createUser makes a user with one inline policy and returns a client of theirs.
func (w *world) createUser(t *testing.T, name, document string) *iam.Client {
	t.Helper()
	key := w.createUserKey(t, name, document)
	return w.iamAs(*key.AccessKeyId, *key.SecretAccessKey, "")
}

// createUserKey makes a user with one inline policy and a key.
func (w *world) createUserKey(t *testing.T, name, document string) *types.AccessKey {
	t.Helper()
	g := NewWithT(t)
	_, err := w.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = w.iam.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{
		UserName: &name, PolicyName: aws.String("confined"), PolicyDocument: &document,
	})
	g.Expect(err).NotTo(HaveOccurred())
	answer, err := w.iam.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &name})
	g.Expect(err).NotTo(HaveOccurred())
	return answer.AccessKey
}

// deleteUser takes a user of createUserKey away and returns the ID that was theirs.
func (w *world) deleteUser(t *testing.T, name string, key *types.AccessKey) string {
	t.Helper()
	g := NewWithT(t)
	got, err := w.iam.GetUser(t.Context(), &iam.GetUserInput{UserName: &name})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = w.iam.DeleteAccessKey(t.Context(), &iam.DeleteAccessKeyInput{UserName: &name, AccessKeyId: key.AccessKeyId})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = w.iam.DeleteUserPolicy(t.Context(), &iam.DeleteUserPolicyInput{UserName: &name, PolicyName: aws.String("confined")})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = w.iam.DeleteUser(t.Context(), &iam.DeleteUserInput{UserName: &name})
	g.Expect(err).NotTo(HaveOccurred())
	return *got.User.UserId
}

// putPolicy gives a role the inline policy that is its own.
func (w *world) putPolicy(t *testing.T, role, document string) {
	t.Helper()
	_, err := w.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: aws.String("own"), PolicyDocument: &document})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
}

func (w *world) getRole(t *testing.T, name string) *types.Role {
	t.Helper()
	got, err := w.iam.GetRole(t.Context(), &iam.GetRoleInput{RoleName: &name})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return got.Role
}

// trustOf returns a role's trust policy as IAM prints it.
func (w *world) trustOf(t *testing.T, role string) string {
	t.Helper()
	document, err := url.QueryUnescape(*w.getRole(t, role).AssumeRolePolicyDocument)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return document
}

// federation is a provider and a role that trusts it, ready to be assumed.
type federation struct {
	*world
	idp                  *testidp.IdP
	providerARN, roleARN string
}

// sharedIdP is one IdP for all tests that do not need a key of their own: keys
// take long to make.
var sharedIdP = sync.OnceValues(func() (*testidp.IdP, error) { return testidp.New("https://idp.example.test/metadata") })

// newFederation makes provider corp and role reports whose trust policy has that
// condition block.
func newFederation(t *testing.T, condition string) *federation {
	t.Helper()
	return newWorld(t).federate(t, condition)
}

func (w *world) federate(t *testing.T, condition string) *federation {
	t.Helper()
	idp, err := sharedIdP()
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	f := &federation{world: w, idp: idp}
	f.providerARN = f.createProvider(t, "corp", idp.Metadata())
	f.roleARN = f.createRole(t, "reports", trustPolicy(f.providerARN, condition), 7200)
	return f
}

// assume sends a signed baseline with one change.
func (f *federation) assume(t *testing.T, change func(*testidp.Message), request func(*sts.AssumeRoleWithSAMLInput)) (*sts.AssumeRoleWithSAMLOutput, error) {
	t.Helper()
	message := f.idp.Baseline(f.now(), f.roleARN, f.providerARN)
	if change != nil {
		change(message)
	}
	message.SignAssertion()
	return f.redeem(t, message, request)
}

// redeem sends a finished message.
func (f *federation) redeem(t *testing.T, message *testidp.Message, requests ...func(*sts.AssumeRoleWithSAMLInput)) (*sts.AssumeRoleWithSAMLOutput, error) {
	t.Helper()
	input := &sts.AssumeRoleWithSAMLInput{
		RoleArn: &f.roleARN, PrincipalArn: &f.providerARN, SAMLAssertion: aws.String(message.Encode()),
	}
	for _, change := range requests {
		if change != nil {
			change(input)
		}
	}
	return f.sts.AssumeRoleWithSAML(t.Context(), input)
}

// trustPolicy trusts the provider with tags and source identity, under a
// condition block such as `"StringEquals":{"SAML:aud":"..."}`.
func trustPolicy(providerARN, condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + providerARN + `"},` +
		`"Action":["sts:AssumeRoleWithSAML","sts:TagSession","sts:SetSourceIdentity"],"Condition":{` + condition + `}}]}`
}

// apiErrorOf returns code and message of an error answer.
func apiErrorOf(g *WithT, err error) (code, message string) {
	var answer smithy.APIError
	g.Expect(errors.As(err, &answer)).To(BeTrue(), "want an error answer, got: %v", err)
	return answer.ErrorCode(), answer.ErrorMessage()
}

func codeOf(g *WithT, err error) string {
	code, _ := apiErrorOf(g, err)
	return code
}
