package rotation_test

import (
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/idp/keys/rotation"
)

// atRest is a world in which everything is done.
func atRest(t *testing.T, managed, observed, replicas int) *world {
	w := newWorld(t, 1, managed, observed, replicas)
	w.recover()
	w.checkRest()
	return w
}

func (w *world) ask(request string) { w.requested = request }

// work lets the operator work for that long.
func (w *world) work(d time.Duration) {
	for end := w.elapsed + d; w.elapsed < end; w.pass(5 * time.Second) {
		w.round(1 << 20)
		for _, r := range w.replicas {
			for _, id := range w.order {
				w.serve(r, id)
			}
		}
	}
}

func (w *world) standing(id string) rotation.Standing {
	i := slices.IndexFunc(w.last.Status.Accounts, func(s rotation.Standing) bool { return s.Account == id })
	return w.last.Status.Accounts[i]
}

func TestAccountsThatCannotFollowHoldUpNobody(t *testing.T) {
	const cutOff, deaf, lost, observed = "000000000002", "000000000003", "000000000004", "000000000005"
	tests := []struct {
		name   string
		ails   string
		happen func(w *world)
		// wait is how long others wait for the account, because it might come round.
		wait    time.Duration
		reason  rotation.Reason
		message string
	}{
		{"one that is cut off", cutOff, func(w *world) { w.ledger[cutOff].cutOff = true }, 0, rotation.ReasonUnreachable, "IAM cannot be written to"},
		{"one whose STS takes no probe", deaf, func(w *world) { w.ledger[deaf].deaf = true }, policy.Patience, rotation.ReasonAwaitingProbes, "Response signature invalid"},
		{"one that others write to", observed, func(*world) {}, 0, rotation.ReasonAwaitingPublication, "give its IAM SAML provider metadata with the keys"},
		{"one whose key is lost", lost, loseKeyOf(lost), 0, rotation.ReasonKeyLost, "does not hold it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := atRest(t, 4, 1, 2)
			g := NewWithT(t)
			tt.happen(w)
			first := w.ledger[tt.ails].Active
			for _, request := range []string{"a", "b", "c", "d", "e"} {
				w.ask(request)
				w.work(15*time.Minute + tt.wait)
				g.Expect(w.handled).To(Equal(request))
				for _, id := range w.order {
					if id != tt.ails && id != observed {
						g.Expect(w.ledger[id].Active).To(Equal(w.newest()), "%s after rotation %s", id, request)
						g.Expect(w.standing(id).Reason).To(Equal(rotation.ReasonKeyActive))
					}
				}
			}
			g.Expect(w.ledger[tt.ails].Active).To(Equal(first))
			g.Expect(w.standing(tt.ails).Reason).To(Equal(tt.reason))
			g.Expect(w.standing(tt.ails).Message).To(ContainSubstring(tt.message))
			g.Expect(len(w.keys)).To(BeNumerically("<=", 2), "the first key and the newest")

			w.recover()
			w.checkRest()
		})
	}
}

// loseKeyOf has all accounts but one switch, and takes that one's key out of the Secret.
func loseKeyOf(account string) func(*world) {
	return func(w *world) {
		w.mischief = true
		w.ledger[account].deaf = true
		w.ask("before the loss")
		w.work(15 * time.Minute)
		w.keys = slices.DeleteFunc(w.keys, func(k rotation.Key) bool { return k.ID == w.ledger[account].Active })
	}
}

func TestAnAccountThatIsCutOffDuringARotationKeepsNeitherKeyAlive(t *testing.T) {
	const dead = "000000000002"
	w := atRest(t, 2, 0, 2)
	g := NewWithT(t)
	old := w.newest()
	w.ask("now")
	for w.ledger[dead].Active == old {
		w.work(5 * time.Second)
	}
	w.ledger[dead].cutOff = true // IAM goes on trusting the old key, and nothing signs with it.
	w.work(20 * time.Minute)
	g.Expect(w.keys).To(HaveLen(1))
	g.Expect(w.ledger[dead].iam).To(ConsistOf(old, w.newest()))

	w.ledger[dead].cutOff = false
	w.work(5 * time.Second)
	g.Expect(w.ledger[dead].iam).To(ConsistOf(w.newest()))
}

func TestARevokedKeyIsOutOfIAMBeforeAnythingElseHappens(t *testing.T) {
	const dead, observed = "000000000003", "000000000004"
	tests := []struct {
		name  string
		until func(w *world) bool // of a rotation that is under way
	}{
		{"while all is quiet", nil},
		{"when the next key is published", func(w *world) bool { return len(w.ledger["000000000001"].iam) == 2 }},
		{"when one account has switched", func(w *world) bool { return w.ledger["000000000001"].Active == w.newest() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := atRest(t, 3, 1, 2)
			g := NewWithT(t)
			w.mischief = true
			w.ledger[dead].cutOff = true
			if tt.until != nil {
				w.ask("now")
				for len(w.keys) == 1 || !tt.until(w) {
					w.work(5 * time.Second)
				}
			}
			var leaked []string
			for _, k := range w.keys {
				leaked = append(leaked, k.ID)
			}
			w.revoked = leaked
			for _, r := range w.replicas {
				r.silent = true // Nobody is asked whether it suits them.
			}
			w.round(1 << 20) // makes a key
			w.round(1 << 20)
			for _, id := range []string{"000000000001", "000000000002"} {
				g.Expect(w.ledger[id].iam).To(Equal([]string{w.newest()}))
				g.Expect(w.ledger[id].Active).To(Equal(w.newest()), "from the very moment at which IAM lets go of the old one")
			}
			g.Expect(leaked).NotTo(ContainElement(w.newest()))
			for _, id := range []string{dead, observed} {
				g.Expect(w.standing(id).Reason).To(Equal(rotation.ReasonRevoking))
				g.Expect(w.ledger[id].iam).To(ContainElement(w.ledger[id].Active), "what is still trusted still signs")
			}
			g.Expect(w.standing(dead).Message).To(ContainSubstring("by hand"))

			w.recover()
			w.checkRest()
		})
	}
}

func TestAnEmergencyFallsBackOnAKeyThatIAMHoldsAlready(t *testing.T) {
	const account = "000000000001"
	w := atRest(t, 1, 0, 2)
	g := NewWithT(t)
	old := w.newest()
	w.ask("now")
	for w.ledger[account].Active == old {
		w.work(5 * time.Second)
	}
	w.revoked = []string{w.newest()}
	w.work(5 * time.Second) // Every request is answered all the while: no mischief is declared.
	g.Expect(w.ledger[account].Active).To(Equal(old))
	g.Expect(w.ledger[account].iam).To(Equal([]string{old}))
}

func TestARotationWithNothingWrongTakesTenMinutes(t *testing.T) {
	w := atRest(t, 3, 0, 3)
	start := w.elapsed
	w.ask("now")
	w.settle(time.Hour)
	w.checkRest()
	NewWithT(t).Expect(w.elapsed - start).To(BeNumerically("<", 11*time.Minute))
}

func TestAKeyThatIsLostIsAPersonsToGiveUp(t *testing.T) {
	w := atRest(t, 2, 0, 1)
	g := NewWithT(t)
	w.mischief = true
	lost := w.newest()
	w.keys = nil
	w.round(1 << 20)
	g.Expect(w.last.Actions).To(BeEmpty())
	g.Expect(w.last.Status.Reason).To(Equal(rotation.ReasonKeyLost))
	g.Expect(w.last.Status.Message).To(ContainSubstring("restore it from a backup, or give it up by revoking it"))

	w.revoked = []string{lost}
	w.recover()
	w.checkRest()
}
