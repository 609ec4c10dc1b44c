package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/idp"
	"attache.dev/attache/idp/exchange"
)

var now = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// encoded looks like an assertion in base64: a long run.
var encoded = strings.Repeat("PHNhbWxwOlJlc3BvbnNlIHhtbG5zOnNhbWxwPSJ1cm46b2FzaXM6bmFtZXM6dGM6U0FNTDoyLjA6cHJvdG9jb2wi", 40)

func asserting(context.Context) (string, error) { return encoded, nil }

func subject() idp.Subject {
	return idp.Subject{Kind: idp.KindServiceAccount, Namespace: "reports", Name: "uploader"}
}

func grant() idp.Grant {
	return idp.Grant{
		Mapping:     "reports/uploader",
		RoleARN:     "arn:aws:iam::111122223333:role/reports-uploader",
		ProviderARN: "arn:aws:iam::111122223333:saml-provider/corp",
		AccountID:   "111122223333",
		SessionName: "uploader-7d9f",
		Duration:    time.Hour,
		Region:      "eu-west-1",
	}
}

// transport answers in STS's place, without a network.
type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func (t transport) client() *http.Client { return &http.Client{Transport: t} }

func newExchanger(tb testing.TB, o exchange.Options) *exchange.Exchanger {
	tb.Helper()
	e, err := exchange.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func answer(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"text/xml"}}, Body: io.NopCloser(strings.NewReader(body)),
	}
}

// success is an answer of STS with credentials until then.
func success(expiration time.Time) *http.Response {
	response := answer(http.StatusOK, fmt.Sprintf(`<AssumeRoleWithSAMLResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithSAMLResult>
    <Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>%s</Expiration></Credentials>
    <AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:uploader-7d9f</AssumedRoleId><Arn>arn:aws:sts::111122223333:assumed-role/reports-uploader/uploader-7d9f</Arn></AssumedRoleUser>
    <Subject>system:serviceaccount:reports:uploader</Subject><SubjectType>persistent</SubjectType>
    <Issuer>https://login.corp.example/saml/metadata</Issuer><Audience>https://signin.aws.amazon.com/saml</Audience><NameQualifier>qualifier=</NameQualifier>
  </AssumeRoleWithSAMLResult>
  <ResponseMetadata><RequestId>req-1</RequestId></ResponseMetadata>
</AssumeRoleWithSAMLResponse>`, expiration.Format(time.RFC3339)))
	response.Header.Set("x-amzn-RequestId", "req-1")
	return response
}

// failure is an error of STS.
func failure(status int, code, message string) *http.Response {
	return answer(status, fmt.Sprintf(`<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>req-2</RequestId>
</ErrorResponse>`, code, message))
}

func refusalIn(g Gomega, err error) *idp.Refusal {
	var refusal *idp.Refusal
	g.ExpectWithOffset(1, errors.As(err, &refusal)).To(BeTrue(), "%v", err)
	return refusal
}
