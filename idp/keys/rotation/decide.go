package rotation

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Plan is what to do now, what to show, and when to ask again.
type Plan struct {
	// Actions in the order in which they are to be taken: generate, revoke, and then the rest.
	Actions []Action
	// Again is when time alone will have changed something, counted from now; zero means that only an
	// event can.
	Again time.Duration
	// Status is what to show.
	Status Status
}

// planner is one decision.
type planner struct {
	Policy
	State
	memory Memory
	// newest is the newest key that is not revoked; its id is empty if there is none.
	newest Key
	plan   Plan
}

// Decide returns the plan for a state, and what to remember of it. The same input has the same outcome.
func Decide(p Policy, s State, m Memory) (Plan, Memory) {
	s.Keys = slices.Clone(s.Keys)
	slices.SortFunc(s.Keys, func(a, b Key) int {
		return cmp.Or(b.NotBefore.Compare(a.NotBefore), strings.Compare(a.ID, b.ID))
	})
	d := &planner{Policy: p, State: s, memory: m.look(s)}
	if i := slices.IndexFunc(s.Keys, func(k Key) bool { return d.usable(k.ID) }); i >= 0 {
		d.newest = s.Keys[i]
	}
	generating := d.generate()
	var revoke, rest []Action
	for _, a := range s.Accounts {
		actions, standing := d.account(a)
		d.plan.Status.Accounts = append(d.plan.Status.Accounts, standing)
		for _, x := range actions {
			if _, urgent := x.(Revoke); urgent {
				revoke = append(revoke, x)
			} else {
				rest = append(rest, x)
			}
		}
	}
	steps := slices.Concat(generating, revoke, rest)
	d.plan.Actions = slices.Concat(steps, d.retire(steps))
	d.tell(generating)
	return d.plan, d.memory
}

// again has the caller come back no later than in that time.
func (d *planner) again(in time.Duration) {
	in = max(in, time.Second)
	if d.plan.Again == 0 || in < d.plan.Again {
		d.plan.Again = in
	}
}

func (d *planner) held(id string) bool {
	return slices.ContainsFunc(d.Keys, func(k Key) bool { return k.ID == id })
}

func (d *planner) revoked(id string) bool { return id != "" && slices.Contains(d.Revoked, id) }

// usable reports whether a key may be signed with.
func (d *planner) usable(id string) bool { return d.held(id) && !d.revoked(id) }

// active reports whether a key signs for any account.
func (d *planner) active(id string) bool {
	return slices.ContainsFunc(d.Accounts, func(a Account) bool { return a.Active == id })
}

// lost reports whether the account signs with a key that is gone. Another key would cut off what IAM
// trusts, which a person may want to bring back from a backup; who does not revokes the lost key.
func (d *planner) lost(a Account) bool {
	return a.Active != "" && !d.held(a.Active) && !d.revoked(a.Active)
}

// generate makes a key if there is none to sign with, or if one is due and the last rotation is over.
func (d *planner) generate() []Action {
	if d.newest.ID == "" {
		if slices.ContainsFunc(d.Accounts, d.lost) {
			return nil
		}
		why := "there is none"
		if len(d.Keys) > 0 {
			why = "all others are revoked"
		}
		return d.newKey(why)
	}
	at, why := d.due(d.newest)
	if d.Requested != "" && d.Requested != d.Handled {
		at, why = d.Now, "somebody asked for it"
	}
	if d.Now.Before(at) {
		d.again(at.Sub(d.Now))
		return nil
	}
	if blocked := d.unfinished(); blocked != "" {
		d.plan.Status.Blocked = fmt.Sprintf("Another key is due because %s, and waits: %s", why, blocked)
		d.again(d.Every)
		return nil
	}
	return d.newKey(why)
}

func (d *planner) newKey(why string) []Action {
	x := Generate{NotBefore: d.Now.UTC().Truncate(time.Second), Handled: cmp.Or(d.Requested, d.Handled), Why: why}
	if len(d.Keys) > 0 {
		last := d.Keys[0]
		x.After = last.ID
		if !x.NotBefore.After(last.NotBefore) {
			x.NotBefore = last.NotBefore.Add(time.Second)
		}
	}
	d.again(time.Second)
	return []Action{x}
}

// unfinished says what the last rotation still has to do before the next one. Accounts that cannot be
// reached or that others write to are no part of it, and neither is one that nothing helps.
func (d *planner) unfinished() string {
	for _, k := range d.Keys {
		if k.ID != d.newest.ID && d.usable(k.ID) && !d.active(k.ID) {
			return fmt.Sprintf("key %s is not out of use yet", k.ID)
		}
	}
	if age := d.Now.Sub(d.newest.NotBefore); age < 0 || age >= d.Patience {
		return ""
	}
	for _, a := range d.Accounts {
		if a.Reachable && !a.Observed && !d.lost(a) && a.Active != d.newest.ID {
			return fmt.Sprintf("account %s does not sign with key %s yet", a.ID, d.newest.ID)
		}
	}
	return ""
}

// retire lets go of the keys that nobody needs, and that the other steps do not take up again.
func (d *planner) retire(steps []Action) []Action {
	if d.newest.ID == "" {
		return nil
	}
	var actions []Action
	for _, k := range d.Keys {
		if k.ID == d.newest.ID || d.active(k.ID) || d.trusted(k.ID) || slices.ContainsFunc(steps, takesUp(k.ID)) {
			continue
		}
		switch left, known := d.memory.undrained(place{key: k.ID}, d.Drain, d.Uptime); {
		case !known:
			d.again(d.Every)
		case left > 0 && !d.revoked(k.ID):
			// Looked at all the while: a replica that still signs would start the wait anew.
			d.again(min(left, d.Every))
		default:
			actions = append(actions, Retire{k.ID})
		}
	}
	return actions
}

// takesUp reports whether a step has something sign with the key.
func takesUp(id string) func(Action) bool {
	return func(x Action) bool {
		switch x := x.(type) {
		case Switch:
			return x.To == id || x.Previous == id
		case Revoke:
			return x.Sign == id
		default:
			return false
		}
	}
}

// trusted reports whether the key is about to be taken out of IAM somewhere.
func (d *planner) trusted(id string) bool {
	return slices.ContainsFunc(d.Accounts, func(a Account) bool {
		return a.Reachable && !a.Observed && !d.lost(a) && slices.Contains(a.Published, id)
	})
}
