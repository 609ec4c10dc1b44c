package rotation_test

import (
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/idp/keys/rotation"
)

var now = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func key(id string, age time.Duration) rotation.Key {
	return rotation.Key{ID: id, NotBefore: now.Add(-age), NotAfter: now.Add(validity - age)}
}

// settled is a provider in which the key k1 signs, made that long ago.
func settled(age time.Duration) rotation.State {
	return rotation.State{
		Now: now, Uptime: time.Hour,
		Keys:     []rotation.Key{key("k1", age)},
		Accounts: []rotation.Account{{ID: "111122223333", Reachable: true, Published: []string{"k1"}, Active: "k1"}},
		Replicas: []rotation.Replica{{Name: "idp-0", Answered: true, Holds: []string{"k1"}, Signs: map[string][]string{"111122223333": {"k1"}}}},
	}
}

// rotating is settled with k2 made just now and published.
func rotating() rotation.State {
	s := settled(90 * day)
	s.Keys = append(s.Keys, key("k2", 0))
	s.Accounts[0].Published = []string{"k2", "k1"}
	s.Replicas[0].Holds = []string{"k2", "k1"}
	return s
}

func TestWhenAKeyIsReplaced(t *testing.T) {
	tests := []struct {
		name   string
		policy func(*rotation.Policy)
		state  func(*rotation.State)
		// want is the reason, empty if no key is made, and again when time will make one.
		want  string
		again time.Duration
	}{
		{"a young key stays", nil, nil, "", 80 * day},
		{"at its age", nil, func(s *rotation.State) { s.Keys[0] = key("k1", 90*day) }, "it was made at 2026-08-25T09:00:00Z", 0},
		{"age is no reason if none is set", func(p *rotation.Policy) { p.RotateAfter = 0 }, func(s *rotation.State) { s.Keys[0] = key("k1", 3000*day) }, "", 590 * day},
		{"60 days before its certificate ends", func(p *rotation.Policy) { p.RotateAfter = 0 }, func(s *rotation.State) { s.Keys[0] = key("k1", 3590*day) }, "its certificate ends at 2027-01-22T09:00:00Z", 0},
		{"long after its certificate ended", func(p *rotation.Policy) { p.RotateAfter = 0 }, func(s *rotation.State) { s.Keys[0] = key("k1", 5000*day) }, "its certificate ends at 2023-03-14T09:00:00Z", 0},
		{"the certificate counts before a later age", func(p *rotation.Policy) { p.RotateAfter = 4000 * day }, func(s *rotation.State) { s.Keys[0] = key("k1", 3590*day) }, "its certificate ends at 2027-01-22T09:00:00Z", 0},
		{"a certificate of 90 days is renewed after 60", func(p *rotation.Policy) { p.RotateAfter = 0 }, func(s *rotation.State) { s.Keys[0].NotAfter = s.Keys[0].NotBefore.Add(90 * day) }, "", 50 * day},
		{"somebody asks", nil, func(s *rotation.State) { s.Requested = "today" }, "somebody asked for it", 0},
		{"what somebody asked for was done", nil, func(s *rotation.State) { s.Requested, s.Handled = "today", "today" }, "", 80 * day},
		{"there is none", nil, func(s *rotation.State) { s.Keys, s.Accounts[0].Active, s.Accounts[0].Published = nil, "", nil }, "there is none", 0},
		{"the only one is revoked", nil, func(s *rotation.State) { s.Revoked = []string{"k1"} }, "all others are revoked", 0},
		{"the clock was set back", nil, func(s *rotation.State) { s.Keys[0] = key("k1", -300*day) }, "", 390 * day},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			p, s := policy, settled(10*day)
			if tt.policy != nil {
				tt.policy(&p)
			}
			if tt.state != nil {
				tt.state(&s)
			}
			plan, _ := rotation.Decide(p, s, rotation.Memory{})
			if tt.want == "" {
				g.Expect(plan.Actions).To(BeEmpty())
				g.Expect(plan.Again).To(Equal(tt.again))
				return
			}
			g.Expect(plan.Actions).To(HaveLen(1))
			g.Expect(plan.Actions[0].(rotation.Generate).Why).To(Equal(tt.want))
			g.Expect(plan.Status.Message).To(Equal("Making a new key because " + tt.want))
		})
	}
}

