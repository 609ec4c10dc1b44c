package status

import (
	"math/rand/v2"
	"time"

	"attache.dev/attache/api/v1alpha1"
)

// Progress is what happens next of itself.
type Progress string

const (
	// Done: the phase has what it wants.
	Done Progress = "Done"
	// Working: nothing failed; a watch or a requeue carries the work on.
	Working Progress = "Working"
	// Retrying: something failed and is tried again.
	Retrying Progress = "Retrying"
	// Stalled: nothing goes on until somebody changes something.
	Stalled Progress = "Stalled"
	// Halted: the spec itself asks for no service. Nothing is under way and nobody need act, so the
	// object is neither Reconciling nor Stalled; it is not Ready either, whatever else is found.
	Halted Progress = "Halted"
	// Unknown: it cannot be found out, and the object is Ready without it. The condition is Unknown.
	Unknown Progress = "Unknown"
)

// Outcome is one way in which a phase can end: a row of a controller's table.
type Outcome struct {
	// Condition is the normal-true condition that tells of the phase. It is True when Progress is
	// Done and Unknown when Progress is. It is Ready for a phase that has no condition of its own.
	Condition string
	// Reason of the condition and of the event.
	Reason string
	// Progress decides between Ready, Reconciling and Stalled.
	Progress Progress
	// Retry says when to come back; the zero value leaves it to the watches.
	Retry Retry
	// Meaning is for people who read the table or the documentation made from it.
	Meaning string
}

// KubernetesError is how any phase ends that the Kubernetes API failed, told in condition.
func KubernetesError(condition string) Outcome {
	return Outcome{
		Condition: condition, Reason: v1alpha1.ReasonKubernetesError, Progress: Retrying, Retry: Never,
		Meaning: "the Kubernetes API refused or failed; the queue backs off",
	}
}

// Found is the Finding of an outcome, to be looked at again as its row of the table says.
func (o Outcome) Found(message string) Finding {
	return Finding{Outcome: o, Message: message, RequeueAfter: o.Retry.After(0, Jitter())}
}

// Within returns the outcome for an object of that interval.
func (o Outcome) Within(interval time.Duration) Outcome {
	if o.Retry.eachInterval {
		o.Retry = Every(interval)
	}
	return o
}

// Retry is when to reconcile again.
type Retry struct {
	// First delay, and the one at which doubling ends. No doubling if Max is not above First.
	First, Max time.Duration
	// eachInterval stands for a delay that each object says itself.
	eachInterval bool
}

// Never leaves the next reconciliation to the watches.
var Never = Retry{}

// Every comes back after a time, give or take a tenth.
func Every(d time.Duration) Retry { return Retry{First: d, Max: d} }

// EachInterval comes back after the interval of the object, which Outcome.Within tells.
var EachInterval = Retry{eachInterval: true}

// BackOff doubles the delay with each failure in a row, give or take a tenth.
func BackOff(first, limit time.Duration) Retry { return Retry{First: first, Max: limit} }

// Soon leaves it to the status that was just written to call the reconciler, which is then sure to
// read it, and comes back should that fail.
var Soon = Every(time.Second / 2)

// After returns the delay before the next try when there were failures tries in a row before this
// one. unit is a random number of [0,1), which spreads objects that failed together.
func (r Retry) After(failures int, unit float64) time.Duration {
	if r.First <= 0 {
		return 0
	}
	d := r.First
	for range failures {
		if d >= r.Max {
			break
		}
		d *= 2
	}
	d = min(d, max(r.Max, r.First))
	const spread = 0.2
	return time.Duration(float64(d) * (1 - spread/2 + spread*unit))
}

// Jitter returns a random number of [0,1), which spreads objects that came at the same time.
func Jitter() float64 {
	return rand.Float64() //nolint:gosec // spreads load, protects nothing
}

// Finding is how a phase ended for one object.
type Finding struct {
	Outcome
	// Message tells a person what is and, unless all is well, what to do. It is the same each time
	// the same is found, and holds no secret.
	Message string
	// RequeueAfter is when to reconcile again; zero leaves it to the watches.
	RequeueAfter time.Duration
	// HeldBack tells that AWS was not asked, so that nothing new was found: the operator leaves room
	// for others. It is no failure, and its time is RequeueAfter.
	HeldBack bool
}

// Change is something that a reconciliation did in AWS and that people should hear of, whatever the
// conditions say.
type Change struct {
	// Reason of the event, one of api/v1alpha1.
	Reason string
	// Action that was taken, such as Delete; empty for Reconcile. Events that differ in nothing but
	// their note are counted as one (client-go), so what may follow on another of the same reason at
	// once has its own.
	Action string
	// Note tells what was done, to what. It holds no secret.
	Note string
}
