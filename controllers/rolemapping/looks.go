package rolemapping

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"attache.dev/attache/controllers/status"
)

// looks remembers when IAM was looked at, per object, where attempts does not: roles that nothing
// failed for. It holds nothing that cannot be lost, and its zero value is ready.
type looks struct {
	mu    sync.Mutex
	first map[types.UID]time.Time
	trust map[types.UID]trustLook
}

// trustLook is what a look at an existing role ended with.
type trustLook struct {
	// what was looked for; another is no answer.
	what    string
	finding status.Finding
	at      time.Time
}

// firstSeen returns when this process first asked for the object.
func (l *looks) firstSeen(uid types.UID, now time.Time) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == nil {
		l.first = map[types.UID]time.Time{}
	}
	if _, seen := l.first[uid]; !seen {
		l.first[uid] = now
	}
	return l.first[uid]
}

func (l *looks) ofTrust(uid types.UID, what string) (trustLook, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last, ok := l.trust[uid]
	return last, ok && last.what == what
}

// anyTrust tells whether the object's role was looked at, whatever for.
func (l *looks) anyTrust(uid types.UID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.trust[uid]
	return ok
}

func (l *looks) rememberTrust(uid types.UID, look trustLook) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.trust == nil {
		l.trust = map[types.UID]trustLook{}
	}
	l.trust[uid] = look
}

func (l *looks) forget(uid types.UID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.first, uid)
	delete(l.trust, uid)
}

// trustFor is how long IAM is taken to hold what it was last seen to hold, where a look comes each
// interval. It is shorter than any delay that leads to, so that the requeue finds it over.
func trustFor(interval time.Duration) time.Duration { return interval * 8 / 10 }
