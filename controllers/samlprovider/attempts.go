package samlprovider

import (
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"attache.dev/attache/controllers/status"
)

// attempts remembers what IAM last refused, per object: a reconciliation that something else has
// triggered must not ask again before its time. It holds nothing that cannot be lost.
type attempts struct {
	mu    sync.Mutex
	byUID map[types.UID]attempt
	// succeeded holds the objects whose last try in this process was good.
	succeeded map[types.UID]bool
}

type attempt struct {
	// what was tried, with the generation of the spec it was tried for: another try does not wait.
	what string
	// failures in a row.
	failures int
	finding  status.Finding
	// at is when it may be tried again; zero if never.
	at time.Time
}

// do runs a try, or returns the finding of the last one while it is too early.
func (a *attempts) do(s *scope, what string, clock func() time.Time, try func() status.Finding) status.Finding {
	what = fmt.Sprintf("%s of generation %d", what, s.provider.Generation)
	last := a.last(s.provider.UID)
	if last.what == what {
		if wait := last.at.Sub(clock()); last.at.IsZero() || wait > 0 {
			f := last.finding
			f.RequeueAfter = max(wait, 0)
			return f
		}
	} else {
		last = attempt{}
	}
	f := try()
	if f.Progress != status.Retrying && f.Progress != status.Stalled {
		a.succeed(s.provider.UID)
		return f
	}
	f.RequeueAfter = f.Retry.After(last.failures, jitter())
	next := attempt{what: what, failures: last.failures + 1, finding: f}
	if f.RequeueAfter > 0 {
		next.at = clock().Add(f.RequeueAfter)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.byUID == nil {
		a.byUID = map[types.UID]attempt{}
	}
	a.byUID[s.provider.UID] = next
	return f
}

func (a *attempts) last(uid types.UID) attempt {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.byUID[uid]
}

func (a *attempts) succeed(uid types.UID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.byUID, uid)
	if a.succeeded == nil {
		a.succeeded = map[types.UID]bool{}
	}
	a.succeeded[uid] = true
}

func (a *attempts) hasSucceeded(uid types.UID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.succeeded[uid]
}

func (a *attempts) forget(uid types.UID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.byUID, uid)
	delete(a.succeeded, uid)
}
