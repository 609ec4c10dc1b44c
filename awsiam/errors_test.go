package awsiam_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam"
)

const arn = "arn:aws:iam::111122223333:saml-provider/corp"

func clientFor(endpoint string) awsiam.API {
	return awsiam.New(aws.Config{Credentials: credentials.NewStaticCredentialsProvider("AKIAEXAMPLE", "secret", "")}, "eu-west-1", endpoint)
}

// answering answers every call with one error of the Query protocol and counts the calls.
func answering(t *testing.T, status int, code, message string) (endpoint string, calls *int) {
	t.Helper()
	calls = new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		*calls++
		w.WriteHeader(status)
		_, err := fmt.Fprintf(w, `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>4b29f1a7</RequestId></ErrorResponse>`, code, message)
		if err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, calls
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for _, row := range []struct {
		status  int
		code    string
		message string
		kind    awsiam.Kind
	}{
		{400, "Throttling", "Rate exceeded", awsiam.Throttled},
		{429, "SomethingNew", "Slow down", awsiam.Throttled},
		{409, "ConcurrentModification", "The request was rejected because multiple requests to change this object were submitted simultaneously.", awsiam.Conflict},
		{409, "EntityTemporarilyUnmodifiable", "The entity is temporarily unmodifiable.", awsiam.Conflict},
		{403, "AccessDenied", "User: arn:aws:iam::111122223333:user/attache is not authorized to perform: iam:GetSAMLProvider on resource: " + arn, awsiam.Denied},
		{404, "NoSuchEntity", "Manifest not found for arn " + arn, awsiam.NotFound},
		{409, "EntityAlreadyExists", "Provider with name corp already exists.", awsiam.AlreadyExists},
		{400, "InvalidInput", "Could not parse metadata", awsiam.Invalid},
		{400, "ValidationError", "1 validation error detected", awsiam.Invalid},
		{409, "LimitExceeded", "Cannot exceed quota for SAMLProvidersPerAccount: 100", awsiam.QuotaExceeded},
		{409, "DeleteConflict", "Cannot delete entity, must detach all policies first.", awsiam.DeleteConflict},
		{400, "MalformedCertificate", "The certificate is malformed.", awsiam.Invalid},
		{400, "MalformedPolicyDocument", "Syntax errors in policy.", awsiam.Invalid},
		{400, "UnmodifiableEntity", "The role is protected.", awsiam.Invalid},
		{400, "PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role.", awsiam.Invalid},
		{500, "InternalFailure", "The request processing has failed.", awsiam.Unavailable},
		{500, "ServiceFailure", "The request processing has failed.", awsiam.Unavailable},
		{503, "ServiceUnavailable", "Try again.", awsiam.Unavailable},
		{400, "SomethingNew", "Nobody knows this code.", awsiam.Unavailable},
		{403, "InvalidClientTokenId", "The security token included in the request is invalid.", awsiam.NoCredentials},
		{403, "SignatureDoesNotMatch", "The request signature does not match.", awsiam.NoCredentials},
		{403, "ExpiredToken", "The security token included in the request is expired", awsiam.NoCredentials},
	} {
		t.Run(fmt.Sprintf("%d %s is %s", row.status, row.code, row.kind), func(t *testing.T) {
			g := NewWithT(t)
			endpoint, calls := answering(t, row.status, row.code, row.message)
			_, err := clientFor(endpoint).Providers().Get(t.Context(), arn)

			var e *awsiam.Error
			g.Expect(errors.As(err, &e)).To(BeTrue())
			g.Expect(e.Kind).To(Equal(row.kind))
			g.Expect(awsiam.KindOf(fmt.Errorf("wrapped: %w", err))).To(Equal(row.kind))
			g.Expect(e.RequestID).To(Equal("4b29f1a7"))
			g.Expect(e.Error()).To(ContainSubstring(row.message))
			g.Expect(e.Error()).NotTo(ContainSubstring("4b29f1a7"), "a condition must be the same at each try")
			g.Expect(*calls).To(Equal(1), "the SDK must not retry")
		})
	}
}

func TestADenialNamesTheMissingAction(t *testing.T) {
	for _, row := range []struct {
		name, message, action string
	}{
		{
			"the action that IAM names, which need not be the operation's",
			"User: arn:aws:iam::111122223333:user/attache is not authorized to perform: iam:TagSAMLProvider on resource: " + arn + " because no identity-based policy allows the iam:TagSAMLProvider action",
			"iam:TagSAMLProvider",
		},
		{"the operation where IAM names none", "Access Denied", "iam:CreateSAMLProvider"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			endpoint, _ := answering(t, http.StatusForbidden, "AccessDenied", row.message)
			err := clientFor(endpoint).Providers().Create(t.Context(), arn, "<xml/>", nil)
			var e *awsiam.Error
			g.Expect(errors.As(err, &e)).To(BeTrue())
			g.Expect(e.Action).To(Equal(row.action))
		})
	}
}

func TestAProviderMadeInAnotherAccountGoesAgain(t *testing.T) {
	g := NewWithT(t)
	var actions []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		actions = append(actions, r.PostForm.Get("Action")+" "+r.PostForm.Get("Name")+r.PostForm.Get("SAMLProviderArn"))
		answer := `<CreateSAMLProviderResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><CreateSAMLProviderResult><SAMLProviderArn>arn:aws:iam::999988887777:saml-provider/corp</SAMLProviderArn></CreateSAMLProviderResult></CreateSAMLProviderResponse>`
		if r.PostForm.Get("Action") == "DeleteSAMLProvider" {
			answer = `<DeleteSAMLProviderResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"/>`
		}
		w.Header().Set("X-Amzn-RequestId", "4b29f1a7")
		if _, err := io.WriteString(w, answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)

	err := clientFor(server.URL).Providers().Create(context.WithoutCancel(t.Context()), arn, "<xml/>", nil)
	g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.NoCredentials))
	g.Expect(err).To(MatchError(ContainSubstring("credentials are of another account")))
	g.Expect(actions).To(Equal([]string{
		"CreateSAMLProvider corp",
		"DeleteSAMLProvider arn:aws:iam::999988887777:saml-provider/corp",
	}))
}
