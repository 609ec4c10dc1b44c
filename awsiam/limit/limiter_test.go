package limit_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam/limit"
)

const accountID = "111122223333"

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newLimits(t *testing.T, o limit.Options) *limit.Limits {
	t.Helper()
	limits, err := limit.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return limits
}

// reserve returns how many of n pieces of work of one call were let through.
func reserve(l *limit.Limiter, class limit.Class, n int) (through int, refused error) {
	for range n {
		if err := l.Reserve(limit.Work(context.Background(), class)); err != nil {
			refused = err
		} else {
			through++
		}
	}
	return through, refused
}

func TestAResyncDoesNotEatWhatIsKeptForAnApply(t *testing.T) {
	g := NewWithT(t)
	c := newClock()
	l := newLimits(t, limit.Options{Rate: 8, Burst: 20, InteractiveShare: 0.25, Clock: c.Now}).Account(accountID)

	through, refused := reserve(l, limit.Background, 1000)
	g.Expect(through).To(Equal(15))
	g.Expect(refused).To(MatchError(ContainSubstring("the operator holds back calls to the IAM of account 111122223333")))
	through, _ = reserve(l, limit.Interactive, 1000)
	g.Expect(through).To(Equal(5))

	c.pass(time.Second)
	through, _ = reserve(l, limit.Background, 1000)
	g.Expect(through).To(Equal(6), "three quarters of the rate")
	through, _ = reserve(l, limit.Interactive, 1000)
	g.Expect(through).To(Equal(2), "a quarter of the rate")
}

func TestAnApplyTakesWhatAResyncLeaves(t *testing.T) {
	g := NewWithT(t)
	l := newLimits(t, limit.Options{Burst: 20, Clock: newClock().Now}).Account(accountID)
	through, _ := reserve(l, limit.Interactive, 1000)
	g.Expect(through).To(Equal(20))
	through, _ = reserve(l, limit.Background, 1)
	g.Expect(through).To(BeZero())
}

func TestACallOutsideAnyWorkIsBackgroundWork(t *testing.T) {
	g := NewWithT(t)
	l := newLimits(t, limit.Options{Burst: 4, InteractiveShare: 0.5, Clock: newClock().Now}).Account(accountID)
	g.Expect(l.Reserve(t.Context())).To(Succeed())
	g.Expect(l.Reserve(t.Context())).To(Succeed())
	g.Expect(l.Reserve(t.Context())).NotTo(Succeed())
}

func TestWorkThatHasBegunIsFinishedOnCredit(t *testing.T) {
	g := NewWithT(t)
	c := newClock()
	l := newLimits(t, limit.Options{Rate: 4, Burst: 4, InteractiveShare: 0.5, Clock: c.Now}).Account(accountID)
	begun := limit.Work(t.Context(), limit.Background)
	for range 5 {
		g.Expect(l.Reserve(begun)).To(Succeed())
	}
	err := l.Reserve(limit.Work(t.Context(), limit.Background))
	g.Expect(err).To(HaveOccurred(), "other work waits until the credit is paid back")
	wait, held := limit.RetryAfter(err)
	g.Expect(held).To(BeTrue())
	g.Expect(wait).To(Equal(2*time.Second), "three calls of credit and one more, at two a second")

	g.Expect(l.Reserve(begun)).To(Succeed())
	g.Expect(l.Reserve(begun)).NotTo(Succeed(), "credit ends with a burst")
	through, _ := reserve(l, limit.Interactive, 10)
	g.Expect(through).To(Equal(2), "credit is not taken from interactive work")
	c.pass(3 * time.Second)
	g.Expect(l.Reserve(limit.Work(t.Context(), limit.Background))).To(Succeed())
}

