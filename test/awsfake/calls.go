package awsfake

import (
	"cmp"
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
	// Account is that of the key which the call was signed with, right or wrong; of
	// AssumeRoleWithSAML, which is not signed, that of the role.
	Account string `json:"account,omitempty"`
	// Principal is the caller's ARN, empty for calls without a valid signature.
	Principal string `json:"principal,omitempty"`
	RequestID string `json:"requestID"`
	// Fault is the kind of the fault that met the call, if one did.
	Fault FaultKind `json:"fault,omitempty"`
}

// CallCount is how many calls were answered alike. Unlike the log the counts forget
// no call.
type CallCount struct {
	Account   string    `json:"account,omitempty"`
	Operation string    `json:"operation"`
	Code      string    `json:"code,omitempty"`
	Fault     FaultKind `json:"fault,omitempty"`
	Count     int       `json:"count"`
}

// maxCalls bounds the call log; the oldest half is dropped when it is full.
const maxCalls = 20000

type callLog struct {
	mu    sync.Mutex
	calls []Call
	// counts are by what is counted, with Count 0.
	counts map[CallCount]int
}

func (l *callLog) add(c Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.calls) >= maxCalls {
		l.calls = slices.Clone(l.calls[maxCalls/2:])
	}
	l.calls = append(l.calls, c)
	if l.counts == nil {
		l.counts = map[CallCount]int{}
	}
	l.counts[CallCount{Account: c.Account, Operation: c.Operation, Code: c.Code, Fault: c.Fault}]++
}

// counted returns the counts by account, operation, code and fault, in order.
func (l *callLog) counted() []CallCount {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := []CallCount{}
	for kind, n := range l.counts {
		kind.Count = n
		counts = append(counts, kind)
	}
	slices.SortFunc(counts, func(x, y CallCount) int {
		return cmp.Or(cmp.Compare(x.Account, y.Account), cmp.Compare(x.Operation, y.Operation),
			cmp.Compare(x.Code, y.Code), cmp.Compare(x.Fault, y.Fault))
	})
	return counts
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
	l.calls, l.counts = nil, nil
}
