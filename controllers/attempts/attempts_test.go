package attempts_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/controllers/attempts"
	"attache.dev/attache/controllers/status"
)

var (
	failure = status.Outcome{Progress: status.Retrying, Retry: status.BackOff(10*time.Second, time.Minute)}
	stall   = status.Outcome{Progress: status.Stalled}
	success = status.Outcome{Progress: status.Done}
)

// tries counts what really is tried, with a clock that stands still until it is moved.
type tries struct {
	memory attempts.Memory[string]
	now    time.Time
	count  int
}

func newTries() *tries { return &tries{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)} }

func (tr *tries) do(what string, o status.Outcome) status.Finding {
	return tr.memory.Do("u1", what, func() time.Time { return tr.now }, func() status.Finding {
		tr.count++
		return o.Found("in words")
	})
}

func TestWhatWasHeldBackIsNoFailure(t *testing.T) {
	g := NewWithT(t)
	tr := newTries()
	tr.do("sync", success)
	good, _ := tr.memory.Succeeded("u1")
	tr.now = tr.now.Add(time.Hour)
	heldBack := func() status.Finding {
		return tr.memory.Do("u1", "sync", func() time.Time { return tr.now }, func() status.Finding {
			tr.count++
			return status.Finding{Outcome: success, RequeueAfter: 4 * time.Second, HeldBack: true}
		})
	}
	g.Expect(heldBack().RequeueAfter).To(Equal(4 * time.Second))
	tr.now = tr.now.Add(time.Second)
	g.Expect(heldBack().RequeueAfter).To(Equal(3*time.Second), "what is left of the wait")
	g.Expect(tr.count).To(Equal(2))
	looked, _ := tr.memory.Succeeded("u1")
	g.Expect(looked).To(Equal(good), "nothing was looked at")

	tr.now = tr.now.Add(3 * time.Second)
	g.Expect(tr.do("sync", failure).RequeueAfter).To(BeNumerically("~", 10*time.Second, time.Second), "the first failure in a row")
}

func TestAFailureIsNotTriedAgainBeforeItsTime(t *testing.T) {
	g := NewWithT(t)
	tr := newTries()
	first := tr.do("sync", failure)
	g.Expect(first.RequeueAfter).To(BeNumerically("~", 10*time.Second, time.Second))

	tr.now = tr.now.Add(5 * time.Second)
	again := tr.do("sync", failure)
	g.Expect(tr.count).To(Equal(1))
	g.Expect(again.RequeueAfter).To(Equal(first.RequeueAfter-5*time.Second), "what is left of the wait")
	g.Expect(again.Message).To(Equal(first.Message))

	tr.now = tr.now.Add(again.RequeueAfter)
	g.Expect(tr.do("sync", failure).RequeueAfter).To(BeNumerically("~", 20*time.Second, 2*time.Second), "each failure in a row waits longer")
	g.Expect(tr.count).To(Equal(2))
}

func TestAnotherTryDoesNotWait(t *testing.T) {
	g := NewWithT(t)
	tr := newTries()
	tr.do("sync of generation 1", failure)
	g.Expect(tr.do("sync of generation 2", failure).RequeueAfter).To(BeNumerically("~", 10*time.Second, time.Second))
	g.Expect(tr.count).To(Equal(2))
}

func TestAStallIsNotTriedAgainUntilSomethingChanges(t *testing.T) {
	g := NewWithT(t)
	tr := newTries()
	tr.do("sync", stall)
	tr.now = tr.now.Add(24 * time.Hour)
	g.Expect(tr.do("sync", stall).RequeueAfter).To(BeZero())
	g.Expect(tr.count).To(Equal(1))
	tr.do("sync of another generation", success)
	g.Expect(tr.count).To(Equal(2))
}

func TestASuccessIsRememberedAndEndsTheBackOff(t *testing.T) {
	g := NewWithT(t)
	tr := newTries()
	at, _ := tr.memory.Succeeded("u1")
	g.Expect(at).To(BeZero())
	tr.do("sync", failure)
	tr.now = tr.now.Add(time.Minute)
	tr.do("sync", success)
	at, what := tr.memory.Succeeded("u1")
	g.Expect(at).To(Equal(tr.now))
	g.Expect(what).To(Equal("sync"))
	g.Expect(tr.do("sync", failure).RequeueAfter).To(BeNumerically("~", 10*time.Second, time.Second))

	tr.memory.Forget("u1")
	at, _ = tr.memory.Succeeded("u1")
	g.Expect(at).To(BeZero())
	tr.do("sync", success)
	g.Expect(tr.count).To(Equal(4))
}

func TestWhatIsRememberedOfOneIsNothingOfAnother(t *testing.T) {
	g := NewWithT(t)
	type account struct{ object, id string }
	var memory attempts.Memory[account]
	now := func() time.Time { return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC) }
	tried := 0
	try := func() status.Finding { tried++; return failure.Found("in words") }
	memory.Do(account{"u1", "111122223333"}, "sync", now, try)
	memory.Do(account{"u1", "444455556666"}, "sync", now, try)
	memory.Do(account{"u1", "111122223333"}, "sync", now, try)
	g.Expect(tried).To(Equal(2))
}
