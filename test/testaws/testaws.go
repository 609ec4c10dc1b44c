// Package testaws gives a test an AWS account of its own: awsfake in the test's process.
package testaws

import (
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/test/awsfake"
)

// Account lives as long as its test.
type Account struct {
	// URL of IAM and STS.
	URL string
	// Control has AWS fail, and tells what it was asked.
	Control awsfake.Control
	// Root signs as the account's root user, who may do everything.
	Root aws.Config

	t      testing.TB
	region string
}

// Start opens an account with nothing in it.
func Start(t testing.TB, accountID, region string) *Account {
	t.Helper()
	const key, secret = "AKIAROOTROOTROOTROOT", "a root secret for tests only"
	fake := awsfake.New(awsfake.Options{AccountID: accountID, Region: region, AdminAccessKeyID: key, AdminSecretAccessKey: secret})
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	return &Account{URL: server.URL, Control: fake.Control(), Root: signing(key, secret), t: t, region: region}
}

// Beside opens another account of the same AWS, with nothing in it.
func (a *Account) Beside(accountID, region string) *Account {
	a.t.Helper()
	key, secret := "AKIAROOT"+accountID, "a root secret for tests only"
	if err := a.Control.AddAccount(a.t.Context(), awsfake.Account{ID: accountID, AdminAccessKeyID: key, AdminSecretAccessKey: secret}); err != nil {
		a.t.Fatal(err)
	}
	return &Account{URL: a.URL, Control: a.Control, Root: signing(key, secret), t: a.t, region: region}
}

// User makes an IAM user without any right and signs as that one.
func (a *Account) User(name string) aws.Config {
	a.t.Helper()
	root := a.IAM(a.Root)
	if _, err := root.CreateUser(a.t.Context(), &iam.CreateUserInput{UserName: &name}); err != nil {
		a.t.Fatal(err)
	}
	key, err := root.CreateAccessKey(a.t.Context(), &iam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		a.t.Fatal(err)
	}
	return signing(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey)
}

// Grant gives a user an inline policy; the last one of the name counts.
func (a *Account) Grant(user, name, document string) {
	a.t.Helper()
	if _, err := a.IAM(a.Root).PutUserPolicy(a.t.Context(), &iam.PutUserPolicyInput{UserName: &user, PolicyName: &name, PolicyDocument: &document}); err != nil {
		a.t.Fatal(err)
	}
}

// IAM is the SDK's client for whoever signs.
func (a *Account) IAM(who aws.Config) *iam.Client {
	return iam.NewFromConfig(who, func(o *iam.Options) {
		o.Region, o.BaseEndpoint = partition.OfRegion(a.region).IAMRegion, &a.URL
	})
}

// API is the operator's own client for whoever signs.
func (a *Account) API(who aws.Config) awsiam.API { return awsiam.New(who, a.region, a.URL) }

func signing(key, secret string) aws.Config {
	return aws.Config{Credentials: credentials.NewStaticCredentialsProvider(key, secret, "")}
}
