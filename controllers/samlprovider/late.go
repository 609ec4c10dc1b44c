package samlprovider

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/controllers/status"
)

// patience is how long a reconciliation waits for an account. IAM answers within a second, a dead
// endpoint not before the call's own time is over: the other accounts must not wait for that.
const patience = 2 * time.Second

type doInAccount func(context.Context, *account) (status.Finding, error)

// late holds what is done in accounts that no reconciliation waits for any more, at most one thing for
// each. Its zero value is ready.
type late struct {
	mu    sync.Mutex
	doing map[accountKey]*work
}

// work is something that is done in an account, on a copy of what the reconciliation knew.
type work struct {
	account *account
	done    chan struct{}
}

// inTime does something in an account, or leaves it to go on by itself and tells what was last known.
// Its end calls for the object, and the reconciliation that follows takes what came of it.
func (l *late) inTime(ctx context.Context, r *Reconciler, a *account, do doInAccount) {
	if w := l.take(a.key()); w != nil {
		if !w.isDone() {
			l.put(a.key(), w)
			a.finding = r.meanwhile(a)
			return
		}
		if a.takeFrom(w.account) {
			return
		}
		// It began from what is no longer so: nothing is lost, IAM says it again.
	}
	w := begin(ctx, a, do)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-w.done:
		a.takeFrom(w.account)
	case <-timer.C:
		l.put(a.key(), w)
		go func() {
			<-w.done
			r.callFor(ctx, w.account.provider)
		}()
		a.finding = r.meanwhile(a)
	}
}

func begin(ctx context.Context, a *account, do doInAccount) *work {
	w := &work{account: a.copyOf(), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		w.account.finding, w.account.err = do(ctx, w.account)
	}()
	return w
}

func (w *work) isDone() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

// take returns what is being done in an account, so that nobody else waits for it.
func (l *late) take(key accountKey) *work {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.doing[key]
	delete(l.doing, key)
	return w
}

func (l *late) put(key accountKey, w *work) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.doing == nil {
		l.doing = map[accountKey]*work{}
	}
	l.doing[key] = w
}

// copyOf shares nothing that a reconciliation writes to.
func (a *account) copyOf() *account {
	own, s := *a, *a.scope
	s.provider = a.unchanging
	own.scope = &s
	own.ledger, own.recorded, own.shown = a.ledger.DeepCopy(), a.recorded.DeepCopy(), a.shown.DeepCopy()
	return &own
}

// takeFrom takes what came of work, unless that began from another ledger or another spec.
func (a *account) takeFrom(w *account) bool {
	if a.former != w.former || a.provider.DeletionTimestamp.IsZero() != w.provider.DeletionTimestamp.IsZero() || a.provider.Generation != w.provider.Generation || a.requested() != w.requested() ||
		!equality.Semantic.DeepEqual(a.recorded, w.recorded) {
		return false
	}
	a.ledger, a.settled, a.finding, a.err, a.changes = w.ledger, w.settled, w.finding, w.err, w.changes
	return true
}

// meanwhile is what is told of an account while nobody knows better.
func (r *Reconciler) meanwhile(a *account) status.Finding {
	if a.holdsActiveKey() {
		f := a.goodWord()
		f.RequeueAfter = outcomes[asking].Retry.First
		return f
	}
	if f, known := r.attempts.LastFailure(a.key()); known {
		f.RequeueAfter = outcomes[asking].Retry.First
		return f
	}
	return a.found(asking, fmt.Sprintf("Waiting for the answer of IAM in account %s", a.spec))
}

// callFor has an object reconciled.
func (r *Reconciler) callFor(ctx context.Context, p *v1alpha1.SAMLProvider) {
	select {
	case r.answered <- event.GenericEvent{Object: &v1alpha1.SAMLProvider{ObjectMeta: metav1.ObjectMeta{Name: p.Name}}}:
	case <-ctx.Done():
	}
}
