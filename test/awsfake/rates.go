package awsfake

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate is how many calls are answered before the others are throttled: a bucket of
// Burst calls that is full at first and gains PerSecond calls a second.
type Rate struct {
	PerSecond float64 `json:"perSecond"`
	Burst     int     `json:"burst"`
}

// AnyAccount stands for the accounts that Settings do not name.
const AnyAccount = "*"

func (r Rate) validate() error {
	if r.PerSecond <= 0 || r.Burst < 1 {
		return fmt.Errorf("rate %v a second with a burst of %d: write numbers above 0", r.PerSecond, r.Burst)
	}
	return nil
}

// callBuckets are by account. A rate that changes begins with a full bucket.
type callBuckets struct {
	mu        sync.Mutex
	byAccount map[string]callBucket
}

type callBucket struct {
	rate    Rate
	limiter *rate.Limiter
}

// take says whether the account may make one more call.
func (b *callBuckets) take(accountID string, r Rate, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	bucket, found := b.byAccount[accountID]
	if !found || bucket.rate != r {
		bucket = callBucket{rate: r, limiter: rate.NewLimiter(rate.Limit(r.PerSecond), r.Burst)}
		if b.byAccount == nil {
			b.byAccount = map[string]callBucket{}
		}
		b.byAccount[accountID] = bucket
	}
	return bucket.limiter.AllowN(now, 1)
}

// withinRate refuses calls of IAM beyond the caller's account's rate. It stands
// behind the signature: nobody else can use up an account's calls.
func (c *call) withinRate() error {
	if c.op.service != iamService {
		return nil
	}
	limit, limited := c.settings.iamRate(c.principal.account.id)
	if limited && !c.control.iamCalls.take(c.principal.account.id, limit, c.now) {
		return throttling()
	}
	return nil
}
