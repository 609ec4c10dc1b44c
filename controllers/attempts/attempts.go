// Package attempts remembers what AWS last refused, per object or per part of one: a reconciliation
// that something else has triggered must not ask again before its time.
package attempts

import (
	"sync"
	"time"

	"attache.dev/attache/controllers/status"
)

// Memory of the last attempt for each K, such as an object's UID. It holds nothing that cannot be
// lost, and its zero value is ready.
type Memory[K comparable] struct {
	mu    sync.Mutex
	byKey map[K]attempt
	// succeeded is the last try in this process that was good.
	succeeded map[K]success
}

type success struct {
	what string
	at   time.Time
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
func (m *Memory[K]) Do(key K, what string, now func() time.Time, try func() status.Finding) status.Finding {
	last := m.last(key)
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
	if f.HeldBack {
		m.remember(key, attempt{what: what, failures: last.failures, finding: f, at: now().Add(f.RequeueAfter)})
		return f
	}
	if f.Progress != status.Retrying && f.Progress != status.Stalled {
		m.succeed(key, success{what, now()})
		return f
	}
	f.RequeueAfter = f.Retry.After(last.failures, status.Jitter())
	next := attempt{what: what, failures: last.failures + 1, finding: f}
	if f.RequeueAfter > 0 {
		next.at = now().Add(f.RequeueAfter)
	}
	m.remember(key, next)
	return f
}

// Succeeded returns when a try last was good in this process, and what was tried; zero if none was.
func (m *Memory[K]) Succeeded(key K) (at time.Time, what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.succeeded[key]
	return s.at, s.what
}

// LastFailure returns the finding of the last try, if that failed.
func (m *Memory[K]) LastFailure(key K) (status.Finding, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	last, known := m.byKey[key]
	return last.finding, known
}

// Forget what is gone.
func (m *Memory[K]) Forget(key K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.byKey, key)
	delete(m.succeeded, key)
}

func (m *Memory[K]) remember(key K, a attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byKey == nil {
		m.byKey = map[K]attempt{}
	}
	m.byKey[key] = a
}

func (m *Memory[K]) last(key K) attempt {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.byKey[key]
}

func (m *Memory[K]) succeed(key K, s success) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.byKey, key)
	if m.succeeded == nil {
		m.succeeded = map[K]success{}
	}
	m.succeeded[key] = s
}
