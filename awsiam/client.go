package awsiam

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"attache.dev/attache/awsiam/partition"
)

// CallTimeout bounds one call to IAM, so that a silent endpoint does not hold a worker.
const CallTimeout = 20 * time.Second

// API is what the operator does in the IAM of one account. Every error is an *Error.
type API interface {
	// Providers are the calls for SAML providers.
	Providers() SAMLProviders
	// Roles are the calls for roles.
	Roles() Roles
	// Snapshot reads all roles of the account at once, those below pathPrefix, such as /reports/ or
	// /, with description and maximum session duration.
	Snapshot(ctx context.Context, pathPrefix string) (Snapshot, error)
}

// New returns a client for the partition of region. An endpoint replaces IAM's public address
// unless it is empty.
func New(cfg aws.Config, region, endpoint string) API {
	return &client{iam: iam.NewFromConfig(cfg, func(o *iam.Options) {
		o.Region = partition.OfRegion(region).IAMRegion
		o.Retryer = aws.NopRetryer{}
		o.APIOptions = append(o.APIOptions, onlyIAM)
		if endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
		}
	})}
}

type client struct {
	iam *iam.Client
}

func (c *client) Providers() SAMLProviders { return samlProviders{c.iam} }
func (c *client) Roles() Roles             { return roles{c.iam} }

func toTags(tags map[string]string) []types.Tag {
	var list []types.Tag
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return list
}

func fromTags(list []types.Tag) map[string]string {
	tags := make(map[string]string, len(list))
	for _, t := range list {
		tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return tags
}

// wrongAccount is why something that was just made had to go again: IAM takes a name, not an ARN,
// and makes it in whatever account the credentials are of.
func wrongAccount(operation, made, want string, deleted error) *Error {
	message := fmt.Sprintf("the operator's AWS credentials are of another account: IAM made %s where %s was asked for; give the operator credentials of that account", made, want)
	if deleted != nil {
		message += ", and delete " + made + ", which could not be deleted again"
	}
	return &Error{Kind: NoCredentials, Operation: operation, Message: message, Err: deleted}
}
