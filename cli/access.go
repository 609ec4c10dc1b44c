package cli

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/access"
	"attache.dev/attache/awsiam/bootstrap"
	"attache.dev/attache/awsiam/limit"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/controllers/identity"
	"attache.dev/attache/internal/metrics"
)

// accountAccess makes the calls to IAM for accounts: with the credentials that each account's
// spec.access names, and no faster than the account bears.
type accountAccess struct {
	accounts  *access.Accounts
	limits    *limit.Limits
	secrets   client.Reader
	namespace string
	http      aws.HTTPClient
	metrics   *metrics.Operator
	// only replaces what accounts name, unless it is nil.
	only access.Method
}

// newAccountAccess reads Secrets of the operator's namespace, its own key among them, by secrets.
func newAccountAccess(base aws.Config, secrets client.Reader, namespace, clusterUID string, counts *metrics.Operator) (*accountAccess, error) {
	accounts, err := access.New(access.Options{
		Base:        base,
		SessionName: access.SessionName(clusterUID),
		Identity:    identity.Of(secrets, namespace, clusterUID),
		Observe:     counts.SignedIn,
	})
	if err != nil {
		return nil, err
	}
	limits, err := limit.New(limit.Options{Observe: limit.Observer{
		Refused: func(accountID string, class limit.Class) { counts.HeldBack(accountID, string(class)) },
		Rate:    counts.Paced,
	}})
	if err != nil {
		return nil, fmt.Errorf("limit the calls to IAM: %w", err)
	}
	a := &accountAccess{accounts: accounts, limits: limits, secrets: secrets, namespace: namespace, http: base.HTTPClient, metrics: counts}
	// A page of a big account takes longer than any answer of STS.
	if shared, ok := base.HTTPClient.(*awshttp.BuildableClient); ok {
		a.http = shared.WithTimeout(awsiam.CallTimeout)
	}
	return a, nil
}

// IAM returns the calls for an account.
func (a *accountAccess) IAM(account v1alpha1.Account) awsiam.API {
	of := access.Account{ID: account.ID, Region: account.Region, STSEndpoint: account.Endpoints.STS}
	cfg := a.accounts.Config(of, a.method(account))
	cfg.HTTPClient = a.http
	// What is held back never reaches AWS, and is not counted among its answers.
	cfg = awsiam.Observe(a.limits.Account(account.ID).Apply(cfg), a.metrics.CalledIAM)
	return awsiam.New(cfg, account.Region, account.Endpoints.IAM)
}

func (a *accountAccess) method(account v1alpha1.Account) access.Method {
	if a.only != nil {
		return a.only
	}
	switch spec := account.Access; spec.Mode {
	case v1alpha1.AccessFederated:
		p := partition.OfRegion(account.Region)
		return access.Federated{RoleARN: bootstrap.RoleARN(p, account.ID), ProviderARN: bootstrap.ProviderARN(p, account.ID)}
	case v1alpha1.AccessAssumeRole:
		return access.AssumeRole{RoleARN: spec.AssumeRole.RoleARN, ExternalID: spec.AssumeRole.ExternalID}
	case v1alpha1.AccessSecret:
		return a.keys(spec.SecretRef.Name)
	default:
		return access.Ambient{}
	}
}

// keys are read anew for each call, so that those that somebody puts into the Secret count at once.
// Without any, the sign-in says which Secret lacks them.
func (a *accountAccess) keys(name string) access.Keys {
	k := access.Keys{From: fmt.Sprintf("Secret %s/%s", a.namespace, name)}
	secret := &corev1.Secret{}
	ctx := context.Background() // the cache answers at once
	if err := a.secrets.Get(ctx, client.ObjectKey{Namespace: a.namespace, Name: name}, secret); err != nil {
		if !apierrors.IsNotFound(err) {
			ctrl.Log.Error(err, "Reading the Secret of an access key failed", "secret", name)
		}
		return k
	}
	k.AccessKeyID = string(secret.Data["aws_access_key_id"])
	k.SecretAccessKey = string(secret.Data["aws_secret_access_key"])
	k.SessionToken = string(secret.Data["aws_session_token"])
	return k
}
