package rotation_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"attache.dev/attache/idp/keys/rotation"
)

const (
	// What the tests hold the package to is written down here once more, from AWS's own words.
	redeemableAtAWS = 5 * time.Minute
	aheadOfAWS      = time.Minute // how far a replica's clock may be ahead of AWS's
	slowRequest     = 50 * time.Second
	propagation     = 10 * time.Second

	day      = 24 * time.Hour
	validity = 3650 * day
)

var policy = rotation.DefaultPolicy(90 * day)

// world is a cluster, its operator, and AWS.
type world struct {
	t    testing.TB
	rand *rand.Rand
	// elapsed is real time; skew is what the operator's wall clock adds to it.
	elapsed, skew time.Duration

	// The key Secret and the SAMLProvider's status, which survive the operator.
	keys    []rotation.Key
	handled string
	made    int
	ledger  map[string]*entry
	order   []string
	// What a person writes.
	requested string
	revoked   []string

	replicas []*replica
	// slow are requests that have chosen their key and have not signed yet.
	slow []slowSign
	// signed is when something was last signed for an account with a key.
	signed map[[2]string]time.Duration

	// What only the operator's process knows.
	started time.Duration
	memory  rotation.Memory
	last    rotation.Plan
	// mischief is set once a person has done what no rotation promises to survive without an outage.
	mischief bool
	trace    []string
	seen     map[string]int
}

type entry struct {
	rotation.Account
	// iam is the truth, and old what STS may still go by until then.
	iam, old []string
	until    time.Duration
	// cutOff accounts let nobody write; deaf ones take no probe; unknown ones are new to STS.
	cutOff, deaf, unknown bool
}

type replica struct {
	name   string
	silent bool
	// The Secret and the status reach it by two watches.
	lagsKeys, lagsStatus bool
	// What it has seen.
	holds            []string
	active, previous map[string]string
	first            map[string]bool // the key is the first that it knows for the account
}

type slowSign struct {
	account, key string
	at           time.Duration
}

func newWorld(t testing.TB, seed uint64, managed, observed, replicas int) *world {
	w := &world{t: t, rand: rand.New(rand.NewPCG(seed, 0)), ledger: map[string]*entry{}, signed: map[[2]string]time.Duration{}, seen: map[string]int{}}
	for i := range managed + observed {
		id := fmt.Sprintf("%012d", i+1)
		w.order = append(w.order, id)
		w.ledger[id] = &entry{Account: rotation.Account{ID: id, Observed: i >= managed}}
	}
	for i := range replicas {
		w.replicas = append(w.replicas, &replica{name: fmt.Sprintf("idp-%d", i)})
		w.sync(w.replicas[i])
	}
	return w
}

func (w *world) note(format string, args ...any) {
	w.trace = append(w.trace, fmt.Sprintf("%8s ", w.elapsed)+fmt.Sprintf(format, args...))
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	for _, line := range w.trace[max(0, len(w.trace)-60):] {
		w.t.Log(line)
	}
	w.t.Fatalf(format, args...)
}

// pass lets time go by. Everything that does not lag sees what there is to see.
func (w *world) pass(d time.Duration) {
	end := w.elapsed + d
	slices.SortFunc(w.slow, func(a, b slowSign) int { return int(a.at - b.at) })
	for len(w.slow) > 0 && w.slow[0].at <= end {
		w.elapsed = max(w.elapsed, w.slow[0].at)
		w.sign(w.slow[0].account, w.slow[0].key)
		w.slow = w.slow[1:]
	}
	w.elapsed = end
	for _, r := range w.replicas {
		w.sync(r)
	}
}

func (w *world) sync(r *replica) {
	if r.active == nil {
		r.active, r.previous, r.first = map[string]string{}, map[string]string{}, map[string]bool{}
	}
	if !r.lagsKeys {
		r.holds = nil
		for _, k := range w.keys {
			r.holds = append(r.holds, k.ID)
		}
	}
	for id, e := range w.ledger {
		if !r.lagsStatus {
			r.first[id] = r.active[id] == "" || r.first[id] && r.active[id] == e.Active
			r.active[id], r.previous[id] = e.Active, e.Previous
		}
	}
}

// intends are the keys with which the replica would sign for the account, the first one first.
func intends(r *replica, account string) []string {
	ids := []string{r.active[account], r.previous[account]}
	return slices.DeleteFunc(ids, func(id string) bool { return id == "" })
}

// signs are those of them that it has.
func signs(r *replica, account string) []string {
	return slices.DeleteFunc(intends(r, account), func(id string) bool { return !slices.Contains(r.holds, id) })
}

// sign is one signature, late or not.
func (w *world) sign(account, key string) {
	w.signed[[2]string{account, key}] = w.elapsed
}

