package limit

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limiter lets calls to the IAM of one account through, or tells when to come back. It is safe for
// concurrent use.
type Limiter struct {
	accountID string
	options   Options

	mu   sync.Mutex
	pace pace
	// share by class: background work has no part in what is kept for interactive work, which also
	// takes what background work leaves.
	share map[Class]*share
}

// share is a part of the account's rate.
type share struct {
	part  float64
	calls *rate.Limiter
	// queue gives each caller that is refused a later time than the one before, so that they do not
	// all come back at once.
	queue *rate.Limiter
	// credit is how many calls work that has begun may make beyond what there is.
	credit float64
}

func newLimiter(accountID string, o Options) *Limiter {
	l := &Limiter{
		accountID: accountID, options: o,
		pace: pace{rate: o.Rate, lowest: o.MinRate, highest: o.Rate},
	}
	interactive := max(1, int(float64(o.Burst)*o.InteractiveShare))
	l.share = map[Class]*share{
		Interactive: newShare(o.Rate, o.InteractiveShare, interactive, o.Burst),
		Background:  newShare(o.Rate, 1-o.InteractiveShare, o.Burst-interactive, o.Burst),
	}
	o.Observe.Rate(accountID, o.Rate)
	return l
}

func newShare(callsPerSecond, part float64, burst, credit int) *share {
	limit := rate.Limit(callsPerSecond * part)
	return &share{part: part, calls: rate.NewLimiter(limit, burst), queue: rate.NewLimiter(limit, 1), credit: float64(credit)}
}

// Reserve takes one call for the work of ctx, or returns a *HeldBackError without having taken one.
func (l *Limiter) Reserve(ctx context.Context) error {
	w, now := workOf(ctx), l.options.Clock()
	l.mu.Lock()
	ok, wait := l.take(w.class, w.hasBegun(l), now)
	l.mu.Unlock()
	if !ok {
		l.options.Observe.Refused(l.accountID, w.class)
		return &HeldBackError{AccountID: l.accountID, RetryAfter: wait}
	}
	w.begin(l)
	return nil
}

func (l *Limiter) take(class Class, begun bool, now time.Time) (ok bool, wait time.Duration) {
	own := l.share[class]
	if own.calls.AllowN(now, 1) {
		return true, 0
	}
	if class == Interactive && l.share[Background].calls.AllowN(now, 1) {
		return true, 0
	}
	if begun && own.calls.TokensAt(now)-1 >= -own.credit {
		own.calls.ReserveN(now, 1)
		return true, 0
	}
	return false, own.wait(now, l.options.MaxWait)
}

// wait is how long until there is a call again for one more caller.
func (s *share) wait(now time.Time, longest time.Duration) time.Duration {
	missing := 1 - s.calls.TokensAt(now)
	first := time.Duration(missing / float64(s.calls.Limit()) * float64(time.Second))
	place := s.queue.ReserveN(now, 1)
	wait := first + place.DelayFrom(now)
	if wait > longest {
		place.CancelAt(now)
		return longest
	}
	return wait
}

// Answered takes in that AWS answered a call, other than by throttling.
func (l *Limiter) Answered() { l.learn(pace.answered) }

// Throttled takes in that AWS throttled a call.
func (l *Limiter) Throttled() {
	l.learn(pace.throttled)
	now := l.options.Clock()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.share {
		// AWS has just said that nothing is left.
		s.calls.AllowN(now, max(0, int(s.calls.TokensAt(now))))
	}
}

func (l *Limiter) learn(from func(pace, time.Time) pace) {
	now := l.options.Clock()
	l.mu.Lock()
	before := l.pace.rate
	l.pace = from(l.pace, now)
	after := l.pace.rate
	if after != before {
		for _, s := range l.share {
			s.calls.SetLimitAt(now, rate.Limit(after*s.part))
			s.queue.SetLimitAt(now, rate.Limit(after*s.part))
		}
	}
	l.mu.Unlock()
	if after != before {
		l.options.Observe.Rate(l.accountID, after)
	}
}
