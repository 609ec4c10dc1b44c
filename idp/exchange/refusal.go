package exchange

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/idp"
)

// Reasons of this package's refusals.
const (
	// ReasonAssumeRoleDenied means that there is no such role, or that its trust policy does not hold.
	ReasonAssumeRoleDenied = "AssumeRoleDenied"
	// ReasonRoleNotReady means that a managed role may not be assumed: it does not exist yet, or STS does
	// not know it or its trust policy yet.
	ReasonRoleNotReady = "RoleNotReady"
	// ReasonProviderNotInIAM means that IAM has no SAML provider of that ARN, or that STS does not know
	// it yet.
	ReasonProviderNotInIAM = "ProviderNotInIAM"
	// ReasonSignatureNotTrusted means that IAM's SAML provider does not hold the signing key.
	ReasonSignatureNotTrusted = "SignatureNotTrusted"
	// ReasonIssuerNotTrusted means that IAM's SAML provider holds another entity ID.
	ReasonIssuerNotTrusted = "IssuerNotTrusted"
	// ReasonAssertionRejected means that STS does not take the assertion for another cause.
	ReasonAssertionRejected = "AssertionRejected"
	// ReasonAssertionExpired means that by AWS's clock the assertion is too old.
	ReasonAssertionExpired = "AssertionExpired"
	// ReasonDurationTooLong means that the role does not allow sessions that long.
	ReasonDurationTooLong = "DurationTooLong"
	// ReasonRegionDisabled means that the account does not use STS in the region.
	ReasonRegionDisabled = "RegionDisabled"
	// ReasonSessionTooLarge means that session policies and tags are too large together.
	ReasonSessionTooLarge = "SessionTooLarge"
	// ReasonSTSRejected means that STS refuses the request with a code that has no reason of its own.
	ReasonSTSRejected = "STSRejected"
	// ReasonSTSThrottled means that STS gets more requests than it takes.
	ReasonSTSThrottled = "STSThrottled"
	// ReasonSTSUnavailable means that STS cannot be reached or fails.
	ReasonSTSUnavailable = "STSUnavailable"
	// ReasonAssertionFailed means that no assertion could be made.
	ReasonAssertionFailed = "AssertionFailed"
	// ReasonCallerGone means that the caller did not wait for the answer.
	ReasonCallerGone = "CallerGone"
)

const (
	// throttledRetryAfter and unavailableRetryAfter hold when STS does not say itself.
	throttledRetryAfter   = 2 * time.Second
	unavailableRetryAfter = 2 * time.Second
	// syncRetryAfter is about what IAM needs to tell STS of a change.
	syncRetryAfter = 10 * time.Second
	// maxRetryAfter bounds what an endpoint may ask for.
	maxRetryAfter = time.Minute

	// maxAWSMessage is how much of AWS's own words a message quotes, in bytes, and maxErrorText what an
	// error may have to be kept as a cause.
	maxAWSMessage = 512
	maxErrorText  = 4 << 10
)

func callerGone(cause error) *idp.Refusal {
	return &idp.Refusal{
		Kind: idp.Unavailable, Reason: ReasonCallerGone, RetryAfter: time.Second, Err: cause,
		Message: "the request ended before STS answered; ask again, the answer is remembered when it comes",
	}
}

func assertionFailed(cause error) *idp.Refusal {
	return &idp.Refusal{
		Kind: idp.Unavailable, Reason: ReasonAssertionFailed, RetryAfter: unavailableRetryAfter, Err: cause,
		Message: "the identity provider could not make an assertion; its log says why",
	}
}

// refusalOf says what an error of STS means for the grant.
func refusalOf(err error, g idp.Grant, assertion string) *idp.Refusal {
	r := explain(err, g)
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		r.AWSRequestID = response.RequestID
		if wait, ok := retryAfter(response); ok && r.RetryAfter > 0 {
			r.RetryAfter = wait
		}
	}
	if text := err.Error(); len(text) > maxErrorText || echoes(text, assertion) {
		r.Err = fmt.Errorf("STS answered %q with status %d and a message that is too long or repeats the assertion", codeOf(err), statusOf(err))
		return r
	}
	r.Err = err
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorMessage() != "" {
		r.Message += "; STS says: " + strconv.Quote(truncate(api.ErrorMessage(), maxAWSMessage))
	}
	return r
}

