package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake"
)

const secret = "the-admin-secret-of-a-test"

func TestServeRefusesToStart(t *testing.T) {
	good := serveOptions{listen: "127.0.0.1:0", account: "111122223333", region: "eu-west-1", accessKeyID: "AKIAADMIN"}
	for name, row := range map[string]struct {
		change func(*serveOptions)
		secret string
		want   string
	}{
		"without a secret":                  {change: func(*serveOptions) {}, want: envSecretAccessKey},
		"without an access key ID":          {change: func(o *serveOptions) { o.accessKeyID = "" }, secret: secret, want: envAccessKeyID},
		"with an account that is no number": {change: func(o *serveOptions) { o.account = "production" }, secret: secret, want: "12 digits"},
		"with another account that has no secret": {change: func(o *serveOptions) {
			o.accounts = []awsfake.Account{{ID: "222233334444", AdminAccessKeyID: "AKIAMEMBERMEMBERMEM0"}}
		}, secret: secret, want: "AWSFAKE_ACCOUNTS: account 222233334444 has no secret access key"},
		"at an address that is none": {change: func(o *serveOptions) { o.listen = "nowhere:-1" }, secret: secret, want: "listen on nowhere:-1"},
	} {
		t.Run(name, func(t *testing.T) {
			o := good
			row.change(&o)
			err := serve(t.Context(), o, row.secret, slog.New(slog.DiscardHandler))
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(row.want)))
		})
	}
}

func TestAccountsAreReadAsJSON(t *testing.T) {
	g := NewWithT(t)
	g.Expect(readAccounts("")).To(BeEmpty())
	g.Expect(readAccounts(`[{"id":"222233334444","adminAccessKeyID":"AKIAMEMBERMEMBERMEM0","adminSecretAccessKey":"one"}]`)).
		To(Equal([]awsfake.Account{{ID: "222233334444", AdminAccessKeyID: "AKIAMEMBERMEMBERMEM0", AdminSecretAccessKey: "one"}}))
	for _, text := range []string{`{"id":"222233334444"}`, `[{"secret":"one"}]`, `222233334444=one`} {
		_, err := readAccounts(text)
		g.Expect(err).To(MatchError(HavePrefix("AWSFAKE_ACCOUNTS is not a JSON list of accounts")), text)
		g.Expect(err).NotTo(MatchError(ContainSubstring("one")), text)
	}
}

func TestServeAnswersUntilItIsTold(t *testing.T) {
	g := NewWithT(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	logged, log := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- serve(ctx, serveOptions{
			listen: "127.0.0.1:0", controlListen: "127.0.0.1:0", account: "111122223333", region: "eu-west-1", accessKeyID: "AKIAADMIN",
			accounts: []awsfake.Account{{ID: "222233334444", AdminAccessKeyID: "AKIAMEMBERMEMBERMEM0", AdminSecretAccessKey: "of the member"}},
		}, secret, slog.New(slog.NewJSONHandler(log, nil)))
	}()
	lines := bufio.NewScanner(logged)
	address := func() string {
		g.Expect(lines.Scan()).To(BeTrue())
		var line struct{ Address string }
		g.Expect(json.Unmarshal(lines.Bytes(), &line)).To(Succeed())
		return "http://" + line.Address
	}
	api, control := address(), address()
	go func() { _, _ = io.Copy(io.Discard, logged) }()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, api+"/healthz", http.NoBody)
	g.Expect(err).NotTo(HaveOccurred())
	response, err := http.DefaultClient.Do(request)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(response.Body.Close()).To(Succeed())
	g.Expect(response.StatusCode).To(Equal(http.StatusOK))

	// A key of S3 is no path to be cleaned: it must not be redirected.
	request, err = http.NewRequestWithContext(ctx, http.MethodGet, api+"/bucket/a//b/../c", http.NoBody)
	g.Expect(err).NotTo(HaveOccurred())
	response, err = http.DefaultTransport.RoundTrip(request)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(response.Body.Close()).To(Succeed())
	g.Expect(response.StatusCode).To(Equal(http.StatusForbidden))

	client := sts.New(sts.Options{Region: "eu-west-1", BaseEndpoint: &api, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("AKIAADMIN", secret, "")})
	identity, err := client.GetCallerIdentity(ctx, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(aws.ToString(identity.Arn)).To(Equal("arn:aws:iam::111122223333:root"))
	client = sts.New(sts.Options{Region: "eu-west-1", BaseEndpoint: &api, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("AKIAMEMBERMEMBERMEM0", "of the member", "")})
	identity, err = client.GetCallerIdentity(ctx, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(aws.ToString(identity.Account)).To(Equal("222233334444"))
	controlled := awsfake.NewControlClient(control, secret, nil)
	g.Expect(controlled.Calls(ctx, "GetCallerIdentity")).To(HaveLen(2))
	g.Expect(controlled.Seed(ctx, awsfake.Seed{Roles: 3})).To(Succeed())
	inventory, err := controlled.Inventory(ctx)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(inventory.Roles).To(HaveLen(3))

	stop()
	g.Eventually(done).WithTimeout(stopTimeout + time.Second).Should(Receive(BeNil()))
}
