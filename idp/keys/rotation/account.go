package rotation

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// account plans one account, whatever happens in the others.
func (d *planner) account(a Account) ([]Action, Standing) {
	switch {
	case d.lost(a):
		return nil, standing(a, ReasonKeyLost, "Key %s signs here and the key Secret does not hold it: restore it from a backup, or give it up by revoking it", a.Active)
	case d.newest.ID == "":
		d.again(d.Every)
		return nil, standing(a, ReasonProgressing, "Waiting for a key to sign with")
	case a.Reachable && !a.Observed && d.trustsRevoked(a):
		return d.revoke(a)
	}
	actions, waiting := d.switchKey(a)
	publishing := false
	if !switches(actions) { // What IAM should hold is another thing after a switch.
		published := d.publish(a)
		actions, publishing = slices.Concat(actions, d.settle(a), published), len(published) > 0
	}
	return actions, d.stand(a, publishing, waiting)
}

func switches(actions []Action) bool {
	return slices.ContainsFunc(actions, func(x Action) bool { _, is := x.(Switch); return is })
}

// trustsRevoked reports whether the account takes what a revoked key signs, as far as is known.
func (d *planner) trustsRevoked(a Account) bool {
	return d.revoked(a.Active) || slices.ContainsFunc(a.Published, d.revoked)
}

// revoke takes revoked keys out of IAM at once, and puts another in the place of the active one in the
// same call: who waits for replicas and probes here leaves the account to whoever has the key.
func (d *planner) revoke(a Account) ([]Action, Standing) {
	sign := a.Active
	if !d.usable(sign) {
		sign = d.standIn(a)
	}
	after := a
	after.Active = sign
	d.again(d.Every)
	told := standing(a, ReasonRevoking, "Taking revoked keys out of IAM; key %s signs", sign)
	told.Wanted = d.wanted(after)
	return []Action{Revoke{Account: a.ID, Keys: told.Wanted, Sign: sign}}, told
}

// standIn is the key that can sign soonest: one that IAM and every replica have already, if any.
func (d *planner) standIn(a Account) string {
	published := d.published(a)
	for _, id := range published {
		if d.missing(id) == "" {
			return id
		}
	}
	return append(published, d.newest.ID)[0]
}

// published are the usable keys that IAM holds, newest first.
func (d *planner) published(a Account) []string {
	var ids []string
	for _, k := range d.Keys {
		if d.usable(k.ID) && slices.Contains(a.Published, k.ID) {
			ids = append(ids, k.ID)
		}
	}
	return ids
}

// wanted are the keys that IAM should hold, newest first: the active one, those with which something
// was signed that can still be redeemed, and the one to come, if there is room for it.
func (d *planner) wanted(a Account) []string {
	ids := make([]string, 0, maxKeys)
	for _, k := range d.Keys {
		if d.usable(k.ID) && (k.ID == a.Active || slices.Contains(a.Published, k.ID) && d.needed(a, k.ID)) {
			ids = append(ids, k.ID)
		}
	}
	if len(ids) < maxKeys && !slices.Contains(ids, d.newest.ID) {
		ids = slices.Insert(ids, 0, d.newest.ID)
	}
	for i := len(ids) - 1; len(ids) > maxKeys; i-- { // Only if somebody else has published more.
		if ids[i] != a.Active {
			ids = slices.Delete(ids, i, i+1)
		}
	}
	return ids
}

// needed reports whether a key that does not sign has to stay where it is published.
func (d *planner) needed(a Account, id string) bool {
	if id == d.newest.ID {
		return true
	}
	left, known := d.memory.undrained(place{a.ID, id}, d.Drain, d.Uptime)
	return !known || left > 0
}

// publish puts IAM right where the operator may.
func (d *planner) publish(a Account) []Action {
	wanted := d.wanted(a)
	for _, id := range wanted {
		if id != a.Active && id != d.newest.ID {
			left, _ := d.memory.undrained(place{a.ID, id}, d.Drain, d.Uptime)
			d.again(min(max(left, time.Second), d.Every))
		}
	}
	if a.Observed || !a.Reachable || same(a.Published, wanted) {
		return nil
	}
	d.again(d.Every)
	return []Action{Publish{Account: a.ID, Keys: wanted}}
}

