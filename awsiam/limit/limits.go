package limit

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// Options of Limits; a zero field takes the default. AWS publishes no rates of IAM: the defaults
// leave room for others, and what an account does not take is learnt from its answers.
type Options struct {
	// Rate is the highest number of calls a second in one account; 10.
	Rate float64
	// MinRate is the lowest one, however often AWS throttles; 0.5.
	MinRate float64
	// Burst is how many calls can follow each other after a pause; 20.
	Burst int
	// InteractiveShare of rate and burst is kept for interactive work, between 0 and 1; 0.25.
	InteractiveShare float64
	// MaxWait bounds what a caller is told to wait; 2 minutes.
	MaxWait time.Duration
	// Clock tells the time; time.Now if nil.
	Clock func() time.Time
	// Observe is told what happens, for metrics.
	Observe Observer
}

// Observer holds functions to be told what happens; any may be nil. They must be fast and safe for
// concurrent use.
type Observer struct {
	// Refused is told of each call that was held back.
	Refused func(accountID string, class Class)
	// Rate is told each new rate of an account, in calls a second.
	Rate func(accountID string, callsPerSecond float64)
}

// Limits holds one Limiter for each account. All work of a process shares it.
type Limits struct {
	options Options
	mu      sync.Mutex
	by      map[string]*Limiter
}

// New returns Limits that know no account yet. The error says which option to change.
func New(o Options) (*Limits, error) {
	o = o.withDefaults()
	switch {
	case o.MinRate <= 0 || o.Rate < o.MinRate:
		return nil, fmt.Errorf("rate %g and lowest rate %g: write a lowest rate above 0 and a rate that is not below it", o.Rate, o.MinRate)
	case o.InteractiveShare <= 0 || o.InteractiveShare >= 1:
		return nil, fmt.Errorf("interactive share %g: write one between 0 and 1", o.InteractiveShare)
	case o.Burst < 2:
		return nil, fmt.Errorf("burst %d: write at least 2, one for each class of work", o.Burst)
	case o.MaxWait <= 0:
		return nil, errors.New("the longest wait must be positive")
	}
	return &Limits{options: o, by: map[string]*Limiter{}}, nil
}

func (o Options) withDefaults() Options {
	if o.Rate == 0 {
		o.Rate = 10
	}
	if o.MinRate == 0 {
		o.MinRate = 0.5
	}
	if o.Burst == 0 {
		o.Burst = 20
	}
	if o.InteractiveShare == 0 {
		o.InteractiveShare = 0.25
	}
	if o.MaxWait == 0 {
		o.MaxWait = 2 * time.Minute
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Observe.Refused == nil {
		o.Observe.Refused = func(string, Class) {}
	}
	if o.Observe.Rate == nil {
		o.Observe.Rate = func(string, float64) {}
	}
	return o
}

// Account returns the limiter of the account, the same one each time.
func (l *Limits) Account(id string) *Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter, known := l.by[id]
	if !known {
		limiter = newLimiter(id, l.options)
		l.by[id] = limiter
	}
	return limiter
}
