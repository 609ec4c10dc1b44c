package awsfake

import (
	"slices"
	"sync"
	"time"
)

// Call is one entry of the call log. It holds neither secrets nor assertions.
type Call struct {
	// Operation is empty if the call named none that exists.
	Operation string    `json:"operation"`
	Time      time.Time `json:"time"`
	// Status is 0 if the connection was reset instead of an answer.
	Status int `json:"status"`
	// Code is the error code, empty for success.
	Code string `json:"code,omitempty"`
	// Principal is the caller's ARN, empty for calls without a valid signature.
	Principal string `json:"principal,omitempty"`
	RequestID string `json:"requestID"`
	// Fault is the kind of the fault that met the call, if one did.
	Fault FaultKind `json:"fault,omitempty"`
}

// maxCalls bounds the call log; the oldest half is dropped when it is full.
const maxCalls = 20000

type callLog struct {
	mu    sync.Mutex
	calls []Call
}

func (l *callLog) add(c Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.calls) >= maxCalls {
		l.calls = slices.Clone(l.calls[maxCalls/2:])
	}
	l.calls = append(l.calls, c)
}

// of returns the calls of one operation or, with "", all.
func (l *callLog) of(operation string) []Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	calls := []Call{}
	for _, c := range l.calls {
		if operation == "" || c.Operation == operation {
			calls = append(calls, c)
		}
	}
	return calls
}

func (l *callLog) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = nil
}
