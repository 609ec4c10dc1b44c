package awsiam

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/iam"
)

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
	// AddTags sets tags of the provider of that ARN.
	AddTags(ctx context.Context, arn string, tags map[string]string) error
	// RemoveTags takes tags off the provider of that ARN. Keys that it does not have are no error.
	RemoveTags(ctx context.Context, arn string, keys ...string) error
	// Delete removes the provider of that ARN, or returns an Error of kind NotFound.
	Delete(ctx context.Context, arn string) error
}

type samlProviders struct {
	iam *iam.Client
}

func (c samlProviders) Get(ctx context.Context, arn string) (SAMLProvider, error) {
	out, err := c.iam.GetSAMLProvider(ctx, &iam.GetSAMLProviderInput{SAMLProviderArn: &arn})
	if err != nil {
		return SAMLProvider{}, classify("GetSAMLProvider", err)
	}
	if out.SAMLMetadataDocument == nil {
		return SAMLProvider{}, incomplete("GetSAMLProvider")
	}
	return SAMLProvider{Metadata: *out.SAMLMetadataDocument, Tags: fromTags(out.Tags)}, nil
}

func (c samlProviders) Create(ctx context.Context, arn, metadata string, tags map[string]string) error {
	name := arn[strings.LastIndex(arn, "/")+1:]
	in := &iam.CreateSAMLProviderInput{Name: &name, SAMLMetadataDocument: &metadata, Tags: toTags(tags)}
	out, err := c.iam.CreateSAMLProvider(ctx, in)
	if err != nil {
		return classify("CreateSAMLProvider", err)
	}
	if out.SAMLProviderArn == nil {
		return incomplete("CreateSAMLProvider")
	}
	if made := *out.SAMLProviderArn; made != arn {
		return wrongAccount("CreateSAMLProvider", made, arn, c.Delete(ctx, made))
	}
	return nil
}

func (c samlProviders) Update(ctx context.Context, arn, metadata string) error {
	_, err := c.iam.UpdateSAMLProvider(ctx, &iam.UpdateSAMLProviderInput{SAMLProviderArn: &arn, SAMLMetadataDocument: &metadata})
	return classify("UpdateSAMLProvider", err)
}

func (c samlProviders) Delete(ctx context.Context, arn string) error {
	_, err := c.iam.DeleteSAMLProvider(ctx, &iam.DeleteSAMLProviderInput{SAMLProviderArn: &arn})
	return classify("DeleteSAMLProvider", err)
}

func (c samlProviders) AddTags(ctx context.Context, arn string, tags map[string]string) error {
	_, err := c.iam.TagSAMLProvider(ctx, &iam.TagSAMLProviderInput{SAMLProviderArn: &arn, Tags: toTags(tags)})
	return classify("TagSAMLProvider", err)
}

func (c samlProviders) RemoveTags(ctx context.Context, arn string, keys ...string) error {
	_, err := c.iam.UntagSAMLProvider(ctx, &iam.UntagSAMLProviderInput{SAMLProviderArn: &arn, TagKeys: keys})
	return classify("UntagSAMLProvider", err)
}
