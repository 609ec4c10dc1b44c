package access

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/idp"
	"attache.dev/attache/idp/assertion"
	"attache.dev/attache/idp/exchange"
	"attache.dev/attache/idp/keys"
)

// Identity is who the operator is to AWS where it signs in with SAML.
type Identity struct {
	// Issuer is the entity ID of the operator's own identity provider (Issuer).
	Issuer string
	// Namespace and ServiceAccount of the operator's pods, of which NameID is made.
	Namespace, ServiceAccount string
	// Key returns the operator's own signing key, which no identity provider's pod can read.
	Key func(context.Context) (keys.Key, error)
}

// Issuer returns the entity ID of the operator of a cluster, which is told by the UID of its
// kube-system namespace.
func Issuer(clusterUID string) string {
	return "https://attache.dev/clusters/" + clusterUID + "/operator"
}

// NameID is the operator's name in its assertions, to which its role's trust policy is confined.
func (i Identity) NameID() string { return i.subject().String() }

func (i Identity) subject() idp.Subject {
	return idp.Subject{Kind: idp.KindServiceAccount, Namespace: i.Namespace, Name: i.ServiceAccount}
}

// Metadata returns the metadata of the operator's own identity provider, for package bootstrap.
func (i Identity) Metadata(ctx context.Context) (string, error) {
	key, err := i.Key(ctx)
	if err != nil {
		return "", fmt.Errorf("read the operator's own signing key: %w", err)
	}
	document, err := assertion.Metadata(i.Issuer, []*x509.Certificate{key.Certificate})
	return string(document), err
}

func (m Federated) source(a *Accounts, account Account) (source, *awsiam.Error) {
	if failure := checkRole(account, m.RoleARN); failure != nil {
		return nil, failure
	}
	grant := idp.Grant{
		RoleARN: m.RoleARN, ProviderARN: m.ProviderARN, AccountID: account.ID,
		SessionName: a.options.SessionName, Duration: sessionDuration,
		Region: account.Region, STSEndpoint: account.STSEndpoint,
	}
	identity := a.options.Identity
	exchanger, err := a.exchanger()
	if err != nil {
		return nil, unavailable("the operator's sign-in could not be prepared", err)
	}
	return func(ctx context.Context) (aws.Credentials, *awsiam.Error) {
		given, _, err := exchanger.Credentials(ctx, grant, identity.subject(), func(ctx context.Context) (string, error) {
			return a.assertionFor(ctx, identity, grant)
		})
		if err != nil {
			return aws.Credentials{}, m.explain(account, identity, err)
		}
		return aws.Credentials{
			AccessKeyID: given.AccessKeyID, SecretAccessKey: given.SecretAccessKey, SessionToken: given.SessionToken,
			CanExpire: true, Expires: given.Expiration, Source: "AttacheFederated",
		}, nil
	}, nil
}

func (a *Accounts) assertionFor(ctx context.Context, identity Identity, grant idp.Grant) (string, error) {
	key, err := identity.Key(ctx)
	if err != nil {
		return "", &keyError{err}
	}
	statement, err := assertion.ForAWS(identity.Issuer, identity.subject(), grant)
	if err != nil {
		return "", err
	}
	response, err := assertion.Response(statement, key, a.options.Clock(), rand.Reader)
	if err != nil {
		return "", err
	}
	return assertion.Encode(response)
}

// keyError is why there is no key to sign with.
type keyError struct{ err error }

func (e *keyError) Error() string { return e.err.Error() }
func (e *keyError) Unwrap() error { return e.err }

// explain says in an administrator's words what a refused exchange means.
func (m Federated) explain(a Account, identity Identity, err error) *awsiam.Error {
	e := &awsiam.Error{Kind: awsiam.NoCredentials, Operation: "AssumeRoleWithSAML"}
	var refusal *idp.Refusal
	if !errors.As(err, &refusal) {
		e.Kind, e.Message, e.Err = awsiam.Unavailable, "the operator could not be signed in", err
		return e
	}
	e.RequestID = refusal.AWSRequestID
	switch refusal.Reason {
	case exchange.ReasonAssumeRoleDenied, exchange.ReasonRoleNotReady:
		e.Message = fmt.Sprintf("%s does not let the operator in: either it does not exist, or it does not trust %s for %s: %s; a change takes some seconds to reach STS",
			m.RoleARN, m.ProviderARN, identity.NameID(), bootstrapCommand(a))
	case exchange.ReasonProviderNotInIAM:
		e.Message = fmt.Sprintf("%s, through which the operator signs in, does not exist: %s; a change takes some seconds to reach STS", m.ProviderARN, bootstrapCommand(a))
	case exchange.ReasonSignatureNotTrusted, exchange.ReasonIssuerNotTrusted:
		e.Message = fmt.Sprintf("%s does not hold the operator's own key: %s", m.ProviderARN, repair(a))
	case exchange.ReasonAssertionFailed:
		e.Message = "the operator's own signing key cannot be used"
		var noKey *keyError
		if errors.As(refusal, &noKey) {
			e.Message += ": " + noKey.Error()
		}
	case exchange.ReasonRegionDisabled:
		e.Message = regionDisabled(a)
	case exchange.ReasonSTSThrottled:
		e.Kind, e.Message = awsiam.Throttled, fmt.Sprintf("STS in %s gets more requests than it takes", a.Region)
	case exchange.ReasonAssertionExpired:
		e.Kind, e.Message = awsiam.Unavailable, "STS takes the operator's assertion, which was just made, for expired: set the clock of the operator's node"
	case exchange.ReasonSTSUnavailable, exchange.ReasonCallerGone:
		e.Kind, e.Message = awsiam.Unavailable, fmt.Sprintf("STS in %s does not answer: look at what stands between the operator and it, and at endpoints.sts", a.Region)
	case assertion.ReasonInvalidGrant, assertion.ReasonInvalidNameID, assertion.ReasonInvalidStatement:
		e.Kind, e.Message = awsiam.Invalid, refusal.Message
	default:
		e.Message = fmt.Sprintf("STS does not let the operator into %s (%s): %s", m.RoleARN, refusal.Reason, repair(a))
	}
	return e
}
