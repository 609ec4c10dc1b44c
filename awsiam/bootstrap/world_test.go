package bootstrap_test

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/access"
	"attache.dev/attache/awsiam/bootstrap"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/idp/keys"
	"attache.dev/attache/test/awsfake"
	"attache.dev/attache/test/testaws"
)

const (
	accountID  = "111122223333"
	region     = "eu-west-1"
	clusterUID = "6d6cbdf1-5d1f-4c61-a3a5-6d0c6f9a0b3e"
	boundary   = "arn:aws:iam::111122223333:policy/tenants"

	operatorProvider = "arn:aws:iam::111122223333:saml-provider/attache-operator"
	operatorRole     = "arn:aws:iam::111122223333:role/attache/attache-operator"
	probeRole        = "arn:aws:iam::111122223333:role/attache/attache-probe"
	corp             = "arn:aws:iam::111122223333:saml-provider/corp"
	acs              = "https://signin.aws.amazon.com/saml"
)

// world is an account with a boundary policy, its administrator, and a cluster's operator.
type world struct {
	*testaws.Account
	t        *testing.T
	identity access.Identity
	config   bootstrap.Config
	runner   bootstrap.Runner
}

func newKey(t *testing.T) keys.Key {
	t.Helper()
	key, err := keys.Generate(rand.Reader, "attache-operator", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func identityWith(key keys.Key) access.Identity {
	return access.Identity{
		Issuer: access.Issuer(clusterUID), Namespace: "attache-system", ServiceAccount: "attache-operator",
		Key: func(context.Context) (keys.Key, error) { return key, nil },
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Account: testaws.Start(t, accountID, region), t: t}
	_, err := w.IAM(w.Root).CreatePolicy(t.Context(), &iam.CreatePolicyInput{
		PolicyName: aws.String("tenants"), PolicyDocument: aws.String(allow("s3:*")),
	})
	w.must(err)
	w.identify(newKey(t))
	w.runner = bootstrap.Runner{API: w.API(w.Root), Wait: func(context.Context, time.Duration) error { return nil }}
	return w
}

// identify gives the operator a key and the config its metadata.
func (w *world) identify(key keys.Key) {
	w.t.Helper()
	w.identity = identityWith(key)
	metadata, err := w.identity.Metadata(w.t.Context())
	w.must(err)
	w.config = bootstrap.Config{
		AccountID: accountID, Region: region, ClusterUID: clusterUID,
		Metadata: metadata, NameID: w.identity.NameID(),
		Providers: []string{"corp", "partners"},
		Roles: awsiam.RolesBounds{
			PathPrefixes: []string{"/reports/", "/attache/"}, PermissionsBoundary: boundary,
			Policies: []string{"arn:aws:iam::aws:policy/AmazonS3*"},
		},
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) bring(mode bootstrap.Mode) bootstrap.Plan {
	w.t.Helper()
	plan, err := w.runner.Bring(w.t.Context(), w.config, mode)
	w.must(err)
	return plan
}

// operatorConfig signs in as the operator does.
func (w *world) operatorConfig() aws.Config {
	w.t.Helper()
	accounts, err := access.New(access.Options{SessionName: access.SessionName("blue"), Identity: w.identity})
	w.must(err)
	method := access.Federated{RoleARN: operatorRole, ProviderARN: operatorProvider}
	return accounts.Config(access.Account{ID: accountID, Region: region, STSEndpoint: w.URL}, method)
}

func (w *world) operator() awsiam.API {
	w.t.Helper()
	return awsiam.New(w.operatorConfig(), region, w.URL)
}

func (w *world) inventory() []string {
	w.t.Helper()
	held, err := w.Control.Inventory(w.t.Context())
	w.must(err)
	var arns []string
	for _, list := range [][]awsfake.InventoryItem{held.SAMLProviders, held.Roles} {
		for _, r := range list {
			arns = append(arns, r.ARN)
		}
	}
	return arns
}

func allow(action string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + action + `","Resource":"*"}]}`
}

func trusting(provider string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + provider + `"},"Action":"sts:AssumeRoleWithSAML","Condition":{"StringEquals":{"SAML:aud":"` + acs + `"}}}]}`
}

// reports is a role as the operator makes it.
func reports(path, withBoundary string) role.Role {
	return role.Role{
		ARN: partition.Commercial.RoleARN(accountID, path, "reports"), MaxSessionDuration: time.Hour,
		TrustPolicy: trusting(corp), PermissionsBoundary: withBoundary,
	}
}

func stepsOf(p bootstrap.Plan) []string {
	var steps []string
	for _, s := range p.Steps {
		steps = append(steps, s.String())
	}
	return steps
}
