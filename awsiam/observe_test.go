package awsiam_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam"
)

func TestEveryCallIsToldOfOnce(t *testing.T) {
	g := NewWithT(t)
	var told []string
	cfg := awsiam.Observe(aws.Config{Credentials: credentials.NewStaticCredentialsProvider("AKIAEXAMPLE", "secret", "")},
		func(operation, outcome string) { told = append(told, operation+" "+outcome) })

	throttling, _ := answering(t, 400, "Throttling", "Rate exceeded")
	_, err := awsiam.New(cfg, "eu-west-1", throttling).Roles().GetTrust(t.Context(), "uploader")
	g.Expect(err).To(HaveOccurred())
	g.Expect(awsiam.New(cfg, "eu-west-1", throttling).Providers().Delete(t.Context(), arn)).NotTo(Succeed())
	_, err = awsiam.New(cfg, "eu-west-1", "http://127.0.0.1:1").Snapshot(t.Context(), "/")
	g.Expect(err).To(HaveOccurred())
	g.Expect(told).To(Equal([]string{"GetRole Throttled", "DeleteSAMLProvider Throttled", "GetAccountAuthorizationDetails Unavailable"}))
}