// serve is one request: it must be answered unless somebody has done mischief.
func (w *world) serve(r *replica, account string) {
	keys := signs(r, account) // It falls back only when STS refuses the active key.
	if !slices.Contains(r.holds, r.active[account]) {
		if keys = nil; r.first[account] {
			return // The account or the replica has only just come to be: callers are told to come again.
		}
	}
	for i, k := range keys {
		w.sign(account, k)
		if i == 0 && w.rand.IntN(4) == 0 {
			w.slow = append(w.slow, slowSign{account, k, w.elapsed + time.Duration(w.rand.Int64N(int64(slowRequest)))})
		}
		if w.taken(account, k) {
			return
		}
	}
	e := w.ledger[account]
	if e.unknown = e.unknown && w.elapsed < e.until; r.active[account] != "" && !w.mischief && !e.unknown {
		w.fail("%s could not sign for %s with any of %v: STS holds %v, or still %v", r.name, account, keys, e.iam, e.old)
	}
}

// taken asks STS, which tells old or new at random as long as IAM is telling it.
func (w *world) taken(account, key string) bool {
	e := w.ledger[account]
	if w.elapsed < e.until && w.rand.IntN(2) == 0 {
		return slices.Contains(e.old, key)
	}
	return slices.Contains(e.iam, key)
}

func (w *world) write(e *entry, ids []string) {
	if !slices.Equal(e.iam, ids) {
		e.unknown = e.unknown || e.Active == ""
		e.old, e.until = e.iam, w.elapsed+propagation
		e.iam = slices.Clone(ids)
	}
}

func (w *world) state() rotation.State {
	s := rotation.State{
		Now:       time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC).Add(w.elapsed + w.skew),
		Uptime:    w.elapsed - w.started,
		Keys:      slices.Clone(w.keys),
		Requested: w.requested, Handled: w.handled,
		Revoked: w.revoked,
	}
	for _, id := range w.order {
		e := w.ledger[id]
		e.Reachable = !e.cutOff
		if !e.cutOff {
			e.Published = slices.Clone(e.iam)
		}
		s.Accounts = append(s.Accounts, e.Account)
	}
	for _, r := range w.replicas {
		told := rotation.Replica{Name: r.name, Answered: !r.silent}
		if told.Answered {
			told.Holds, told.Signs = r.holds, map[string][]string{}
			for _, id := range w.order {
				told.Signs[id] = intends(r, id)
			}
		}
		s.Replicas = append(s.Replicas, told)
	}
	return s
}

// round is one reconciliation that ends after that many halves of steps, if it does not get through;
// each step is taken again now and then, as by an operator that does not know that it was taken.
func (w *world) round(halves int) {
	s := w.state()
	plan, memory := rotation.Decide(policy, s, w.memory)
	w.checkPlan(s, plan)
	w.last, w.memory = plan, memory
	for _, x := range plan.Actions {
		w.seen[fmt.Sprintf("%T", x)]++
	}
	for _, a := range plan.Status.Accounts {
		w.seen[string(a.Reason)]++
	}
	for _, x := range plan.Actions {
		for range 1 + w.rand.IntN(8)/7 {
			w.note("%T%+v", x, x)
			if halves -= w.take(x, halves); halves <= 0 {
				w.die()
				return
			}
		}
	}
}

// die is the end of the operator's process, and the start of the next.
func (w *world) die() {
	w.note("the operator died")
	w.memory, w.started = rotation.Memory{}, w.elapsed
}

// take does as the controller has to, and returns how many halves it took: 1 if the operator died
// between AWS and the ledger.
func (w *world) take(x rotation.Action, halves int) int {
	switch x := x.(type) {
	case rotation.Generate:
		w.generate(x)
	case rotation.Revoke:
		e := w.ledger[x.Account]
		w.checkUnpublished(e, x.Keys)
		w.write(e, x.Keys)
		if halves == 1 {
			return 1
		}
		e.Account = x.Done(e.Account)
	case rotation.Publish:
		e := w.ledger[x.Account]
		w.checkUnpublished(e, x.Keys)
		w.write(e, x.Keys)
		if halves == 1 {
			return 1
		}
		e.Account = x.Done(e.Account)
	case rotation.Switch:
		e := w.ledger[x.Account]
		// A browser that carries an assertion has no second try with another key.
		if slices.Contains(e.iam, x.From) && w.elapsed < e.until && !slices.Contains(e.old, x.To) {
			w.fail("STS may not know %s in %s yet", x.To, x.Account)
		}
		if after, ok := x.Done(e.Account); ok {
			e.Account = after
		}
	case rotation.Settle:
		e := w.ledger[x.Account]
		if after, ok := x.Done(e.Account); ok {
			e.Account = after
		}
	case rotation.Probe:
		var err error
		w.sign(x.Account, x.Key)
		if w.ledger[x.Account].deaf || !w.taken(x.Account, x.Key) {
			err = errors.New("Response signature invalid")
		}
		w.memory = w.memory.Probed(x, w.elapsed-w.started, err)
	case rotation.Retire:
		w.checkRetired(x.Key)
		w.keys = slices.DeleteFunc(w.keys, func(k rotation.Key) bool { return k.ID == x.Key })
	}
	return 2
}

