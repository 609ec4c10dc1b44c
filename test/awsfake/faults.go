package awsfake

import (
	"context"
	"fmt"
	"net/http"
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
)

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
	// Count is how many calls it meets; 0 means all until it is cleared.
	Count int `json:"count,omitempty"`
	// Delay holds a call back before anything else; real time, whatever the clock.
	Delay Duration `json:"delay,omitempty"`
}

func (f Fault) validate() error {
	op := operations[f.Operation]
	switch {
	case op == nil && f.Operation != AnyOperation:
		return fmt.Errorf("operation %q is not one that awsfake has: write one such as CreateSAMLProvider, or *", f.Operation)
	case f.Kind == FaultDeny && (op == nil || op.free):
		return fmt.Errorf("AWS never denies %s: name another operation", f.Operation)
	case !slices.Contains([]FaultKind{FaultThrottle, FaultUnavailable, FaultDeny, FaultDelay}, f.Kind):
		return fmt.Errorf("kind %q is not one of throttle, unavailable, deny, delay", f.Kind)
	case f.Count < 0 || f.Delay < 0:
		return fmt.Errorf("count and delay must not be negative")
	case f.Kind == FaultDelay && f.Delay == 0:
		return fmt.Errorf("a fault of kind delay needs a delay such as 2s")
	}
	return nil
}

// Call is one entry of the call log. It holds neither secrets nor assertions.
type Call struct {
	// Operation is empty if the call named none that exists.
	Operation string    `json:"operation"`
	Time      time.Time `json:"time"`
	Status    int       `json:"status"`
	// Code is the error code, empty for success.
	Code string `json:"code,omitempty"`
	// Principal is the caller's ARN, empty for calls without a valid signature.
	Principal string `json:"principal,omitempty"`
	RequestID string `json:"requestID"`
}

// maxCalls bounds the call log; the oldest half is dropped when it is full.
const maxCalls = 20000

// Control sets faults and reads the call log, in process (Server.Control) or over
// HTTP (NewControlClient).
type Control interface {
	// AddFault adds a fault; the error says what to write instead.
	AddFault(ctx context.Context, f Fault) error
	// Faults returns the faults still to come, counts as they are now.
	Faults(ctx context.Context) ([]Fault, error)
	// ClearFaults takes all faults away.
	ClearFaults(ctx context.Context) error
	// Calls returns the log, of one operation or, with "", of all.
	Calls(ctx context.Context, operation string) ([]Call, error)
	// ClearCalls empties the log.
	ClearCalls(ctx context.Context) error
}

// Control returns the server's own Control.
func (s *Server) Control() Control { return s.control }

// localControl is the state behind Control.
type localControl struct {
	mu     sync.Mutex
	faults []Fault
	calls  []Call
}

func (l *localControl) AddFault(_ context.Context, f Fault) error {
	if err := f.validate(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = append(l.faults, f)
	return nil
}

func (l *localControl) Faults(context.Context) ([]Fault, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.faults), nil
}

func (l *localControl) ClearFaults(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = nil
	return nil
}

func (l *localControl) Calls(_ context.Context, operation string) ([]Call, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	calls := []Call{}
	for _, c := range l.calls {
		if operation == "" || c.Operation == operation {
			calls = append(calls, c)
		}
	}
	return calls, nil
}

func (l *localControl) ClearCalls(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = nil
	return nil
}

func (l *localControl) record(c Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.calls) >= maxCalls {
		l.calls = slices.Clone(l.calls[maxCalls/2:])
	}
	l.calls = append(l.calls, c)
}

// apply lets the next fault of the operation act. denied asks the caller to fail
// the authorization, which words the answer.
func (l *localControl) apply(ctx context.Context, operation string) (denied bool, err error) {
	f, found := l.take(operation)
	if !found {
		return false, nil
	}
	if f.Delay > 0 {
		timer := time.NewTimer(time.Duration(f.Delay))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	switch f.Kind {
	case FaultThrottle:
		return false, errorf(http.StatusBadRequest, "Throttling", "Rate exceeded")
	case FaultUnavailable:
		return false, errorf(http.StatusServiceUnavailable, "ServiceUnavailable", "The request has failed due to a temporary failure of the server.")
	default:
		return f.Kind == FaultDeny, nil
	}
}

func (l *localControl) take(operation string) (Fault, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.faults {
		f := l.faults[i]
		if f.Operation != operation && f.Operation != AnyOperation {
			continue
		}
		if f.Count == 1 {
			l.faults = slices.Delete(l.faults, i, i+1)
		} else if f.Count > 1 {
			l.faults[i].Count--
		}
		return f, true
	}
	return Fault{}, false
}
