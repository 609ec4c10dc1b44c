package exchange

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"attache.dev/attache/idp"
	"attache.dev/attache/internal/clock"
)

const (
	defaultTimeout    = 10 * time.Second
	defaultMaxEntries = 10_000
)

// Options of an Exchanger; the zero value is good.
type Options struct {
	// Clock tells the time; time.Now if nil.
	Clock func() time.Time
	// HTTPClient reaches STS; one of its own if nil. Its Timeout and CheckRedirect are replaced in a
	// copy: an assertion is never sent on to where a redirect points.
	HTTPClient *http.Client
	// Timeout of one attempt to reach STS; 10 s if zero. There are at most two attempts.
	Timeout time.Duration
	// MaxEntries bounds how many answers are remembered; 10,000 if zero. An answer takes about 3 KiB.
	MaxEntries int
	// Observe is told what happens, for metrics.
	Observe Observer
}

// Source tells where an answer came from.
type Source string

const (
	// Hit: the answer was remembered.
	Hit Source = "Hit"
	// Miss: STS was called for it.
	Miss Source = "Miss"
	// Coalesced: another caller was already asking STS for the same.
	Coalesced Source = "Coalesced"
)

// Observer holds functions to be told what happens; any may be nil. They must be fast and safe for
// concurrent use.
type Observer struct {
	// Answered is told where each answer came from, refusals included.
	Answered func(Source)
	// Called is told of each call to STS: "Success" or the reason of the refusal, and how long it took,
	// with its second attempt.
	Called func(outcome string, took time.Duration)
}

// Exchanger asks STS for credentials and remembers them. It is safe for concurrent use.
type Exchanger struct {
	clock   func() time.Time
	observe Observer
	sts     *clients
	limit   time.Duration
	answers *otter.Cache[key, answer]
	flights singleflight.Group
}

// answer is what STS said: credentials, or a refusal if there is one.
type answer struct {
	credentials idp.Credentials
	refusal     *idp.Refusal
	// fresh is how long it may be given again; nothing if zero.
	fresh time.Duration
}

func (a answer) unpack() (idp.Credentials, error) {
	if a.refusal != nil {
		return idp.Credentials{}, a.refusal
	}
	return a.credentials, nil
}

// New returns an Exchanger that remembers nothing yet.
func New(o Options) (*Exchanger, error) {
	if o.Timeout < 0 || o.MaxEntries < 0 {
		return nil, fmt.Errorf("timeout %s and %d entries: neither may be negative", o.Timeout, o.MaxEntries)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.MaxEntries == 0 {
		o.MaxEntries = defaultMaxEntries
	}
	if o.Observe.Answered == nil {
		o.Observe.Answered = func(Source) {}
	}
	if o.Observe.Called == nil {
		o.Observe.Called = func(string, time.Duration) {}
	}
	answers, err := otter.New(&otter.Options[key, answer]{
		MaximumSize: o.MaxEntries,
		Clock:       clock.Otter(o.Clock),
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[key, answer]) time.Duration {
			return e.Value.fresh
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("making the cache of credentials: %w", err)
	}
	return &Exchanger{
		clock:   o.Clock,
		observe: o.Observe,
		sts:     newClients(o.HTTPClient, o.Timeout),
		limit:   maxAttempts*o.Timeout + maxBackoff,
		answers: answers,
	}, nil
}

// Credentials returns credentials for the grant, and whether they were remembered. Otherwise it
// takes an assertion from assert, in base64, and gives it to STS in the grant's region. assert is
// called at most once, perhaps on behalf of other callers and after this one is gone; its context
// ends with the attempt. The error is a *idp.Refusal.
func (e *Exchanger) Credentials(ctx context.Context, g idp.Grant, s idp.Subject, assert func(context.Context) (string, error)) (c idp.Credentials, cached bool, err error) {
	k := keyOf(g, s)
	if a, ok := e.answers.GetIfPresent(k); ok {
		return e.answered(a, Hit)
	}
	source := Coalesced
	done := e.flights.DoChan(string(k[:]), func() (any, error) {
		// The answer may have come since this caller looked.
		if a, ok := e.answers.GetIfPresent(k); ok {
			source = Hit
			return a, nil
		}
		source = Miss
		// A caller that goes away must not take the answer from the others.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.limit)
		defer cancel()
		a := e.ask(ctx, g, assert)
		if a.fresh > 0 {
			e.answers.Set(k, a)
		}
		return a, nil
	})
	select {
	case result := <-done:
		return e.answered(result.Val.(answer), source)
	case <-ctx.Done():
		return idp.Credentials{}, false, callerGone(ctx.Err())
	}
}

func (e *Exchanger) answered(a answer, source Source) (idp.Credentials, bool, error) {
	e.observe.Answered(source)
	c, err := a.unpack()
	return c, source == Hit, err
}

// ask makes an assertion and calls STS with it.
func (e *Exchanger) ask(ctx context.Context, g idp.Grant, assert func(context.Context) (string, error)) (a answer) {
	defer func() {
		// This is nobody's request: a panic here would end the process, not one connection.
		if p := recover(); p != nil {
			a = answer{refusal: assertionFailed(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))}
		}
	}()
	assertion, err := assert(ctx)
	if err != nil {
		var refusal *idp.Refusal
		if !errors.As(err, &refusal) {
			refusal = assertionFailed(err)
		}
		return answer{refusal: refusal}
	}
	start := e.clock()
	credentials, err := e.sts.assumeRole(ctx, g, assertion)
	end := e.clock()
	if err != nil {
		refusal := refusalOf(err, g, assertion)
		e.observe.Called(refusal.Reason, end.Sub(start))
		a = answer{refusal: refusal}
		if refusal.Kind == idp.Throttled {
			// What STS does not want to hear now is not said again by every caller.
			a.fresh = refusal.RetryAfter
		}
		return a
	}
	e.observe.Called("Success", end.Sub(start))
	return answer{credentials: credentials, fresh: freshness(credentials.Expiration, end, g.Duration)}
}

// freshness is half of what is left, so that clients that refresh early, some a quarter of an hour
// before the end, get something newer than they have. A clock that is behind cannot stretch it: STS
// gives no more than was asked.
func freshness(expiration, now time.Time, asked time.Duration) time.Duration {
	return min(expiration.Sub(now), asked) / 2
}