func (w *world) generate(x rotation.Generate) {
	newest := ""
	for i, k := range w.keys {
		if i == 0 || k.NotBefore.After(w.keys[0].NotBefore) {
			newest = k.ID
		}
	}
	if newest != x.After {
		return
	}
	w.made++
	w.keys = slices.Insert(w.keys, 0, rotation.Key{ID: fmt.Sprintf("k%d", w.made), NotBefore: x.NotBefore, NotAfter: x.NotBefore.Add(validity)})
	w.handled = x.Handled
}

// checkPlan holds what must be true of every plan.
func (w *world) checkPlan(s rotation.State, plan rotation.Plan) {
	accounts := map[string]rotation.Account{}
	for _, a := range s.Accounts {
		accounts[a.ID] = a
	}
	early := true
	for _, x := range plan.Actions {
		switch x := x.(type) {
		case rotation.Generate:
		case rotation.Revoke:
			if !early {
				w.fail("%+v does not come first", x)
			}
			w.checkKeys(x.Account, x.Keys, x.Sign)
		default:
			early = false
		}
		switch x := x.(type) {
		case rotation.Publish:
			a := accounts[x.Account]
			w.checkKeys(x.Account, x.Keys, a.Active)
			if a.Observed || !a.Reachable {
				w.fail("%+v writes where the operator must not or cannot", x)
			}
		case rotation.Switch:
			if x.To != "" && (!slices.Contains(accounts[x.Account].Published, x.To) || slices.Contains(w.revoked, x.To)) {
				w.fail("%+v is to sign with what IAM does not hold", x)
			}
		}
	}
	w.checkHeld()
}

func (w *world) checkKeys(account string, ids []string, signs string) {
	if len(ids) == 0 || len(ids) > 3 {
		w.fail("%d keys for %s", len(ids), account)
	}
	if signs != "" && !slices.Contains(ids, signs) {
		w.fail("%s signs with %s, which is not among %v", account, signs, ids)
	}
	for _, id := range ids {
		if slices.Contains(w.revoked, id) || !w.held(id) {
			w.fail("%s is to hold %s, which is revoked or gone", account, id)
		}
	}
}

// checkHeld bounds the Secret: an old key for each account, one that all the others use, and one to come.
func (w *world) checkHeld() {
	held := 0
	for _, k := range w.keys {
		if !slices.Contains(w.revoked, k.ID) {
			held++
		}
	}
	if held > len(w.order)+2 {
		w.fail("the Secret holds %d keys for %d accounts", held, len(w.order))
	}
}

func (w *world) held(id string) bool {
	return slices.ContainsFunc(w.keys, func(k rotation.Key) bool { return k.ID == id })
}

// checkUnpublished holds against what really was signed and what the replicas would really do.
func (w *world) checkUnpublished(e *entry, ids []string) {
	for _, id := range e.iam {
		if !slices.Contains(ids, id) && !slices.Contains(w.revoked, id) && w.held(id) {
			w.checkUnused(e.ID, id)
		}
	}
}

func (w *world) checkRetired(key string) {
	for _, id := range w.order {
		if w.ledger[id].Active == key {
			w.fail("%s still signs with %s", id, key)
		}
		if !slices.Contains(w.revoked, key) {
			w.checkUnused(id, key)
			continue
		}
		for _, r := range w.replicas {
			if slices.Contains(signs(r, id), key) {
				w.fail("%s may still sign with %s", r.name, key)
			}
		}
	}
}

func (w *world) checkUnused(account, key string) {
	if w.ledger[account].Active == key {
		w.fail("%s still signs with %s", account, key)
	}
	for _, r := range w.replicas {
		if slices.Contains(signs(r, account), key) {
			w.fail("%s may still sign for %s with %s", r.name, account, key)
		}
	}
	for _, s := range w.slow {
		if s.account == account && s.key == key {
			w.fail("a request is about to sign for %s with %s", account, key)
		}
	}
	if at, ever := w.signed[[2]string{account, key}]; ever && w.elapsed < at+redeemableAtAWS+aheadOfAWS {
		w.fail("%s signed for %s %s ago", key, account, w.elapsed-at)
	}
}

// publishByHand is what a person does for an Observed account when told to.
func (w *world) publishByHand(id string) {
	for _, s := range w.last.Status.Accounts {
		if s.Account == id && len(s.Wanted) > 0 && w.ledger[id].Observed {
			e := w.ledger[id]
			w.checkUnpublished(e, s.Wanted)
			w.note("a person publishes %v in %s", s.Wanted, id)
			w.write(e, s.Wanted)
		}
	}
}

// settle lets the operator work until it has nothing left to do.
func (w *world) settle(within time.Duration) {
	w.t.Helper()
	for end := w.elapsed + within; w.elapsed < end; {
		w.round(1 << 20)
		for _, r := range w.replicas {
			for _, id := range w.order {
				w.serve(r, id)
			}
		}
		if len(w.last.Actions) == 0 && (w.last.Again == 0 || w.last.Again > time.Hour) {
			return
		}
		w.pass(max(time.Second, min(w.last.Again, 5*time.Second)))
	}
	w.fail("still at work after %s: %+v", within, w.last)
}

func (w *world) newest() string {
	return slices.MaxFunc(w.keys, func(a, b rotation.Key) int { return a.NotBefore.Compare(b.NotBefore) }).ID
}
