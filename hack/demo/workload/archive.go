package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// archive writes an object below the prefix that the role's policy gives to this service account,
// and tries to write one below that of another.
func archive(ctx context.Context, cfg aws.Config, s *session, bucket string) (string, error) {
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	put := func(subject string) (string, error) {
		key := s.NameQualifier + "/" + subject + "/hello"
		_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("hello")})
		return "s3://" + bucket + "/" + key, err
	}
	own, err := put(s.Subject)
	if err != nil {
		return "", err
	}
	others, err := put(s.Subject + "-neighbour")
	if err == nil {
		return "", fmt.Errorf("%s ought to be refused, and was written", others)
	}
	var refused smithy.APIError
	if !errors.As(err, &refused) || refused.ErrorCode() != "AccessDenied" {
		return "", fmt.Errorf("write %s: %w", others, err)
	}
	return fmt.Sprintf("wrote    %s\nrefused  %s", own, others), nil
}
