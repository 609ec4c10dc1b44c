package idp

import (
	"fmt"
	"time"
)

// RefusalKind tells a door how to answer.
type RefusalKind string

const (
	// Malformed: the request itself is wrong; the caller must send another.
	Malformed RefusalKind = "Malformed"
	// Unauthenticated: the token does not prove who asks.
	Unauthenticated RefusalKind = "Unauthenticated"
	// Denied: the subject is known and may not have this.
	Denied RefusalKind = "Denied"
	// Throttled: too many requests; try again after RetryAfter.
	Throttled RefusalKind = "Throttled"
	// Unavailable: something this IdP needs does not answer; try again after RetryAfter.
	Unavailable RefusalKind = "Unavailable"
)

// Refusal is why a request got no credentials. Every step refuses with one, and the HTTP answer,
// the audit line and the metric are made from it alone.
type Refusal struct {
	Kind RefusalKind
	// Reason is a CamelCase word from a closed set, fit for a metric label.
	Reason string
	// Message tells the caller what is wrong and what to do instead. It holds no secret.
	Message string
	// RetryAfter is when to try again; zero when trying again does not help.
	RetryAfter time.Duration
	// AWSRequestID is that of the AWS call that failed, if one did.
	AWSRequestID string
	// Err is the cause, for the operator's log only.
	Err error
}

// Error implements error. It leaves the cause out: what is in it is not for the caller.
func (r *Refusal) Error() string { return fmt.Sprintf("%s: %s", r.Reason, r.Message) }

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Err }
