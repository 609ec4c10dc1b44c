package access

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"attache.dev/attache/awsiam"
)

// signIn is the operation of errors that no call to AWS ended with.
const signIn = "SignIn"

// failedError carries an Error through the SDK, which hands on what a credentials provider returns:
// by its code package awsiam finds the kind again.
type failedError struct{ err *awsiam.Error }

var _ smithy.APIError = (*failedError)(nil)

func (e *failedError) Error() string        { return e.err.Error() }
func (e *failedError) Unwrap() error        { return e.err }
func (e *failedError) ErrorMessage() string { return e.err.Message }

// codes by which package awsiam knows the kinds.
var codes = map[awsiam.Kind]string{
	awsiam.NoCredentials: "MissingAuthenticationToken",
	awsiam.Denied:        "AccessDenied",
	awsiam.Throttled:     "Throttling",
	awsiam.Unavailable:   "ServiceUnavailable",
	awsiam.Invalid:       "ValidationError",
}

// ErrorCode implements smithy.APIError.
func (e *failedError) ErrorCode() string { return codes[e.err.Kind] }

// ErrorFault implements smithy.APIError.
func (e *failedError) ErrorFault() smithy.ErrorFault {
	if e.err.Kind == awsiam.Unavailable {
		return smithy.FaultServer
	}
	return smithy.FaultClient
}

func invalid(message string) *awsiam.Error {
	return &awsiam.Error{Kind: awsiam.Invalid, Operation: signIn, Message: message}
}

func noCredentials(message string) *awsiam.Error {
	return &awsiam.Error{Kind: awsiam.NoCredentials, Operation: signIn, Message: message}
}

func unavailable(message string, cause error) *awsiam.Error {
	return &awsiam.Error{Kind: awsiam.Unavailable, Operation: signIn, Message: message, Err: cause}
}

// ambientError marks that the ambient credentials could not be got, among the errors of a call.
type ambientError struct{ err error }

func (e *ambientError) Error() string { return e.err.Error() }
func (e *ambientError) Unwrap() error { return e.err }

// rejected are STS's codes for credentials that it does not take (AWS STS API Reference, "Common
// Errors").
var rejected = map[string]bool{
	"ExpiredToken": true, "ExpiredTokenException": true, "IncompleteSignature": true, "InvalidClientTokenId": true,
	"MissingAuthenticationToken": true, "OptInRequired": true, "SignatureDoesNotMatch": true, "UnrecognizedClientException": true,
}

// explain says what a failed call to STS means. Of AWS's answer it keeps code and request ID alone:
// its message may repeat what was sent, a session token included.
func explain(operation string, a Account, m Method, err error) *awsiam.Error {
	e := &awsiam.Error{Operation: operation}
	var ambient *ambientError
	if errors.As(err, &ambient) {
		e.Kind, e.Message = awsiam.NoCredentials, "the AWS SDK's default chain found no credentials: "+m.remedy(a)
		return e
	}
	var response *awshttp.ResponseError
	status := 0
	if errors.As(err, &response) {
		e.RequestID, status = response.RequestID, response.HTTPStatusCode()
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		e.Code = api.ErrorCode()
	}
	_, throttled := retry.DefaultThrottleErrorCodes[e.Code]
	switch {
	case throttled, status == http.StatusTooManyRequests:
		e.Kind, e.Message = awsiam.Throttled, fmt.Sprintf("STS in %s gets more requests than it takes", a.Region)
	case e.Code == "" || status >= http.StatusInternalServerError || status < http.StatusBadRequest:
		e.Kind, e.Message = awsiam.Unavailable, fmt.Sprintf("STS in %s does not answer: look at what stands between the operator and it, and at endpoints.sts", a.Region)
		if response == nil {
			e.Err = err
		}
	case rejected[e.Code]:
		e.Kind, e.Message = awsiam.NoCredentials, fmt.Sprintf("AWS does not take the credentials for account %s: %s", a.ID, m.remedy(a))
	case e.Code == "RegionDisabledException":
		e.Kind, e.Message = awsiam.NoCredentials, regionDisabled(a)
	case e.Code == "AccessDenied", e.Code == "AccessDeniedException":
		e.Kind, e.Action = awsiam.Denied, "sts:"+operation
		e.Message = fmt.Sprintf("not authorized to perform: %s in account %s: %s", e.Action, a.ID, m.remedy(a))
	default:
		e.Kind, e.Message = awsiam.Invalid, fmt.Sprintf("STS refuses %s in account %s", operation, a.ID)
	}
	return e
}

func regionDisabled(a Account) string {
	return fmt.Sprintf("account %s does not use STS in %s: activate the region in IAM's account settings, or write another region", a.ID, a.Region)
}
