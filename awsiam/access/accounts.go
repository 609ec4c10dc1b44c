package access

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/maypok86/otter/v2"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/idp/exchange"
)

const (
	// defaultTimeout keeps a silent endpoint from holding a worker for long.
	defaultTimeout = 5 * time.Second
	// callsOfSignIn are what it takes to get credentials: an exchange with its second attempt, the
	// question whose they are, and the operator's key.
	callsOfSignIn = 4

	// What is not asked for any more, such as the keys of a Secret that has changed, is forgotten.
	maxProviders = 1000
	forgetAfter  = 2 * time.Hour
)

// Options of Accounts.
type Options struct {
	// Base has the ambient credentials and the HTTP client (LoadBase).
	Base aws.Config
	// SessionName is what CloudTrail shows for AssumeRole and Federated (SessionName).
	SessionName string
	// Identity of the operator for Federated.
	Identity Identity
	// Timeout of one attempt to reach STS; 5 s if zero.
	Timeout time.Duration
	// Clock tells the time; time.Now if nil.
	Clock func() time.Time
	// Observe is told how each attempt to get credentials ended, as awsiam.OutcomeOf names it; nil for
	// nobody. Old credentials hide a failure from everybody else.
	Observe func(accountID, outcome string)
}

// Accounts gets and remembers credentials for accounts. It is safe for concurrent use.
type Accounts struct {
	options   Options
	providers *otter.Cache[key, *provider]
}

type key struct {
	account Account
	method  Method
}

// New returns Accounts that have no credentials yet.
func New(o Options) (*Accounts, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(string, string) {}
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Base.HTTPClient == nil {
		o.Base.HTTPClient = awshttp.NewBuildableClient().WithTimeout(o.Timeout)
	}
	providers, err := otter.New(&otter.Options[key, *provider]{
		MaximumSize:      maxProviders,
		ExpiryCalculator: otter.ExpiryAccessing[key, *provider](forgetAfter),
	})
	if err != nil {
		return nil, fmt.Errorf("prepare the operator's sign-in: %w", err)
	}
	return &Accounts{options: o, providers: providers}, nil
}

// exchanger returns one that remembers nothing yet.
func (a *Accounts) exchanger() (*exchange.Exchanger, error) {
	return exchange.New(exchange.Options{Clock: a.options.Clock, Timeout: a.options.Timeout, HTTPClient: plain(a.options.Base.HTTPClient)})
}

// LoadBase reads the AWS SDK's own configuration. Credentials are looked for at the first use.
func LoadBase(ctx context.Context) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(defaultTimeout)),
		// Reconcilers decide when to try again.
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }),
	)
	if err != nil {
		return aws.Config{}, fmt.Errorf("read the AWS SDK's configuration: %w", err)
	}
	return cfg, nil
}

// Credentials returns the provider of credentials for the account, the same one for the same
// arguments. It renews them ahead of their end, and while that fails gives the old ones as long as
// they last. Its errors hold an *awsiam.Error (errors.As), and a client of package awsiam reports the
// same kind.
func (a *Accounts) Credentials(account Account, method Method) aws.CredentialsProvider {
	return a.provider(account, method)
}

func (a *Accounts) provider(account Account, method Method) *provider {
	p, _ := a.providers.ComputeIfAbsent(key{account, method}, func() (*provider, bool) {
		return newProvider(a, account, method), false
	})
	return p
}

// Config returns a configuration with those credentials, for awsiam.New. Those that IAM does not take
// any more, as when the role was made anew, are not used again.
func (a *Accounts) Config(account Account, method Method) aws.Config {
	cfg := a.options.Base.Copy()
	p := a.provider(account, method)
	cfg.Credentials = p
	return awsiam.Observe(cfg, func(_, outcome string) {
		if outcome == string(awsiam.NoCredentials) {
			p.reject()
		}
	})
}

// sts returns a client that signs with credentials.
func (a *Accounts) sts(account Account, credentials aws.CredentialsProvider) *sts.Client {
	o := sts.Options{
		Region:      account.Region,
		Credentials: credentials,
		Retryer:     aws.NopRetryer{},
		HTTPClient:  a.options.Base.HTTPClient,
	}
	if account.STSEndpoint != "" {
		o.BaseEndpoint = &account.STSEndpoint
	}
	return sts.New(o)
}

// plain returns a client with the transport of the SDK's, which knows the certificate authorities
// that the SDK is configured with.
func plain(client aws.HTTPClient) *http.Client {
	if buildable, ok := client.(*awshttp.BuildableClient); ok {
		return &http.Client{Transport: buildable.GetTransport()}
	}
	return nil
}