// explain chooses kind, reason and words. Which codes there are: AWS STS API Reference,
// "AssumeRoleWithSAML", and the messages that STS was seen to give.
func explain(err error, g idp.Grant) *idp.Refusal {
	var api smithy.APIError
	if throttled(err) {
		return &idp.Refusal{Kind: idp.Throttled, Reason: ReasonSTSThrottled, RetryAfter: throttledRetryAfter,
			Message: fmt.Sprintf("STS in %s gets more requests than it takes; try again later", g.Region)}
	}
	if status := statusOf(err); !errors.As(err, &api) || status >= http.StatusInternalServerError || status < http.StatusBadRequest {
		return &idp.Refusal{Kind: idp.Unavailable, Reason: ReasonSTSUnavailable, RetryAfter: unavailableRetryAfter,
			Message: fmt.Sprintf("STS in %s does not answer; try again", g.Region)}
	}
	switch api.ErrorCode() {
	case "AccessDenied", "AccessDeniedException":
		if managed(g) {
			return &idp.Refusal{Kind: idp.Unavailable, Reason: ReasonRoleNotReady, RetryAfter: syncRetryAfter,
				Message: fmt.Sprintf("%s may not be assumed: the operator makes this role and its trust policy, which takes some seconds to reach STS; condition RoleSynced of RoleMapping %s says how far it is", g.RoleARN, g.Mapping)}
		}
		return denied(ReasonAssumeRoleDenied, `%s may not be assumed: either the role does not exist, or its trust policy does not admit the provider (that of another RoleMapping's managed role never does); write {"Effect": "Allow", "Principal": {"Federated": %q}, "Action": "sts:AssumeRoleWithSAML", "Condition": {"StringEquals": {"SAML:aud": %q}}} in it; a change takes some seconds to reach STS`,
			g.RoleARN, g.ProviderARN, partition.OfRegion(g.Region).ACS)
	case "InvalidIdentityToken":
		return explainInvalidToken(api.ErrorMessage(), g)
	case "IDPRejectedClaim":
		return denied(ReasonAssertionRejected, "STS rejects what the assertion of %s says", g.ProviderARN)
	case "ExpiredTokenException":
		return &idp.Refusal{Kind: idp.Unavailable, Reason: ReasonAssertionExpired, RetryAfter: unavailableRetryAfter,
			Message: "STS takes the assertion, which was just made, for expired: set the clock of the identity provider's node"}
	case "ValidationError":
		if strings.Contains(api.ErrorMessage(), "MaxSessionDuration") {
			return denied(ReasonDurationTooLong, "%s does not allow sessions of %s: write a shorter session.duration, or raise the role's maximum session duration", g.RoleARN, g.Duration)
		}
	case "RegionDisabledException":
		return denied(ReasonRegionDisabled, "account %s does not use STS in %s: activate the region in IAM's account settings, or write another region", g.AccountID, g.Region)
	case "PackedPolicyTooLarge":
		return denied(ReasonSessionTooLarge, "the session policies and tags of %s are too large together: write fewer or shorter ones", g.Mapping)
	}
	return denied(ReasonSTSRejected, "STS refuses the request with %s", api.ErrorCode())
}

// explainInvalidToken tells apart what STS reports under one code.
func explainInvalidToken(message string, g idp.Grant) *idp.Refusal {
	switch {
	case strings.Contains(message, "provider doesn't exist"):
		return &idp.Refusal{Kind: idp.Unavailable, Reason: ReasonProviderNotInIAM, RetryAfter: syncRetryAfter,
			Message: fmt.Sprintf("%s does not exist in IAM, or not yet as STS sees it: condition ProvidersSynced of its SAMLProvider says whether the operator could create it", g.ProviderARN)}
	case strings.Contains(message, "signature invalid"):
		return &idp.Refusal{Kind: idp.Unavailable, Reason: ReasonSignatureNotTrusted, RetryAfter: syncRetryAfter,
			Message: fmt.Sprintf("%s does not hold the key that signed the assertion: its metadata must be that of this identity provider", g.ProviderARN)}
	case strings.Contains(message, "Issuer not present"):
		return &idp.Refusal{Kind: idp.Unavailable, Reason: ReasonIssuerNotTrusted, RetryAfter: syncRetryAfter,
			Message: fmt.Sprintf("%s knows another issuer: its metadata must be that of this identity provider", g.ProviderARN)}
	default:
		return denied(ReasonAssertionRejected, "STS does not take the assertion for %s; if the provider demands encryption, set its assertion encryption mode to Allowed", g.ProviderARN)
	}
}

// managed reports whether the role is one that the operator makes: only their sessions carry the
// mapping's tag.
func managed(g idp.Grant) bool {
	return slices.ContainsFunc(g.Tags, func(t idp.Tag) bool { return t.Key == idp.MappingTag })
}

func denied(reason, format string, args ...any) *idp.Refusal {
	return &idp.Refusal{Kind: idp.Denied, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

func throttled(err error) bool {
	_, byCode := retry.DefaultThrottleErrorCodes[codeOf(err)]
	return byCode || statusOf(err) == http.StatusTooManyRequests
}

func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func statusOf(err error) int {
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

// retryAfter reads the header in its form of seconds (RFC 9110, section 10.2.3).
func retryAfter(response *awshttp.ResponseError) (time.Duration, bool) {
	seconds, err := strconv.Atoi(response.Response.Header.Get("Retry-After"))
	if err != nil || seconds <= 0 {
		return 0, false
	}
	return min(time.Duration(seconds)*time.Second, maxRetryAfter), true
}

// echoes reports whether text repeats a part of the assertion, as STS does when it complains of a
// parameter's value.
func echoes(text, assertion string) bool {
	const part = 16
	for i := 0; i+part <= len(text); i++ {
		if strings.Contains(assertion, text[i:i+part]) {
			return true
		}
	}
	return false
}

func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}
