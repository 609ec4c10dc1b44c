package exchange_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/idp"
	"attache.dev/attache/idp/exchange"
)

func TestEachErrorOfSTSBecomesARefusalThatSaysWhatToDo(t *testing.T) {
	tests := []struct {
		name          string
		status        int
		code, message string
		kind          idp.RefusalKind
		reason        string
		retry         bool
		want          []string
	}{
		{"a role that does not exist or does not trust", 403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML",
			idp.Denied, exchange.ReasonAssumeRoleDenied, false,
			[]string{grant().RoleARN, `"Federated": "` + grant().ProviderARN + `"`, `"sts:AssumeRoleWithSAML"`, `"SAML:aud": "https://signin.aws.amazon.com/saml"`, "Not authorized"}},
		{"a key that IAM does not hold", 400, "InvalidIdentityToken", "Response signature invalid",
			idp.Unavailable, exchange.ReasonSignatureNotTrusted, true, []string{grant().ProviderARN, "metadata"}},
		{"an issuer that IAM does not know", 400, "InvalidIdentityToken", "Issuer not present in specified provider",
			idp.Unavailable, exchange.ReasonIssuerNotTrusted, true, []string{grant().ProviderARN, "issuer"}},
		{"a provider that IAM does not have", 400, "InvalidIdentityToken", "Specified provider doesn't exist",
			idp.Unavailable, exchange.ReasonProviderNotInIAM, true, []string{grant().ProviderARN + " does not exist in IAM", "condition ProvidersSynced"}},
		{"an assertion for another role", 400, "InvalidIdentityToken", "SAML Assertion doesn't contain the requested Role and Metadata in the attributes",
			idp.Denied, exchange.ReasonAssertionRejected, false, []string{"requested Role and Metadata"}},
		{"a provider that demands encryption", 400, "InvalidIdentityToken", "Invalid base64 SAMLResponse (Service: AWSOpenIdDiscoveryService; Status Code: 400)",
			idp.Denied, exchange.ReasonAssertionRejected, false, []string{"assertion encryption mode to Allowed"}},
		{"a claim that STS rejects", 403, "IDPRejectedClaim", "rejected", idp.Denied, exchange.ReasonAssertionRejected, false, []string{"rejected"}},
		{"an assertion that is too old by AWS's clock", 400, "ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance",
			idp.Unavailable, exchange.ReasonAssertionExpired, true, []string{"clock", "within 5 minutes"}},
		{"a session longer than the role allows", 400, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
			idp.Denied, exchange.ReasonDurationTooLong, false, []string{"1h0m0s", "session.duration"}},
		{"another parameter that does not fit", 400, "ValidationError", "something else", idp.Denied, exchange.ReasonSTSRejected, false, []string{"ValidationError", "something else"}},
		{"a region that the account does not use", 403, "RegionDisabledException", "STS is not activated in this region",
			idp.Denied, exchange.ReasonRegionDisabled, false, []string{"eu-west-1", "111122223333"}},
		{"session policies and tags beyond the limit", 400, "PackedPolicyTooLarge", "110% of the limit",
			idp.Denied, exchange.ReasonSessionTooLarge, false, []string{"reports/uploader", "110%"}},
		{"a policy that does not parse", 400, "MalformedPolicyDocument", "syntax", idp.Denied, exchange.ReasonSTSRejected, false, []string{"MalformedPolicyDocument"}},
		{"throttling", 400, "Throttling", "Rate exceeded", idp.Throttled, exchange.ReasonSTSThrottled, true, []string{"eu-west-1", "Rate exceeded"}},
		{"throttling by another name", 429, "TooManyRequestsException", "slow down", idp.Throttled, exchange.ReasonSTSThrottled, true, nil},
		{"throttling by status 503", 503, "Throttling", "Rate exceeded", idp.Throttled, exchange.ReasonSTSThrottled, true, nil},
		{"a failure of STS", 500, "InternalFailure", "oops", idp.Unavailable, exchange.ReasonSTSUnavailable, true, []string{"does not answer"}},
		{"a code that nobody knows", 400, "Surprise", "boo", idp.Denied, exchange.ReasonSTSRejected, false, []string{"Surprise", "boo"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			refusal := refusalOfAnswer(t, func(w http.ResponseWriter) { relay(w, failure(tt.status, tt.code, tt.message)) })
			g.Expect(refusal.Kind).To(Equal(tt.kind))
			g.Expect(refusal.Reason).To(Equal(tt.reason))
			g.Expect(refusal.RetryAfter > 0).To(Equal(tt.retry), "%s", refusal.RetryAfter)
			g.Expect(refusal.AWSRequestID).To(Equal("req-2"))
			g.Expect(refusal.Err).To(HaveOccurred())
			for _, want := range tt.want {
				g.Expect(unquoted(refusal.Message)).To(ContainSubstring(want))
			}
		})
	}
}

