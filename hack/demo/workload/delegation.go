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
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// session is what the delegation endpoint answers: STS's own answer.
type session struct {
	Credentials struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string
		Expiration      time.Time
	}
	// Subject and NameQualifier are ${saml:sub} and ${saml:namequalifier} of the role's policies.
	Subject, NameQualifier string
}

// Retrieve makes a session a provider of credentials for the AWS SDK. A program that lives longer
// than them asks the endpoint here instead.
func (s *session) Retrieve(context.Context) (aws.Credentials, error) {
	c := s.Credentials
	return aws.Credentials{
		AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken,
		CanExpire: true, Expires: c.Expiration, Source: "attache",
	}, nil
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
func delegate(ctx context.Context, client *http.Client, url, provider string) (*session, error) {
	for {
		answer, wait, err := delegateOnce(ctx, client, url, provider)
		if wait == 0 {
			return answer, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		}
	}
}

func delegateOnce(ctx context.Context, client *http.Client, url, provider string) (*session, time.Duration, error) {
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		return nil, 0, err
	}
	body, err := json.Marshal(map[string]string{
		"client_id":  provider,
		"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
		"id_token":   string(token),
		"target":     provider,
		"api_type":   "aws",
	})
	if err != nil {
		return nil, 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return nil, time.Second, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, time.Second, err
	}
	if response.StatusCode != http.StatusOK {
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		return nil, time.Duration(seconds) * time.Second, fmt.Errorf("delegation answered %d: %s", response.StatusCode, answer)
	}
	parsed := &session{}
	if err := json.Unmarshal(answer, parsed); err != nil {
		return nil, 0, fmt.Errorf("read the delegation's answer: %w", err)
	}
	return parsed, 0, nil
}
