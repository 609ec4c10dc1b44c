package harness

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// S3 returns a client of S3 with the credentials of anybody.
func (a *AWS) S3(accessKeyID, secretAccessKey, sessionToken string) *s3.Client {
	return a.s3With(credentials.NewStaticCredentialsProvider(accessKeyID, secretAccessKey, sessionToken))
}

// EnsureBucket makes a bucket as an administrator of the account would.
func (a *AWS) EnsureBucket(ctx context.Context, name string) error {
	_, err := a.s3With(a.IAM.Options().Credentials).CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket:                    &name,
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: Region},
	})
	if err != nil && !strings.Contains(err.Error(), "BucketAlreadyOwnedByYou") {
		return fmt.Errorf("make bucket %s: %w", name, err)
	}
	return nil
}

func (a *AWS) s3With(identity aws.CredentialsProvider) *s3.Client {
	return s3.New(s3.Options{
		Region: Region, BaseEndpoint: aws.String(AWSEndpoint), HTTPClient: a.stsOptions.HTTPClient,
		Credentials: identity, UsePathStyle: true,
	})
}
