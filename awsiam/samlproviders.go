package awsiam

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"attache.dev/attache/awsiam/partition"
)

// callTimeout bounds one call to IAM, so that a silent endpoint does not hold a worker.
const callTimeout = 20 * time.Second

// SAMLProvider is an IAM SAML provider as IAM holds it.
type SAMLProvider struct {
	// Metadata is the very text that was stored last (IAM API reference, GetSAMLProvider).
	Metadata string
	Tags     map[string]string
}

// SAMLProviders are IAM's calls for SAML providers. Every error is an *Error.
type SAMLProviders interface {
	// Get returns the provider of that ARN, or an Error of kind NotFound.
	Get(ctx context.Context, arn string) (SAMLProvider, error)
	// Create makes the provider of that ARN with its tags in one step. It returns an Error of kind
	// AlreadyExists when the name is taken.
	Create(ctx context.Context, arn, metadata string, tags map[string]string) error
	// Update replaces the metadata of the provider of that ARN.
	Update(ctx context.Context, arn, metadata string) error
	// Delete removes the provider of that ARN, or returns an Error of kind NotFound.
	Delete(ctx context.Context, arn string) error
}

// Ambient makes clients that sign with what the AWS SDK's default chain finds: environment, shared
// files, container or instance metadata.
type Ambient struct {
	config aws.Config
}

// NewAmbient reads the SDK's configuration once. Credentials are looked for at the first call, and
// a call that finds none ends with an Error of kind NoCredentials.
func NewAmbient(ctx context.Context) (*Ambient, error) {
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(callTimeout)),
		// The reconciler decides when to try again: a retry inside the SDK would hold its worker.
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }),
	)
	if err != nil {
		return nil, fmt.Errorf("read the AWS SDK's configuration: %w", err)
	}
	cfg.Credentials = aws.NewCredentialsCache(markedCredentials{cfg.Credentials})
	return &Ambient{config: cfg}, nil
}

// SAMLProviders returns a client for the partition of region. An endpoint replaces IAM's public
// address unless it is empty.
func (a *Ambient) SAMLProviders(region, endpoint string) SAMLProviders {
	return New(a.config, region, endpoint)
}

// New returns a client for the partition of region. An endpoint replaces IAM's public address
// unless it is empty.
func New(cfg aws.Config, region, endpoint string) SAMLProviders {
	return &client{iam: iam.NewFromConfig(cfg, func(o *iam.Options) {
		o.Region = partition.OfRegion(region).IAMRegion
		o.Retryer = aws.NopRetryer{}
		if endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
		}
	})}
}

type client struct {
	iam *iam.Client
}

func (c *client) Get(ctx context.Context, arn string) (SAMLProvider, error) {
	out, err := c.iam.GetSAMLProvider(ctx, &iam.GetSAMLProviderInput{SAMLProviderArn: &arn})
	if err != nil {
		return SAMLProvider{}, classify("GetSAMLProvider", err)
	}
	p := SAMLProvider{Metadata: aws.ToString(out.SAMLMetadataDocument), Tags: make(map[string]string, len(out.Tags))}
	for _, t := range out.Tags {
		p.Tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return p, nil
}

func (c *client) Create(ctx context.Context, arn, metadata string, tags map[string]string) error {
	name := arn[strings.LastIndex(arn, "/")+1:]
	in := &iam.CreateSAMLProviderInput{Name: &name, SAMLMetadataDocument: &metadata}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	out, err := c.iam.CreateSAMLProvider(ctx, in)
	if err != nil {
		return classify("CreateSAMLProvider", err)
	}
	if made := aws.ToString(out.SAMLProviderArn); made != arn {
		return wrongAccount(made, arn, c.Delete(ctx, made))
	}
	return nil
}

func (c *client) Update(ctx context.Context, arn, metadata string) error {
	_, err := c.iam.UpdateSAMLProvider(ctx, &iam.UpdateSAMLProviderInput{SAMLProviderArn: &arn, SAMLMetadataDocument: &metadata})
	return classify("UpdateSAMLProvider", err)
}

func (c *client) Delete(ctx context.Context, arn string) error {
	_, err := c.iam.DeleteSAMLProvider(ctx, &iam.DeleteSAMLProviderInput{SAMLProviderArn: &arn})
	return classify("DeleteSAMLProvider", err)
}

// wrongAccount is why a provider that was just made had to go again: IAM takes a name, not an ARN,
// and makes it in whatever account the credentials are of.
func wrongAccount(made, want string, deleted error) *Error {
	message := fmt.Sprintf("the operator's AWS credentials are of another account: IAM made %s where %s was asked for; give the operator credentials of that account", made, want)
	if deleted != nil {
		message += ", and delete " + made + ", which could not be deleted again"
	}
	return &Error{Kind: NoCredentials, Operation: "CreateSAMLProvider", Message: message, Err: deleted}
}

// markedCredentials marks the errors of a credentials provider, which the SDK returns among those
// of the call itself.
type markedCredentials struct {
	aws.CredentialsProvider
}

func (m markedCredentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := m.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return c, &credentialsError{err}
	}
	return c, nil
}

type credentialsError struct{ err error }

func (e *credentialsError) Error() string { return e.err.Error() }
func (e *credentialsError) Unwrap() error { return e.err }
