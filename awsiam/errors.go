package awsiam

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Kind is what an error asks the caller to do.
type Kind string

const (
	// Throttled: too many calls; back off.
	Throttled Kind = "Throttled"
	// Conflict: IAM is busy with the same entity; try again soon.
	Conflict Kind = "Conflict"
	// Denied: the operator's identity may not do Error.Action.
	Denied Kind = "Denied"
	// NotFound: the entity does not exist.
	NotFound Kind = "NotFound"
	// AlreadyExists: the name is taken.
	AlreadyExists Kind = "AlreadyExists"
	// QuotaExceeded: a quota of the account is used up; a person must raise it or make room.
	QuotaExceeded Kind = "QuotaExceeded"
	// DeleteConflict: something else keeps IAM from deleting the entity.
	DeleteConflict Kind = "DeleteConflict"
	// Invalid: IAM does not take the input; a person must act.
	Invalid Kind = "Invalid"
	// Unavailable: IAM failed or could not be reached; try again.
	Unavailable Kind = "Unavailable"
	// NoCredentials: there are no credentials, or IAM does not accept them, or they are of another
	// account.
	NoCredentials Kind = "NoCredentials"
)

// Error is why a call to IAM failed.
type Error struct {
	Kind Kind
	// Operation is the API operation, such as CreateSAMLProvider.
	Operation string
	// Action is the missing permission, such as iam:TagSAMLProvider, when Kind is Denied.
	Action string
	// Code and Message are AWS's, where AWS answered.
	Code, Message string
	// RequestID of the call, where AWS answered.
	RequestID string
	// Err is the SDK's error.
	Err error
}

// Error implements error. It is equal for equal failures: the request ID, which differs at each
// try, is left out so that a condition made from it stays as it is.
func (e *Error) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("%s: %s", e.Operation, e.Message)
	}
	return fmt.Sprintf("%s: %s: %s", e.Operation, e.Code, e.Message)
}

// Unwrap returns the SDK's error.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of an error of this package, and Unavailable for any other.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Unavailable
}

// kinds of the codes that IAM answers with (IAM API reference, "Common Errors" and the errors of
// each operation on SAML providers and roles).
var kinds = map[string]Kind{
	"Throttling":                    Throttled,
	"ThrottlingException":           Throttled,
	"RequestLimitExceeded":          Throttled,
	"TooManyRequests":               Throttled,
	"ConcurrentModification":        Conflict,
	"EntityTemporarilyUnmodifiable": Conflict,
	"AccessDenied":                  Denied,
	"AccessDeniedException":         Denied,
	"UnauthorizedOperation":         Denied,
	"NotAuthorized":                 Denied,
	"NoSuchEntity":                  NotFound,
	"EntityAlreadyExists":           AlreadyExists,
	"InvalidInput":                  Invalid,
	"ValidationError":               Invalid,
	"LimitExceeded":                 QuotaExceeded,
	"DeleteConflict":                DeleteConflict,
	"PolicyNotAttachable":           Invalid,
	"UnmodifiableEntity":            Invalid,
	"InvalidParameterValue":         Invalid,
	"ServiceFailure":                Unavailable,
	"InternalFailure":               Unavailable,
	"ServiceUnavailable":            Unavailable,
	"RequestExpired":                Unavailable,
	"InvalidClientTokenId":          NoCredentials,
	"SignatureDoesNotMatch":         NoCredentials,
	"IncompleteSignature":           NoCredentials,
	"MissingAuthenticationToken":    NoCredentials,
	"ExpiredToken":                  NoCredentials,
	"OptInRequired":                 NoCredentials,
}

// deniedAction finds the action in IAM's words (IAM User Guide, "Troubleshoot access denied error
// messages").
var deniedAction = regexp.MustCompile(`not authorized to perform: ([a-z0-9-]+:[A-Za-z0-9]+)`)

// noCode is the SDK's code for an error whose answer has none: IAM's always have one.
const noCode = "UnknownError"

// classify returns nil for nil and otherwise an *Error.
func classify(operation string, err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Kind: Unavailable, Operation: operation, Message: unreachable(err), Err: err}
	var withID interface{ ServiceRequestID() string }
	if errors.As(err, &withID) {
		e.RequestID = withID.ServiceRequestID()
	}
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == noCode {
		e.Message = unreachable(errForeign)
	} else if api != nil {
		e.Code, e.Message = api.ErrorCode(), api.ErrorMessage()
		e.Kind = kindOfCode(api.ErrorCode(), statusOf(err))
	}
	if e.Kind == Denied {
		e.Action = "iam:" + operation
		if m := deniedAction.FindStringSubmatch(e.Message); m != nil {
			e.Action = m[1]
		}
	}
	return e
}

// kindOfCode knows codes with and without the suffix Exception, as the SDK's models and the wire
// differ in it. What it does not know is tried again: a wrong Invalid would stall for good.
func kindOfCode(code string, status int) Kind {
	short := strings.TrimSuffix(code, "Exception")
	if k, ok := kinds[short]; ok {
		return k
	}
	if k, ok := kinds[code]; ok {
		return k
	}
	if strings.HasPrefix(short, "Malformed") {
		return Invalid
	}
	if status == http.StatusTooManyRequests {
		return Throttled
	}
	return Unavailable
}

func statusOf(err error) int {
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

// incomplete is an answer without what such an answer always has: it is not IAM's.
func incomplete(operation string) *Error {
	return &Error{Kind: Unavailable, Operation: operation, Message: unreachable(errForeign), Err: errForeign}
}
