package awsiam_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/awsiam/policy"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/awsiam/trust"
	"attache.dev/attache/test/awsfake"
)

const (
	accountID = "111122223333"
	region    = "eu-west-1"
	roleARN   = "arn:aws:iam::111122223333:role/attache/reports/reports.uploader"
	boundary  = "arn:aws:iam::111122223333:policy/tenants"
	uploads   = "arn:aws:iam::111122223333:policy/tenants/uploads"
	audits    = "arn:aws:iam::111122223333:policy/tenants/audits"
	foreign   = "arn:aws:iam::111122223333:policy/others"
)

// world is an account with the policies above, a user who has what the README says, and the root
// user's own client.
type world struct {
	t       *testing.T
	url     string
	control awsfake.Control
	root    *iam.Client
	// api signs as the operator.
	api awsiam.API
}

func newWorld(t *testing.T) *world {
	t.Helper()
	const key, secret = "AKIAROOTROOTROOTROOT", "a root secret for tests only"
	fake := awsfake.New(awsfake.Options{AccountID: accountID, Region: region, AdminAccessKeyID: key, AdminSecretAccessKey: secret})
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	w := &world{t: t, url: server.URL, control: fake.Control()}
	w.root = iam.New(iam.Options{
		Region: partition.Commercial.IAMRegion, BaseEndpoint: &w.url, Credentials: credentials.NewStaticCredentialsProvider(key, secret, ""),
	})
	for _, arn := range []string{boundary, uploads, audits, foreign} {
		w.createPolicy(arn)
	}
	document, err := awsiam.OperatorPolicy(partition.Commercial, accountID, "corp", tenants)
	w.must(err)
	_, err = w.root.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("attache")})
	w.must(err)
	_, err = w.root.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: aws.String("attache"), PolicyName: aws.String("corp"), PolicyDocument: &document})
	w.must(err)
	operator, err := w.root.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: aws.String("attache")})
	w.must(err)
	w.api = w.clientOf(*operator.AccessKey.AccessKeyId, *operator.AccessKey.SecretAccessKey)
	w.must(w.control.ClearCalls(t.Context()))
	return w
}

func (w *world) clientOf(key, secret string) awsiam.API {
	return awsiam.New(aws.Config{Credentials: credentials.NewStaticCredentialsProvider(key, secret, "")}, region, w.url)
}

func (w *world) createPolicy(arn string) {
	w.t.Helper()
	document := document(policy.Allow, "s3:*")
	name := role.Name(arn)
	path := role.Path(arn)
	_, err := w.root.CreatePolicy(w.t.Context(), &iam.CreatePolicyInput{PolicyName: &name, Path: &path, PolicyDocument: &document})
	w.must(err)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) fault(f awsfake.Fault) {
	w.t.Helper()
	w.must(w.control.AddFault(w.t.Context(), f))
}

// calls returns the operations that awsfake answered since it was last asked.
func (w *world) calls() []string {
	w.t.Helper()
	calls, err := w.control.Calls(w.t.Context(), "")
	w.must(err)
	w.must(w.control.ClearCalls(w.t.Context()))
	var operations []string
	for _, c := range calls {
		operations = append(operations, c.Operation)
	}
	return operations
}

func document(effect, action string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Action":"` + action + `","Resource":"*"}]}`
}

// trustOf is the trust policy of a mapping's role.
func trustOf(mapping string) string {
	return trust.ForMapping(trust.Input{
		ProviderARN: partition.Commercial.SAMLProviderARN(accountID, "corp"), ACS: partition.Commercial.ACSForms(region), Mapping: mapping,
	})
}

// uploader is a role that uses everything.
func uploader() role.Role {
	return role.Role{
		ARN: roleARN, Description: "Uploads réports", MaxSessionDuration: 2 * time.Hour,
		TrustPolicy: trustOf("reports/uploader"), PermissionsBoundary: boundary,
		Policies:       []string{uploads},
		InlinePolicies: map[string]string{"s3": document(policy.Allow, "s3:PutObject"), "guard": document(policy.Deny, "iam:*")},
		Tags:           map[string]string{"team": "reports + sales/é", awsiam.TagName: "uploader"},
	}
}

// bring makes IAM hold the role, as the operator does it.
func (w *world) bring(want role.Role) {
	w.t.Helper()
	w.must(w.api.Roles().Create(w.t.Context(), want))
	w.follow(want)
}

// follow plans from what IAM holds and takes the steps.
func (w *world) follow(want role.Role) {
	w.t.Helper()
	held, err := w.api.Roles().Get(w.t.Context(), role.Name(want.ARN))
	w.must(err)
	for _, step := range role.Plan(want, held) {
		if err := w.api.Roles().Do(w.t.Context(), want.ARN, step); err != nil {
			w.t.Fatalf("%s: %v", step, err)
		}
	}
}