func TestAKeyIsNewerThanAllOthersWhateverTheClockSays(t *testing.T) {
	g := NewWithT(t)
	s := settled(-300 * day) // made while the clock was ahead
	s.Requested = "now"
	plan, _ := rotation.Decide(policy, s, rotation.Memory{})
	g.Expect(plan.Actions).To(ConsistOf(rotation.Generate{
		After: "k1", NotBefore: s.Keys[0].NotBefore.Add(time.Second), Handled: "now", Why: "somebody asked for it",
	}))
}

func TestWhatAnAccountWaitsFor(t *testing.T) {
	probed := func(taken int, err error) rotation.Memory {
		_, m := rotation.Decide(policy, rotating(), rotation.Memory{})
		for i := range taken {
			m = m.Probed(rotation.Probe{Account: "111122223333", Key: "k2"}, time.Hour-time.Duration(taken-i)*policy.Every, nil)
		}
		if err != nil {
			m = m.Probed(rotation.Probe{Account: "111122223333", Key: "k2"}, time.Hour-time.Second, err)
		}
		return m
	}
	tests := []struct {
		name    string
		memory  rotation.Memory
		change  func(*rotation.State)
		reason  rotation.Reason
		message string
		actions []rotation.Action
		again   time.Duration
	}{
		{
			"the first probe", rotation.Memory{}, nil,
			rotation.ReasonAwaitingProbes, "0 of 8 probes in a row were taken with key k2",
			[]rotation.Action{rotation.Probe{Account: "111122223333", Key: "k2"}}, 5 * time.Second,
		},
		{
			"a probe that STS refused, again a while later", probed(3, errors.New("Response signature invalid")), nil,
			rotation.ReasonAwaitingProbes, "STS does not take key k2 yet: Response signature invalid", nil, 9 * time.Second,
		},
		{
			"nothing more after eight", probed(8, nil), nil,
			rotation.ReasonProgressing, "Switching to key k2",
			[]rotation.Action{rotation.Switch{Account: "111122223333", From: "k1", To: "k2", Previous: "k1"}}, 5 * time.Second,
		},
		{
			"a pod that has not got the key", probed(8, nil), func(s *rotation.State) { s.Replicas[0].Holds = []string{"k1"} },
			rotation.ReasonAwaitingReplicas, "Pods that do not hold key k2 yet: idp-0", nil, 5 * time.Second,
		},
		{
			"a pod that does not answer", probed(8, nil), func(s *rotation.State) { s.Replicas[0] = rotation.Replica{Name: "idp-1"} },
			rotation.ReasonAwaitingReplicas, "Pods that do not say which keys they hold: idp-1", nil, 5 * time.Second,
		},
		{
			"IAM, which is cut off", probed(8, nil),
			func(s *rotation.State) { s.Accounts[0].Reachable, s.Accounts[0].Published = false, []string{"k1"} },
			rotation.ReasonUnreachable, "IAM cannot be written to, so key k1 stays as it is here; the other accounts go on", nil, 90 * day,
		},
		{
			"a person", probed(8, nil),
			func(s *rotation.State) { s.Accounts[0].Observed, s.Accounts[0].Published = true, []string{"k1"} },
			rotation.ReasonAwaitingPublication, "The account is Observed: give its IAM SAML provider metadata with the keys k2, k1", nil, 90 * day,
		},
		{
			"a person who has put one key in the place of the other, and gets no outage for it", rotation.Memory{},
			func(s *rotation.State) { s.Accounts[0].Observed, s.Accounts[0].Published = true, []string{"k2"} },
			rotation.ReasonAwaitingPublication, "The account is Observed: give its IAM SAML provider metadata with the keys k2, k1",
			[]rotation.Action{rotation.Switch{Account: "111122223333", From: "k1", To: "k2"}}, 5 * time.Second,
		},
		{
			"a person who has taken every key away", rotation.Memory{},
			func(s *rotation.State) { s.Accounts[0].Observed, s.Accounts[0].Published = true, []string{"another's"} },
			rotation.ReasonAwaitingPublication, "The account is Observed: give its IAM SAML provider metadata with the keys k2, k1",
			[]rotation.Action{rotation.Switch{Account: "111122223333", From: "k1"}}, 90 * day,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			s := rotating()
			if tt.change != nil {
				tt.change(&s)
			}
			plan, _ := rotation.Decide(policy, s, tt.memory)
			g.Expect(plan.Actions).To(Equal(tt.actions))
			g.Expect(plan.Status.Accounts).To(HaveLen(1))
			g.Expect(plan.Status.Accounts[0].Reason).To(Equal(tt.reason))
			g.Expect(plan.Status.Accounts[0].Message).To(Equal(tt.message))
			g.Expect(plan.Status.Message).To(Equal("Account 111122223333: " + tt.message))
			g.Expect(plan.Again).To(Equal(tt.again))
		})
	}
}

