// Package attempts remembers what AWS last refused, per object: a reconciliation that something
// else has triggered must not ask again before its time.
package attempts

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"attache.dev/attache/controllers/status"
)

// Memory of the last attempt for each object. It holds nothing that cannot be lost, and its zero
// value is ready.
type Memory struct {
	mu    sync.Mutex
	byUID map[types.UID]attempt
	// succeeded is when the objects' last try in this process was good.
	succeeded map[types.UID]time.Time
}

type attempt struct {
	// what was tried: another try does not wait.
	what string
	// failures in a row.
	failures int
	finding  status.Finding
	// at is when it may be tried again; zero if never.
	at time.Time
}

// Do runs a try, or returns the finding of the last one while it is too early for another. what
// names the try with everything that makes it another one, such as the generation of the spec.
func (m *Memory) Do(uid types.UID, what string, now func() time.Time, try func() status.Finding) status.Finding {
	last := m.last(uid)
	if last.what == what {
		if wait := last.at.Sub(now()); last.at.IsZero() || wait > 0 {
			f := last.finding
			f.RequeueAfter = max(wait, 0)
			return f
		}
	} else {
		last = attempt{}
	}
	f := try()
	if f.Progress != status.Retrying && f.Progress != status.Stalled {
		m.succeed(uid, now())
		return f
	}
	f.RequeueAfter = f.Retry.After(last.failures, status.Jitter())
	next := attempt{what: what, failures: last.failures + 1, finding: f}
	if f.RequeueAfter > 0 {
		next.at = now().Add(f.RequeueAfter)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byUID == nil {
		m.byUID = map[types.UID]attempt{}
	}
	m.byUID[uid] = next
	return f
}

// Succeeded returns when a try of the object last was good in this process; zero if none was.
func (m *Memory) Succeeded(uid types.UID) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.succeeded[uid]
}

// Forget an object that is gone.
func (m *Memory) Forget(uid types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.byUID, uid)
	delete(m.succeeded, uid)
}

func (m *Memory) last(uid types.UID) attempt {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.byUID[uid]
}

func (m *Memory) succeed(uid types.UID, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.byUID, uid)
	if m.succeeded == nil {
		m.succeeded = map[types.UID]time.Time{}
	}
	m.succeeded[uid] = at
}
