package limit

import (
	"errors"
	"time"

	"github.com/aws/smithy-go"
)

// HeldBackError is why a call was not made. It is a smithy.APIError with AWS's own code for
// throttling, so that package awsiam turns it into an Error of kind Throttled.
type HeldBackError struct {
	// AccountID in whose IAM the call would have been.
	AccountID string
	// RetryAfter is how long to wait before the work is tried again.
	RetryAfter time.Duration
}

var _ smithy.APIError = (*HeldBackError)(nil)

// Error implements error. It is equal for each call of an account: the time to wait is left out.
func (e *HeldBackError) Error() string { return e.ErrorMessage() }

// ErrorCode implements smithy.APIError.
func (e *HeldBackError) ErrorCode() string { return "Throttling" }

// ErrorMessage implements smithy.APIError.
func (e *HeldBackError) ErrorMessage() string {
	return "the operator holds back calls to the IAM of account " + e.AccountID + " to leave room for others; this is tried again of itself"
}

// ErrorFault implements smithy.APIError.
func (e *HeldBackError) ErrorFault() smithy.ErrorFault { return smithy.FaultClient }

// RetryAfter returns how long to wait before the work that ended with err is tried again, if it was
// held back here. For what AWS throttled the caller backs off on its own.
func RetryAfter(err error) (time.Duration, bool) {
	var held *HeldBackError
	if !errors.As(err, &held) {
		return 0, false
	}
	return held.RetryAfter, true
}
