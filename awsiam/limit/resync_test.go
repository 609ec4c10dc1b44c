package limit_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/limit"
	"attache.dev/attache/test/awsfake"
)

// resync is objects that are each looked at once, in the order in which their time comes.
type resync struct {
	api awsiam.API
	due []time.Time
}

// until looks at all objects whose time has come by now, as a queue does with one worker.
func (r *resync) until(now time.Time) error {
	for i, at := range r.due {
		if at.IsZero() || at.After(now) {
			continue
		}
		_, err := r.api.Roles().Get(limit.Work(context.Background(), limit.Background), "reports")
		wait, held := limit.RetryAfter(err)
		switch {
		case err == nil:
			r.due[i] = time.Time{}
		case held:
			r.due[i] = now.Add(wait)
		case awsiam.KindOf(err) == awsiam.Throttled:
			r.due[i] = now.Add(5 * time.Second)
		default:
			return err
		}
	}
	return nil
}

func (r *resync) left() int {
	n := 0
	for _, at := range r.due {
		if !at.IsZero() {
			n++
		}
	}
	return n
}

// TestAResyncUnderTheRateOfAnAccount has an account that takes less than the operator would use: 6
// calls a second, all users together.
func TestAResyncUnderTheRateOfAnAccount(t *testing.T) {
	g := NewWithT(t)
	const key, secret = "AKIAROOTROOTROOTROOT", "a root secret for tests only"
	// Signatures are by the real time, so that the clock must stay near it.
	c := &clock{now: time.Now()}
	begin := c.Now()
	fake := awsfake.New(awsfake.Options{AccountID: accountID, Region: region, Clock: c.Now, AdminAccessKeyID: key, AdminSecretAccessKey: secret})
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	root := aws.Config{Credentials: credentials.NewStaticCredentialsProvider(key, secret, "")}
	g.Expect(awsiam.New(root, region, server.URL).Roles().Create(t.Context(), reports())).To(Succeed())
	g.Expect(fake.Control().Configure(t.Context(), awsfake.Settings{IAMRate: map[string]awsfake.Rate{accountID: {PerSecond: 6, Burst: 12}}})).To(Succeed())

	limiter := newLimits(t, limit.Options{Clock: c.Now}).Account(accountID)
	api := awsiam.New(limiter.Apply(root), region, server.URL)
	work := &resync{api: api, due: make([]time.Time, 150)}
	for i := range work.due {
		work.due[i] = begin
	}
	applied, slowest := 0, time.Duration(0)
	for work.left() > 0 && c.Now().Sub(begin) < 4*time.Minute {
		c.pass(250 * time.Millisecond)
		g.Expect(work.until(c.Now())).To(Succeed())
		if c.Now().Sub(begin)%(5*time.Second) == 0 {
			// Somebody applies a mapping now and again, and waits.
			from := c.Now()
			interactive := limit.Work(t.Context(), limit.Interactive)
			g.Eventually(func() error {
				_, err := api.Roles().GetTrust(interactive, "reports")
				if err != nil {
					c.pass(250 * time.Millisecond)
				}
				return err
			}, "10s", "1ms").Should(Succeed())
			applied, slowest = applied+1, max(slowest, c.Now().Sub(from))
		}
	}
	throttled, answered := 0, 0
	calls, err := fake.Control().Calls(t.Context(), "")
	g.Expect(err).NotTo(HaveOccurred())
	for _, call := range calls {
		if call.Code == "Throttling" {
			throttled++
		} else {
			answered++
		}
	}
	t.Logf("%d objects in %s: %d calls answered, %d throttled; %d applied meanwhile, the slowest after %s",
		len(work.due), c.Now().Sub(begin), answered, throttled, applied, slowest)
	g.Expect(work.left()).To(BeZero(), "the resync ends")
	g.Expect(throttled).To(BeNumerically("<", answered/10))
	g.Expect(applied).To(BeNumerically(">", 5))
	g.Expect(slowest).To(BeNumerically("<=", 3*time.Second))
}