func TestThoseHeldBackComeBackOneAfterTheOther(t *testing.T) {
	g := NewWithT(t)
	l := newLimits(t, limit.Options{Rate: 2, Burst: 2, InteractiveShare: 0.5, MaxWait: 5 * time.Second, Clock: newClock().Now}).Account(accountID)
	var waits []time.Duration
	for range 10 {
		if wait, held := limit.RetryAfter(l.Reserve(t.Context())); held {
			waits = append(waits, wait)
		}
	}
	g.Expect(waits).To(Equal([]time.Duration{
		1 * time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second, 5 * time.Second,
		5 * time.Second, 5 * time.Second, 5 * time.Second, 5 * time.Second,
	}))
}

func TestAccountsDoNotShareARate(t *testing.T) {
	g := NewWithT(t)
	limits := newLimits(t, limit.Options{Clock: newClock().Now})
	_, _ = reserve(limits.Account(accountID), limit.Interactive, 1000)
	g.Expect(limits.Account("444455556666").Reserve(t.Context())).To(Succeed())
	g.Expect(limits.Account(accountID)).To(BeIdenticalTo(limits.Account(accountID)))
	g.Expect(limits.Account(accountID).Reserve(t.Context())).NotTo(Succeed())
}

func TestThrottlingEmptiesAndSlowsBothShares(t *testing.T) {
	g := NewWithT(t)
	c := newClock()
	var rates []float64
	l := newLimits(t, limit.Options{Rate: 8, Burst: 20, InteractiveShare: 0.25, Clock: c.Now, Observe: limit.Observer{
		Rate: func(id string, rate float64) {
			g.Expect(id).To(Equal(accountID))
			rates = append(rates, rate)
		},
	}}).Account(accountID)
	l.Throttled()
	for _, class := range []limit.Class{limit.Interactive, limit.Background} {
		through, _ := reserve(l, class, 10)
		g.Expect(through).To(BeZero(), string(class))
	}
	c.pass(time.Second)
	through, _ := reserve(l, limit.Background, 10)
	g.Expect(through).To(Equal(3))
	through, _ = reserve(l, limit.Interactive, 10)
	g.Expect(through).To(Equal(1))
	c.pass(time.Hour)
	l.Answered()
	g.Expect(rates).To(Equal([]float64{8, 4, 4.4}))
}

func TestRefusalsAreCountedByClass(t *testing.T) {
	g := NewWithT(t)
	var mu sync.Mutex
	refused := map[string]int{}
	l := newLimits(t, limit.Options{Burst: 20, Clock: newClock().Now, Observe: limit.Observer{
		Refused: func(id string, class limit.Class) {
			mu.Lock()
			defer mu.Unlock()
			refused[fmt.Sprint(id, " ", class)]++
		},
	}}).Account(accountID)
	var workers sync.WaitGroup
	for range 30 {
		workers.Go(func() { _ = l.Reserve(limit.Work(context.Background(), limit.Background)) })
	}
	workers.Wait()
	g.Expect(refused).To(Equal(map[string]int{accountID + " Background": 15}))
}

func TestOptionsThatCannotWork(t *testing.T) {
	for _, row := range []struct {
		name    string
		options limit.Options
		words   string
	}{
		{"a lowest rate above the rate", limit.Options{Rate: 1, MinRate: 2}, "write a lowest rate above 0 and a rate that is not below it"},
		{"a negative lowest rate", limit.Options{MinRate: -1}, "write a lowest rate above 0"},
		{"nothing for background work", limit.Options{InteractiveShare: 1}, "write one between 0 and 1"},
		{"no burst for one of the classes", limit.Options{Burst: 1}, "write at least 2"},
		{"a wait that is over before it begins", limit.Options{MaxWait: -time.Second}, "must be positive"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := limit.New(row.options)
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(row.words)))
		})
	}
}

func TestARefusalSaysTheSameEachTime(t *testing.T) {
	g := NewWithT(t)
	l := newLimits(t, limit.Options{Burst: 2, Clock: newClock().Now}).Account(accountID)
	var said []string
	for range 4 {
		if err := l.Reserve(t.Context()); err != nil {
			said = append(said, err.Error())
		}
	}
	g.Expect(said).To(HaveLen(3))
	g.Expect(slices.Compact(said)).To(HaveLen(1))
}
