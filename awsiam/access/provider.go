package access

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/singleflight"

	"attache.dev/attache/awsiam"
)

const (
	// keepFailure is how long a failure is remembered: the many objects of an account that is down
	// must not each wait for its timeout, or they hold up those of other accounts.
	keepFailure = 10 * time.Second
	// renewPart of their life credentials are renewed ahead of their end, and up to as much again at
	// random, so that accounts that began together do not stay so.
	renewPart = 6
)

// source gets credentials. A failure is never remembered or worded anew by callers.
type source func(context.Context) (aws.Credentials, *awsiam.Error)

// provider remembers credentials of one account. The SDK's own CredentialsCache does not tell the
// time by our clock, gives nothing while renewal fails, and forgets failures.
type provider struct {
	clock func() time.Time
	// begin returns a source that remembers nothing.
	begin func() source
	// timeout of one attempt as a whole.
	timeout time.Duration
	observe func(outcome string)

	flight singleflight.Group
	mu     sync.Mutex
	source source
	held   held
}

// held is what is known at some time.
type held struct {
	credentials aws.Credentials
	// renewAt is when to look for others; zero for credentials without an end.
	renewAt time.Time
	failure *awsiam.Error
	// failedUntil is how long not to try again.
	failedUntil time.Time
}

func newProvider(a *Accounts, account Account, method Method) *provider {
	p := &provider{clock: a.options.Clock, timeout: callsOfSignIn * a.options.Timeout, observe: func(outcome string) { a.options.Observe(account.ID, outcome) }}
	p.begin = func() source {
		from, failure := method.source(a, account)
		if failure != nil {
			return func(context.Context) (aws.Credentials, *awsiam.Error) { return aws.Credentials{}, failure }
		}
		return a.checked(account, method, from)
	}
	p.source = p.begin()
	return p
}

// Retrieve implements aws.CredentialsProvider.
func (p *provider) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if c, failure, known := p.remembered().answer(p.clock()); known {
		return unpack(c, failure)
	}
	done := p.flight.DoChan("", func() (any, error) {
		if _, _, known := p.remembered().answer(p.clock()); !known {
			// A caller that goes away must not take the answer from the others.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.timeout)
			defer cancel()
			p.ask(ctx)
		}
		return nil, nil
	})
	select {
	case <-done:
		c, failure := p.remembered().latest(p.clock())
		return unpack(c, failure)
	case <-ctx.Done():
		return aws.Credentials{}, &failedError{unavailable("the call was given up before the operator was signed in", ctx.Err())}
	}
}

func unpack(c aws.Credentials, failure *awsiam.Error) (aws.Credentials, error) {
	if failure != nil {
		return aws.Credentials{}, &failedError{failure}
	}
	return c, nil
}

func (p *provider) remembered() held {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held
}

// reject forgets the credentials, also where the source remembers them, and not a failure to get any.
func (p *provider) reject() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.held.credentials.HasKeys() {
		return
	}
	p.held.credentials, p.held.renewAt = aws.Credentials{}, time.Time{}
	p.source = p.begin()
}

func (p *provider) ask(ctx context.Context) {
	p.mu.Lock()
	from := p.source
	p.mu.Unlock()
	c, failure := from(ctx)
	now := p.clock()
	defer p.observe(outcomeOf(failure))
	p.mu.Lock()
	defer p.mu.Unlock()
	if failure != nil {
		p.held.failure, p.held.failedUntil = failure, now.Add(keepFailure)
		return
	}
	p.held = held{credentials: c, renewAt: renewAt(c, now, rand.Float64())} // #nosec G404 -- spreads load, protects nothing
}

// outcomeOf keeps a nil *awsiam.Error from becoming an error that is not nil.
func outcomeOf(failure *awsiam.Error) string {
	if failure == nil {
		return awsiam.Success
	}
	return awsiam.OutcomeOf(failure)
}

// renewAt is when to renew credentials got now, and not at once: a chain that remembers gives the
// same ones until they end. unit is a random number of [0,1).
func renewAt(c aws.Credentials, now time.Time, unit float64) time.Time {
	if !c.CanExpire {
		return time.Time{}
	}
	ahead := time.Duration(float64(c.Expires.Sub(now)) / renewPart * (1 + unit))
	if at, soonest := c.Expires.Add(-ahead), now.Add(time.Minute); at.After(soonest) {
		return at
	} else if soonest.Before(c.Expires) {
		return soonest
	}
	return c.Expires
}

// answer returns what can be answered without asking anybody.
func (h held) answer(now time.Time) (c aws.Credentials, failure *awsiam.Error, known bool) {
	if h.valid(now) && (h.renewAt.IsZero() || now.Before(h.renewAt)) {
		return h.credentials, nil, true
	}
	if h.failure != nil && now.Before(h.failedUntil) {
		c, failure = h.latest(now)
		return c, failure, true
	}
	return aws.Credentials{}, nil, false
}

// latest returns credentials that are still good, and the failure only without such.
func (h held) latest(now time.Time) (aws.Credentials, *awsiam.Error) {
	switch {
	case h.valid(now):
		return h.credentials, nil
	case h.failure != nil:
		return aws.Credentials{}, h.failure
	default:
		return aws.Credentials{}, unavailable("STS gave credentials that have ended already: set the clock of the operator's node", errors.New("credentials without a life"))
	}
}

func (h held) valid(now time.Time) bool {
	return h.credentials.HasKeys() && (!h.credentials.CanExpire || now.Before(h.credentials.Expires))
}