func TestStatusTellsWhatEachKeyIsFor(t *testing.T) {
	g := NewWithT(t)
	s := rotating()
	s.Keys = append(s.Keys, rotation.Key{ID: "k0", NotBefore: now.Add(-99 * day), NotAfter: now.Add(-9 * day)})
	s.Keys[0].NotAfter = now.Add(20 * day)
	s.Revoked = []string{"k0"}
	plan, _ := rotation.Decide(policy, s, rotation.Memory{})
	g.Expect(plan.Status.Keys).To(Equal([]rotation.KeyStatus{
		{ID: "k2", State: rotation.Next},
		{ID: "k1", State: rotation.Active, Message: "signs for 1 of 1 accounts; its certificate ends in 20 days"},
		{ID: "k0", State: rotation.Previous, Revoked: true, Message: "its certificate ended at 2026-11-14T09:00:00Z"},
	}))
}

func TestAnotherRotationWaitsForTheLast(t *testing.T) {
	g := NewWithT(t)
	s := rotating()
	s.Requested = "again"
	plan, _ := rotation.Decide(policy, s, rotation.Memory{})
	g.Expect(plan.Actions).NotTo(ContainElement(BeAssignableToTypeOf(rotation.Generate{})))
	g.Expect(plan.Status.Blocked).To(Equal("Another key is due because somebody asked for it, and waits: account 111122223333 does not sign with key k2 yet"))
}

// A step that comes late, because its operator was slow or another has taken over, changes nothing.
func TestStepsKnowWhenTheyComeTooLate(t *testing.T) {
	g := NewWithT(t)
	a := rotation.Account{ID: "111122223333", Published: []string{"k3", "k2"}, Active: "k2", Previous: "k1"}

	_, done := rotation.Switch{Account: a.ID, From: "k1", To: "k2"}.Done(a)
	g.Expect(done).To(BeFalse(), "another has switched")
	_, done = rotation.Switch{Account: a.ID, From: "k2", To: "k4"}.Done(a)
	g.Expect(done).To(BeFalse(), "IAM does not hold the key any more")
	_, done = rotation.Settle{Account: a.ID, Previous: "k0"}.Done(a)
	g.Expect(done).To(BeFalse(), "there is another previous key by now")

	after, done := rotation.Settle{Account: a.ID, Previous: "k1"}.Done(a)
	g.Expect(done).To(BeTrue())
	g.Expect(after.Previous).To(BeEmpty())
	after, done = rotation.Switch{Account: a.ID, From: "k2", To: "k3", Previous: "k2"}.Done(a)
	g.Expect(done).To(BeTrue())
	g.Expect(after).To(Equal(rotation.Account{ID: a.ID, Published: a.Published, Active: "k3", Previous: "k2"}))
	_, done = rotation.Switch{Account: a.ID, From: "k2", To: "k3", Previous: "k2"}.Done(after)
	g.Expect(done).To(BeFalse(), "it has been done")
}

func TestAProbeThatIsRefusedIsRepeatedMoreAndMoreRarely(t *testing.T) {
	g := NewWithT(t)
	s := rotating()
	_, m := rotation.Decide(policy, s, rotation.Memory{})
	var waits []time.Duration
	for range 9 {
		m = m.Probed(rotation.Probe{Account: "111122223333", Key: "k2"}, s.Uptime, errors.New("no"))
		var plan rotation.Plan
		plan, m = rotation.Decide(policy, s, m)
		waits = append(waits, plan.Again)
	}
	g.Expect(waits).To(Equal([]time.Duration{
		10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second,
		5 * time.Minute, 5 * time.Minute, 5 * time.Minute, 5 * time.Minute,
	}))
}

func TestAKeyThatIsTakenUpAgainIsNotRetired(t *testing.T) {
	g := NewWithT(t)
	s := rotating() // whose ledger is lost, and whose account is cut off
	s.Accounts[0].Active, s.Accounts[0].Reachable, s.Replicas = "", false, nil
	_, m := rotation.Decide(policy, s, rotation.Memory{})
	s.Uptime += time.Hour
	plan, _ := rotation.Decide(policy, s, m)
	g.Expect(plan.Actions).To(ConsistOf(rotation.Switch{Account: "111122223333", To: "k1"}))
}