func same(a, b []string) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(id string) bool { return !slices.Contains(b, id) })
}

// switchKey has the account sign with the newest key once that is safe, and returns what it waits for.
func (d *planner) switchKey(a Account) ([]Action, wait) {
	published := d.published(a)
	if !slices.Contains(a.Published, a.Active) {
		return d.replaceUntrusted(a, published), wait{}
	}
	if a.Active == d.newest.ID {
		return nil, wait{}
	}
	if !slices.Contains(published, d.newest.ID) {
		return nil, wait{ReasonProgressing, fmt.Sprintf("Waiting until IAM holds key %s", d.newest.ID)}
	}
	probe, waiting := d.probe(a)
	if lacking := d.missing(d.newest.ID); lacking != "" {
		d.again(d.Every)
		waiting = wait{ReasonAwaitingReplicas, lacking}
	}
	if waiting.reason != "" {
		return probe, waiting
	}
	x := Switch{Account: a.ID, From: a.Active, To: d.newest.ID}
	if d.usable(a.Active) {
		x.Previous = a.Active
	}
	d.again(d.Every)
	return []Action{x}, wait{ReasonProgressing, fmt.Sprintf("Switching to key %s", d.newest.ID)}
}

// settle ends the falling back once STS must know the active key, or at once if there is nothing to
// fall back on.
func (d *planner) settle(a Account) []Action {
	if a.Previous == "" {
		return nil
	}
	left := d.memory.switched[place{a.ID, a.Active}] + d.Fallback - d.Uptime
	if left > 0 && d.usable(a.Previous) {
		d.again(left)
		return nil
	}
	d.again(d.Every)
	return []Action{Settle{a.ID, a.Previous}}
}

// replaceUntrusted finds a key for an account in which none signs, or one that IAM does not hold. There
// is nothing to lose by being quick. The oldest is the one that STS surely knows.
func (d *planner) replaceUntrusted(a Account, published []string) []Action {
	switch {
	case len(published) > 0 && (a.Active == "" || a.Observed || !a.Reachable):
		d.again(d.Every)
		return []Action{Switch{Account: a.ID, From: a.Active, To: published[len(published)-1]}}
	case a.Active != "" && a.Observed:
		return []Action{Switch{Account: a.ID, From: a.Active}}
	}
	return nil // The operator is about to publish, or may come to.
}

// probe asks for a probe if one is due, and says what is missing to trust the newest key.
func (d *planner) probe(a Account) ([]Action, wait) {
	s := d.memory.probes[place{a.ID, d.newest.ID}]
	if s.taken >= d.Probes {
		return nil, wait{}
	}
	waiting := wait{ReasonAwaitingProbes, fmt.Sprintf("%d of %d probes in a row were taken with key %s", s.taken, d.Probes, d.newest.ID)}
	if s.err != "" {
		waiting.message = fmt.Sprintf("STS does not take key %s yet: %s", d.newest.ID, s.err)
	}
	in := s.wait(d.Every, d.Uptime)
	if in > 0 {
		d.again(in)
		return nil, waiting
	}
	d.again(d.Every)
	return []Action{Probe{a.ID, d.newest.ID}}, waiting
}

// missing names the replicas that cannot sign with a key, or nothing.
func (d *planner) missing(id string) string {
	var silent, without []string
	for _, r := range d.Replicas {
		switch {
		case !r.Answered:
			silent = append(silent, r.Name)
		case !slices.Contains(r.Holds, id):
			without = append(without, r.Name)
		}
	}
	switch {
	case len(silent) > 0:
		return fmt.Sprintf("Pods that do not say which keys they hold: %s", strings.Join(silent, ", "))
	case len(without) > 0:
		return fmt.Sprintf("Pods that do not hold key %s yet: %s", id, strings.Join(without, ", "))
	}
	return ""
}
