package access

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"attache.dev/attache/awsiam"
)

// sessionDuration is the longest that a role is sure to allow, and the longest that one made through
// another role may have (IAM User Guide, "Roles terms and concepts", role chaining).
const sessionDuration = time.Hour

func (m Ambient) source(a *Accounts, account Account) (source, *awsiam.Error) {
	ambient := ambientCredentials{a.options.Base.Credentials}
	return func(ctx context.Context) (aws.Credentials, *awsiam.Error) {
		c, err := ambient.Retrieve(ctx)
		if err != nil {
			return aws.Credentials{}, explain(signIn, account, m, err)
		}
		return c, nil
	}, nil
}

func (k Keys) source(_ *Accounts, account Account) (source, *awsiam.Error) {
	if k.AccessKeyID == "" || k.SecretAccessKey == "" {
		return nil, noCredentials(fmt.Sprintf("there is no access key for account %s: %s", account.ID, k.remedy(account)))
	}
	static := credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, k.SessionToken)
	return func(context.Context) (aws.Credentials, *awsiam.Error) { return static.Value, nil }, nil
}

func (m AssumeRole) source(a *Accounts, account Account) (source, *awsiam.Error) {
	if failure := checkRole(account, m.RoleARN); failure != nil {
		return nil, failure
	}
	client := a.sts(account, ambientCredentials{a.options.Base.Credentials})
	role := stscreds.NewAssumeRoleProvider(client, m.RoleARN, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = a.options.SessionName
		o.Duration = sessionDuration
		if m.ExternalID != "" {
			o.ExternalID = &m.ExternalID
		}
	})
	return func(ctx context.Context) (aws.Credentials, *awsiam.Error) {
		c, err := role.Retrieve(ctx)
		if err != nil {
			return aws.Credentials{}, m.explain(account, err)
		}
		return c, nil
	}, nil
}

func (m AssumeRole) explain(a Account, err error) *awsiam.Error {
	e := explain("AssumeRole", a, m, err)
	if e.Kind == awsiam.Denied {
		e.Message = fmt.Sprintf("not authorized to perform: sts:AssumeRole on %s: allow it to the operator's own identity, and admit that one in the role's trust policy", m.RoleARN)
		if m.ExternalID != "" {
			e.Message += " with access.assumeRole.externalID as sts:ExternalId"
		}
	}
	return e
}

// checked asks AWS whose the credentials are, which needs no permission (AWS STS API Reference,
// GetCallerIdentity), and lets none through that are of another account.
func (a *Accounts) checked(account Account, method Method, from source) source {
	return func(ctx context.Context) (aws.Credentials, *awsiam.Error) {
		c, failure := from(ctx)
		if failure != nil {
			return aws.Credentials{}, failure
		}
		const operation = "GetCallerIdentity"
		client := a.sts(account, credentials.StaticCredentialsProvider{Value: c})
		out, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err != nil {
			return aws.Credentials{}, explain(operation, account, method, err)
		}
		if failure := checkIdentity(account, method, aws.ToString(out.Account), aws.ToString(out.Arn)); failure != nil {
			return aws.Credentials{}, failure
		}
		c.AccountID = account.ID
		return c, nil
	}
}

// checkIdentity compares the account of credentials with the one that was asked for.
func checkIdentity(a Account, m Method, accountID, arn string) *awsiam.Error {
	switch accountID {
	case a.ID:
		return nil
	case "":
		return unavailable(fmt.Sprintf("what answered for STS in %s is not STS: look at what stands between the operator and it, and at endpoints.sts", a.Region), nil)
	default:
		return noCredentials(fmt.Sprintf("the credentials for account %s are those of %s in account %s, so nothing was done with them: %s", a.ID, arn, accountID, m.remedy(a)))
	}
}

// ambientCredentials marks what goes wrong in the SDK's default chain.
type ambientCredentials struct{ chain aws.CredentialsProvider }

func (p ambientCredentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if p.chain == nil {
		return aws.Credentials{}, &ambientError{errors.New("there is no chain")}
	}
	c, err := p.chain.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, &ambientError{err}
	}
	return c, nil
}

var notInSessionNames = regexp.MustCompile(`[^\w+=,.@-]+`)

// SessionName returns the name of the operator's sessions, which names its cluster: 2-64 characters
// of those that AWS takes (AWS STS API Reference, AssumeRole).
func SessionName(cluster string) string {
	const longest = 64
	name := "attache-operator@" + notInSessionNames.ReplaceAllString(cluster, "-")
	return name[:min(len(name), longest)]
}
