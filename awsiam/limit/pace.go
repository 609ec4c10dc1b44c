package limit

import "time"

const (
	// settle is how long throttling counts as the echo of calls that were made at the former rate.
	settle = 2 * time.Second
	// recovery is how long a rate must hold before more is tried.
	recovery = 10 * time.Second
	// steps are how many rises lead from nothing to the highest rate.
	steps = 20
)

// pace is how many calls a second an account takes, as far as its answers tell: additive increase,
// multiplicative decrease.
type pace struct {
	rate, lowest, highest float64
	// changed is when the rate last changed.
	changed time.Time
}

// throttled halves the rate, once for each burst of refusals.
func (p pace) throttled(now time.Time) pace {
	if now.Sub(p.changed) >= settle {
		p.rate = max(p.rate/2, p.lowest)
		p.changed = now
	}
	return p
}

// answered raises the rate by a step if it has held long enough.
func (p pace) answered(now time.Time) pace {
	if p.rate < p.highest && now.Sub(p.changed) >= recovery {
		p.rate = min(p.rate+p.highest/steps, p.highest)
		p.changed = now
	}
	return p
}
