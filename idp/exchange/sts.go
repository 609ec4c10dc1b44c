package exchange

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"attache.dev/attache/idp"
)

const (
	// Two attempts outlive a connection that was closed while it was idle. More would only keep a
	// caller waiting who knows better when to come again.
	maxAttempts = 2
	maxBackoff  = 200 * time.Millisecond

	// idleConnections are kept to each STS endpoint, because a burst of pods must not pay a TLS
	// handshake each: credential providers of SDKs wait one second for an answer.
	idleConnections = 64
)

// errIncomplete is an answer of STS without what it promises.
var errIncomplete = errors.New("the answer of STS has no credentials")

// clients holds one STS client for each endpoint. Endpoints come from SAMLProviders, so they are few.
type clients struct {
	http *http.Client
	mu   sync.Mutex
	by   map[endpoint]*sts.Client
}

type endpoint struct{ region, baseURL string }

func newClients(base *http.Client, timeout time.Duration) *clients {
	if base == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = idleConnections
		base = &http.Client{Transport: transport}
	}
	bounded := *base
	bounded.Timeout = timeout
	bounded.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &clients{http: &bounded, by: map[endpoint]*sts.Client{}}
}

func (c *clients) of(e endpoint) *sts.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	client, ok := c.by[e]
	if !ok {
		o := sts.Options{
			Region:     e.region,
			HTTPClient: c.http,
			// The assertion is the credential: AssumeRoleWithSAML is not signed.
			Credentials: aws.AnonymousCredentials{},
			Retryer:     retryer(),
		}
		if e.baseURL != "" {
			o.BaseEndpoint = aws.String(e.baseURL)
		}
		client = sts.New(o)
		c.by[e] = client
	}
	return client
}

// retryer tries again what failed on the way or in STS. Throttling is the caller's to wait out.
func retryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		o.MaxBackoff = maxBackoff
		o.RateLimiter = ratelimit.None
		o.Retryables = []retry.IsErrorRetryable{
			retry.NoRetryCanceledError{},
			retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
				if throttled(err) {
					return aws.FalseTernary
				}
				return aws.UnknownTernary
			}),
			retry.RetryableConnectionError{},
			retry.RetryableHTTPStatusCode{Codes: retry.DefaultRetryableHTTPStatusCodes},
		}
	})
}

func (c *clients) assumeRole(ctx context.Context, g idp.Grant, assertion string) (idp.Credentials, error) {
	out, err := c.of(endpoint{g.Region, g.STSEndpoint}).AssumeRoleWithSAML(ctx, &sts.AssumeRoleWithSAMLInput{
		RoleArn:         aws.String(g.RoleARN),
		PrincipalArn:    aws.String(g.ProviderARN),
		SAMLAssertion:   aws.String(assertion),
		DurationSeconds: aws.Int32(int32(g.Duration / time.Second)), // #nosec G115 -- at most 12 hours
	})
	if err != nil {
		return idp.Credentials{}, err
	}
	return credentialsOf(out)
}

func credentialsOf(out *sts.AssumeRoleWithSAMLOutput) (idp.Credentials, error) {
	given := out.Credentials
	if given == nil || aws.ToString(given.AccessKeyId) == "" || aws.ToString(given.SecretAccessKey) == "" ||
		aws.ToString(given.SessionToken) == "" || given.Expiration == nil {
		return idp.Credentials{}, errIncomplete
	}
	c := idp.Credentials{
		AccessKeyID:     *given.AccessKeyId,
		SecretAccessKey: *given.SecretAccessKey,
		SessionToken:    *given.SessionToken,
		Expiration:      given.Expiration.UTC(),
		Subject:         aws.ToString(out.Subject),
		SubjectType:     aws.ToString(out.SubjectType),
		Issuer:          aws.ToString(out.Issuer),
		Audience:        aws.ToString(out.Audience),
		NameQualifier:   aws.ToString(out.NameQualifier),
	}
	if u := out.AssumedRoleUser; u != nil {
		c.AssumedRoleID, c.AssumedRoleARN = aws.ToString(u.AssumedRoleId), aws.ToString(u.Arn)
	}
	c.RequestID, _ = middleware.GetRequestIDMetadata(out.ResultMetadata)
	return c, nil
}
