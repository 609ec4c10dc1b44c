// Command workload is an ordinary program in a pod: it hands its projected service-account token
// to the delegation endpoint, and signs calls to AWS with the credentials that it gets.
//
//	workload                 prints who it is to AWS
//	workload archive BUCKET  writes to its own prefix of a bucket, and tries another's
//	workload idle            only waits for SIGTERM, so that a test has a living pod
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const (
	tokenFile = "/var/run/attache/token/token"
	caFile    = "/var/run/attache/ca/ca.crt"
	patience  = 30 * time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if len(os.Args) > 1 && os.Args[1] == "idle" {
		<-ctx.Done()
		return
	}
	printed, err := run(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "workload:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
	fmt.Println(printed)
}

func run(ctx context.Context, args []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client, err := httpClient()
	if err != nil {
		return "", err
	}
	session, err := delegate(ctx, client, os.Getenv("ATTACHE_DELEGATION_URL"), os.Getenv("ATTACHE_PROVIDER"))
	if err != nil {
		return "", err
	}
	// Endpoints and region come from AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_STS and AWS_REGION, as in any program.
	cfg, err := config.LoadDefaultConfig(ctx, config.WithCredentialsProvider(session))
	if err != nil {
		return "", err
	}
	if len(args) == 2 && args[0] == "archive" {
		return archive(ctx, cfg, session, args[1])
	}
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Arn), nil
}
