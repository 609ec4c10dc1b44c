package rotation_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/idp/keys/rotation"
)

// FuzzNoRotationCutsAnybodyOff makes up a world and lets things happen to it: requests, rotations asked
// for, operators that die between any two halves of a step, replicas that lag, are silent or start
// anew, accounts that are cut off, people who publish late, clocks that are set. The world itself
// checks each step against what was really signed; at the end all is well again and has to come to rest.
func FuzzNoRotationCutsAnybodyOff(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, seed uint64, mischief bool) { live(t, seed, mischief) })
}

// The property is worth what the worlds go through: each step and each state has to come up.
func TestTheWorldsReachEveryOutcome(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(60) {
		for what, times := range live(t, seed, seed%2 == 0).seen {
			seen[what] += times
		}
	}
	t.Log(seen)
	for _, x := range []rotation.Action{
		rotation.Generate{}, rotation.Revoke{}, rotation.Publish{}, rotation.Switch{}, rotation.Settle{}, rotation.Probe{}, rotation.Retire{},
	} {
		NewWithT(t).Expect(seen).To(HaveKeyWithValue(fmt.Sprintf("%T", x), BeNumerically(">=", 20)))
	}
	for _, r := range []rotation.Reason{
		rotation.ReasonKeyActive, rotation.ReasonProgressing, rotation.ReasonRevoking, rotation.ReasonAwaitingReplicas, rotation.ReasonAwaitingProbes,
		rotation.ReasonAwaitingPublication, rotation.ReasonUnreachable, rotation.ReasonDraining, rotation.ReasonKeyLost,
	} {
		NewWithT(t).Expect(seen).To(HaveKeyWithValue(string(r), BeNumerically(">=", 20)))
	}
}

// live takes a world through all that happens to it, and to rest.
func live(t testing.TB, seed uint64, mischief bool) *world {
	w := newWorld(t, seed, 1+int(seed%4), int(seed/4%3), int(seed/12%4))
	for range 60 + w.rand.IntN(120) {
		happenings[w.rand.IntN(len(happenings))](w)
		if mischief {
			w.mischief = true
			mischiefs[w.rand.IntN(len(mischiefs))](w)
		}
	}
	w.recover()
	w.checkRest()
	return w
}

var happenings = []func(*world){
	func(w *world) { w.pass(time.Duration(w.rand.Int64N(int64(20 * time.Second)))) },
	func(w *world) { w.pass(time.Duration(w.rand.Int64N(int64(4 * time.Minute)))) },
	func(w *world) {
		for range 8 {
			w.round(1 << 20)
			w.pass(5 * time.Second)
		}
	},
	func(w *world) {
		for range 100 {
			w.round(1 << 20)
			w.serveSome()
			w.pass(5 * time.Second)
		}
	},
	func(w *world) { w.round(1 << 20) },
	func(w *world) { w.round(1 + w.rand.IntN(6)) },
	func(w *world) { w.serveSome() },
	func(w *world) {
		if w.rand.IntN(3) == 0 {
			w.requested = fmt.Sprint("request at ", w.elapsed)
			w.note("somebody asks for a rotation")
		}
	},
	func(w *world) {
		w.someReplica(func(r *replica) { r.lagsKeys, r.lagsStatus = w.rand.IntN(2) == 0, w.rand.IntN(2) == 0 })
	},
	func(w *world) { w.someReplica(func(r *replica) { r.silent = w.rand.IntN(3) == 0 }) },
	func(w *world) { w.someReplica(func(r *replica) { *r = replica{name: r.name}; w.sync(r) }) },
	func(w *world) {
		e := w.someAccount()
		e.cutOff = w.rand.IntN(3) == 0
		w.note("%s cut off: %t", e.ID, e.cutOff)
	},
	func(w *world) { e := w.someAccount(); e.deaf = w.rand.IntN(4) == 0 },
	func(w *world) { w.publishByHand(w.someAccount().ID) },
	func(w *world) {
		w.skew += time.Duration(w.rand.Int64N(int64(200*day))) - 100*day
		w.note("the clock is set to %s", w.state().Now)
	},
}

// mischiefs are what may cost somebody an answer.
var mischiefs = []func(*world){
	func(*world) {},
	func(*world) {},
	func(*world) {},
	func(w *world) {
		for _, k := range w.keys {
			if w.rand.IntN(2) == 0 && !slices.Contains(w.revoked, k.ID) && len(w.revoked) < 12 {
				w.revoked = append(w.revoked, k.ID)
				w.note("%s is revoked", k.ID)
			}
		}
	},
	func(w *world) {
		e := w.someAccount()
		w.note("somebody puts other metadata into %s", e.ID)
		w.write(e, []string{"foreign"})
		for at := range w.signed {
			if at[0] == e.ID {
				delete(w.signed, at) // Nothing that was signed is worth anything now.
			}
		}
	},
	func(w *world) { e := w.someAccount(); e.Active, e.Previous = "", "" },
	func(w *world) {
		if len(w.keys) > 0 && w.rand.IntN(8) == 0 {
			i := w.rand.IntN(len(w.keys))
			w.note("%s is lost", w.keys[i].ID)
			w.keys = slices.Delete(w.keys, i, i+1)
		}
	},
}

func (w *world) serveSome() {
	w.someReplica(func(r *replica) { w.serve(r, w.someAccount().ID) })
}

func (w *world) someReplica(f func(*replica)) {
	if len(w.replicas) > 0 {
		f(w.replicas[w.rand.IntN(len(w.replicas))])
	}
}

func (w *world) someAccount() *entry { return w.ledger[w.order[w.rand.IntN(len(w.order))]] }

// recover has everything be reachable, and people do as they are told.
func (w *world) recover() {
	w.note("all is well again")
	for _, r := range w.replicas {
		r.lagsKeys, r.lagsStatus, r.silent = false, false, false
	}
	for _, e := range w.ledger {
		e.cutOff, e.deaf = false, false
		if !w.held(e.Active) { // Whoever finds no backup gives the key up.
			w.revoked = append(w.revoked, e.Active)
		}
	}
	w.pass(time.Second)
	for range 4 {
		w.settle(3 * time.Hour)
		for _, id := range w.order {
			w.publishByHand(id)
		}
	}
}

// checkRest holds what must be true once nothing is left to do.
func (w *world) checkRest() {
	if len(w.keys) != 1 {
		w.fail("the Secret holds %v at rest: %+v", w.keys, w.last.Status)
	}
	for id, e := range w.ledger {
		if e.Active != w.newest() || !slices.Equal(e.iam, []string{w.newest()}) {
			w.fail("%s signs with %q and holds %v at rest", id, e.Active, e.iam)
		}
	}
	if w.requested != w.handled {
		w.fail("request %q was not answered", w.requested)
	}
	if w.last.Status.Reason != rotation.ReasonKeyActive {
		w.fail("status at rest: %+v", w.last.Status)
	}
	s := w.state()
	one, _ := rotation.Decide(policy, s, w.memory)
	two, _ := rotation.Decide(policy, s, w.memory)
	if !reflect.DeepEqual(one, two) {
		w.fail("two plans for one state: %+v and %+v", one, two)
	}
}
