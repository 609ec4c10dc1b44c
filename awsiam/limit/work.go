package limit

import (
	"context"
	"sync"
)

// Class is how soon somebody waits for a piece of work.
type Class string

const (
	// Background is work that nobody waits for, such as a resync.
	Background Class = "Background"
	// Interactive is work that somebody waits for, such as what follows an apply.
	Interactive Class = "Interactive"
)

// work is one piece of work, such as one reconciliation. It may be under way in several accounts.
type work struct {
	class Class
	mu    sync.Mutex
	begun map[*Limiter]bool
}

type workKey struct{}

// Work returns the context of one piece of work, to be made anew for each. Once its first call in an
// account was let through, those that follow are too, on credit: work that is broken off half way
// has wasted its calls. A call outside any work is background work of its own.
func Work(ctx context.Context, class Class) context.Context {
	return context.WithValue(ctx, workKey{}, &work{class: class, begun: map[*Limiter]bool{}})
}

func workOf(ctx context.Context) *work {
	if w, ok := ctx.Value(workKey{}).(*work); ok {
		return w
	}
	return &work{class: Background, begun: map[*Limiter]bool{}}
}

func (w *work) hasBegun(l *Limiter) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.begun[l]
}

func (w *work) begin(l *Limiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun[l] = true
}