func TestAnswersThatAreNotOfSTSAreUnavailable(t *testing.T) {
	tests := []struct {
		name   string
		answer func(http.ResponseWriter)
	}{
		{"a proxy's page", func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<html><body>Forbidden<br></body></html>")
		}},
		{"success without credentials", func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, `<AssumeRoleWithSAMLResponse><AssumeRoleWithSAMLResult></AssumeRoleWithSAMLResult></AssumeRoleWithSAMLResponse>`)
		}},
		{"success with half of the credentials", func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, `<AssumeRoleWithSAMLResponse><AssumeRoleWithSAMLResult><Credentials><AccessKeyId>ASIA</AccessKeyId></Credentials></AssumeRoleWithSAMLResult></AssumeRoleWithSAMLResponse>`)
		}},
		{"nothing", func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }},
		{"a connection that breaks", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			refusal := refusalOfAnswer(t, tt.answer)
			g.Expect(refusal.Kind).To(Equal(idp.Unavailable))
			g.Expect(refusal.Reason).To(Equal(exchange.ReasonSTSUnavailable))
			g.Expect(refusal.RetryAfter).To(BeNumerically(">", 0))
		})
	}
}

func TestSTSMayTellWhenToComeAgain(t *testing.T) {
	tests := []struct {
		name, header, code string
		want               time.Duration
	}{
		{"in seconds", "7", "Throttling", 7 * time.Second},
		{"but not in an hour", "3600", "Throttling", time.Minute},
		{"not in the past", "-1", "Throttling", 2 * time.Second},
		{"not where coming again does not help", "7", "AccessDenied", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			refusal := refusalOfAnswer(t, func(w http.ResponseWriter) {
				w.Header().Set("Retry-After", tt.header)
				relay(w, failure(400, tt.code, "message"))
			})
			NewWithT(t).Expect(refusal.RetryAfter).To(Equal(tt.want))
		})
	}
}

func TestARedirectDoesNotGetTheAssertion(t *testing.T) {
	g := NewWithT(t)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the assertion was sent on")
	}))
	defer elsewhere.Close()
	refusal := refusalOfAnswer(t, func(w http.ResponseWriter) {
		w.Header().Set("Location", elsewhere.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	g.Expect(refusal.Kind).To(Equal(idp.Unavailable))
}

func TestNoRefusalHoldsTheAssertion(t *testing.T) {
	tests := []struct{ name, message string }{
		{"repeated whole", "1 validation error detected: Value '" + encoded + "' at 'sAMLAssertion' failed"},
		{"cut at both ends", "Value '..." + encoded[5:45] + "...' failed"},
		{"in a very long message", strings.Repeat("x", 1<<20) + encoded},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			refusal := refusalOfAnswer(t, func(w http.ResponseWriter) { relay(w, failure(400, "ValidationError", tt.message)) })
			g.Expect(refusal.Reason).To(Equal(exchange.ReasonSTSRejected))
			for cause := error(refusal); cause != nil; cause = errors.Unwrap(cause) {
				for _, said := range []string{fmt.Sprintf("%v", cause), fmt.Sprintf("%+v", cause), fmt.Sprintf("%#v", cause)} {
					g.Expect(said).NotTo(ContainSubstring(encoded[10:26]))
				}
			}
			g.Expect(refusal.Message).NotTo(ContainSubstring(encoded[10:26]))
		})
	}
}

func TestALongMessageIsCutShort(t *testing.T) {
	g := NewWithT(t)
	refusal := refusalOfAnswer(t, func(w http.ResponseWriter) { relay(w, failure(400, "Surprise", strings.Repeat("é", 1000))) })
	g.Expect(len(refusal.Message)).To(BeNumerically("<", 700))
	g.Expect(refusal.Message).To(HaveSuffix(`é..."`))
}

// refusalOfAnswer asks a server that answers like that.
func refusalOfAnswer(t *testing.T, respond func(http.ResponseWriter)) *idp.Refusal {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { respond(w) }))
	defer server.Close()
	wanted := grant()
	wanted.STSEndpoint = server.URL
	c, cached, err := newExchanger(t, exchange.Options{}).Credentials(t.Context(), wanted, subject(), asserting)
	g := NewWithT(t)
	g.Expect(c).To(Equal(idp.Credentials{}))
	g.Expect(cached).To(BeFalse())
	return refusalIn(g, err)
}

func relay(w http.ResponseWriter, r *http.Response) {
	defer r.Body.Close()
	w.WriteHeader(r.StatusCode)
	_, _ = io.Copy(w, r.Body)
}

// unquoted undoes the quoting of AWS's own words.
func unquoted(s string) string { return strings.ReplaceAll(s, `\"`, `"`) }
