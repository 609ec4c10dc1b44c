package awsfake

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"
)

// FaultKind is what a fault does to a call.
type FaultKind string

// The kinds of faults.
const (
	// FaultThrottle answers Throttling, status 400.
	FaultThrottle FaultKind = "throttle"
	// FaultUnavailable answers ServiceUnavailable, status 503.
	FaultUnavailable FaultKind = "unavailable"
	// FaultDeny answers AccessDenied in the words of a missing permission.
	FaultDeny FaultKind = "deny"
	// FaultDelay holds the call back and then lets it through.
	FaultDelay FaultKind = "delay"
	// FaultFail answers Status, Code and Message.
	FaultFail FaultKind = "fail"
	// FaultReset resets the TCP connection instead of an answer.
	FaultReset FaultKind = "reset"
	// FaultGarbage answers status 200 with a body that is no XML.
	FaultGarbage FaultKind = "garbage"
	// FaultTruncate carries the call out and answers the first half of the body.
	FaultTruncate FaultKind = "truncate"
)

var faultKinds = []FaultKind{
	FaultThrottle, FaultUnavailable, FaultDeny, FaultDelay, FaultFail, FaultReset, FaultGarbage, FaultTruncate,
}

// AnyOperation as a Fault's operation stands for all of them.
const AnyOperation = "*"

// Duration is a time.Duration that is written "2s" in JSON.
type Duration time.Duration

// MarshalText writes the form of time.Duration.String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads the form of time.ParseDuration.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// Fault makes calls of one operation fail. Of several faults that match a call,
// the first one added is taken.
type Fault struct {
	// Operation is a name such as "CreateSAMLProvider", or AnyOperation.
	Operation string    `json:"operation"`
	Kind      FaultKind `json:"kind"`
	// Resource confines the fault to calls that send it as RoleName, RoleArn,
	// SAMLProviderArn, PrincipalArn, PolicyArn, PolicyName, InstanceProfileName,
	// UserName or Name, word for word; of S3, BUCKET or BUCKET/KEY. Empty is any.
	Resource string `json:"resource,omitempty"`
	// Account confines the fault to calls of that account's keys and, of STS, to
	// those about its roles and SAML providers. Empty is any.
	Account string `json:"account,omitempty"`
	// Status, Code and Message are the answer of the kind fail: a status from 400 to
	// 599 and a code such as "ConcurrentModification".
	Status  int    `json:"status,omitempty"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	// After carries the call out before the fault acts, so that the caller cannot
	// know whether it was.
	After bool `json:"after,omitempty"`
	// Count is how many calls it meets; 0 means all until it is cleared.
	Count int `json:"count,omitempty"`
	// Delay passes before the fault acts; real time, whatever the clock.
	Delay Duration `json:"delay,omitempty"`
}

var errorCode = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9.]*$`)

func (f Fault) validate() error {
	op := operationNamed(f.Operation)
	switch {
	case op == nil && f.Operation != AnyOperation:
		return fmt.Errorf("operation %q is not one that awsfake has: write one such as CreateSAMLProvider, or *", f.Operation)
	case !slices.Contains(faultKinds, f.Kind):
		return fmt.Errorf("kind %q is not one of throttle, unavailable, deny, delay, fail, reset, garbage, truncate", f.Kind)
	case f.Kind == FaultDeny && (op == nil || op.free):
		return fmt.Errorf("AWS never denies %s: name another operation", f.Operation)
	case f.Kind == FaultDeny && f.After:
		return fmt.Errorf("a call that is denied is never carried out: leave after away")
	case f.Count < 0 || f.Delay < 0:
		return fmt.Errorf("count and delay must not be negative")
	case f.Kind == FaultDelay && f.Delay == 0:
		return fmt.Errorf("a fault of kind delay needs a delay such as 2s")
	}
	return f.validateAnswer()
}

func (f Fault) validateAnswer() error {
	switch {
	case f.Kind != FaultFail && (f.Status != 0 || f.Code != "" || f.Message != ""):
		return fmt.Errorf("status, code and message belong to the kind fail, not to %s", f.Kind)
	case f.Kind != FaultFail:
		return nil
	case f.Status < http.StatusBadRequest || f.Status > 599:
		return fmt.Errorf("status %d of a fault is not from 400 to 599", f.Status)
	case !errorCode.MatchString(f.Code):
		return fmt.Errorf("code %q is no error code: write one such as ConcurrentModification", f.Code)
	}
	return nil
}

// concern is what a call is about.
type concern struct {
	operation           string
	resources, accounts []string
}

func (f Fault) matches(c concern) bool {
	return (f.Operation == c.operation || f.Operation == AnyOperation) &&
		(f.Resource == "" || slices.Contains(c.resources, f.Resource)) &&
		(f.Account == "" || slices.Contains(c.accounts, f.Account))
}

// act does to a call what the fault says; carryOut is the call itself.
func (f Fault) act(ctx context.Context, c *call, carryOut func() (any, error)) (any, error) {
	var result any
	var err error
	if f.After {
		result, err = carryOut()
	}
	if waitErr := wait(ctx, time.Duration(f.Delay)); waitErr != nil {
		return nil, waitErr
	}
	switch f.Kind {
	case FaultThrottle:
		return nil, throttling()
	case FaultUnavailable:
		return nil, errorf(http.StatusServiceUnavailable, "ServiceUnavailable", "The request has failed due to a temporary failure of the server.")
	case FaultFail:
		return nil, errorf(f.Status, f.Code, "%s", f.Message)
	case FaultReset, FaultGarbage:
		c.damage = f.Kind
		return result, err
	case FaultTruncate:
		c.damage = f.Kind
	case FaultDeny:
		c.denied = true
	}
	if f.After {
		return result, err
	}
	return carryOut()
}

func wait(ctx context.Context, delay time.Duration) error {
	if delay == 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// faultQueue holds the faults still to come.
type faultQueue struct {
	mu     sync.Mutex
	faults []Fault
}

func (q *faultQueue) add(f Fault) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.faults = append(q.faults, f)
}

func (q *faultQueue) list() []Fault {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.faults)
}

func (q *faultQueue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.faults = nil
}

// take returns the next fault for a call and counts it.
func (q *faultQueue) take(c concern) (Fault, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.faults {
		f := q.faults[i]
		if !f.matches(c) {
			continue
		}
		if f.Count == 1 {
			q.faults = slices.Delete(q.faults, i, i+1)
		} else if f.Count > 1 {
			q.faults[i].Count--
		}
		return f, true
	}
	return Fault{}, false
}
