// Command workload is an ordinary program in a pod: it hands its projected service-account token
// to the delegation endpoint, and signs a call to AWS with the credentials that it gets.
//
// With the argument "idle" it only waits for SIGTERM, so that a test has a living pod.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
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
	identity, err := run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "workload:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
	fmt.Println(identity)
}

func run(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client, err := httpClient()
	if err != nil {
		return "", err
	}
	provider := aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		return delegate(ctx, client, os.Getenv("ATTACHE_DELEGATION_URL"), os.Getenv("ATTACHE_PROVIDER"))
	})
	// The endpoint and the region come from AWS_ENDPOINT_URL_STS and AWS_REGION, as in any program.
	cfg, err := config.LoadDefaultConfig(ctx, config.WithCredentialsProvider(provider))
	if err != nil {
		return "", err
	}
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Arn), nil
}

func httpClient() (*http.Client, error) {
	bundle, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(bundle) {
		return nil, errors.New(caFile + " holds no certificate")
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}, nil
}

// delegate asks until the endpoint answers for good: it tells with Retry-After when a later try
// may help.
func delegate(ctx context.Context, client *http.Client, url, provider string) (aws.Credentials, error) {
	for {
		credentials, wait, err := delegateOnce(ctx, client, url, provider)
		if wait == 0 {
			return credentials, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return aws.Credentials{}, errors.Join(err, ctx.Err())
		}
	}
}

func delegateOnce(ctx context.Context, client *http.Client, url, provider string) (aws.Credentials, time.Duration, error) {
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		return aws.Credentials{}, 0, err
	}
	body, err := json.Marshal(map[string]string{
		"client_id":  provider,
		"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
		"id_token":   string(token),
		"target":     provider,
		"api_type":   "aws",
	})
	if err != nil {
		return aws.Credentials{}, 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return aws.Credentials{}, 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return aws.Credentials{}, time.Second, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return aws.Credentials{}, time.Second, err
	}
	if response.StatusCode != http.StatusOK {
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		return aws.Credentials{}, time.Duration(seconds) * time.Second, fmt.Errorf("delegation answered %d: %s", response.StatusCode, answer)
	}
	var parsed struct {
		Credentials struct {
			AccessKeyID     string `json:"AccessKeyId"`
			SecretAccessKey string
			SessionToken    string
			Expiration      time.Time
		}
	}
	if err := json.Unmarshal(answer, &parsed); err != nil {
		return aws.Credentials{}, 0, fmt.Errorf("read the delegation's answer: %w", err)
	}
	c := parsed.Credentials
	return aws.Credentials{
		AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken,
		CanExpire: true, Expires: c.Expiration, Source: "attache",
	}, 0, nil
}
