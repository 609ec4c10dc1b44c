package rotation

import (
	"slices"
	"time"
)

// Action is a step to take. Each says what must hold before it and is safe to repeat: what was done
// already is found done. They are to be taken in their order; after one that failed, those of other
// accounts may still be taken.
type Action interface{ action() }

// Generate adds a key to the Secret, and in the same write the request that it answers. Nothing is to
// be done if the Secret's newest key is not After any more.
type Generate struct {
	// After is the id of the Secret's newest key, revoked or not; empty if it holds none.
	After string
	// NotBefore of the certificate: now, or later than that of every other key if the clock was set back,
	// because it is by this that keys are known to be newer.
	NotBefore time.Time
	// Handled is the request to store with it.
	Handled string
	// Why, in words for an event.
	Why string
}

// Revoke replaces the keys of an account in IAM so that a revoked one is gone, and has Sign sign from
// then on. The ledger gets both in one write: what was active may be worthless now.
type Revoke struct {
	Account string
	// Keys to publish, newest first, instead of all that are there.
	Keys []string
	// Sign is one of them.
	Sign string
}

// Publish has IAM hold these keys of an account, newest first, and no others. The active key is among
// them, if there is one.
type Publish struct {
	Account string
	Keys    []string
}

// Switch has To sign for an account instead of From. To is published there; it is empty where IAM trusts
// none of ours any more, so that callers are told instead of refused by STS.
type Switch struct {
	Account  string
	From, To string
	// Previous is the key to fall back on until Settle; empty if there is none.
	Previous string
}

// Settle ends the falling back on the previous key of an account.
type Settle struct{ Account, Previous string }

// Probe signs an assertion with the key for the account's role that is there for it, and tells Memory
// whether STS took the signature.
type Probe struct{ Account, Key string }

// Retire takes a key out of the Secret. Nothing signs with it any more, and nothing that it signed can
// be redeemed.
type Retire struct{ Key string }

func (Generate) action() {}
func (Revoke) action()   {}
func (Publish) action()  {}
func (Switch) action()   {}
func (Settle) action()   {}
func (Probe) action()    {}
func (Retire) action()   {}

// Done returns what the ledger has to say once IAM holds the keys.
func (r Revoke) Done(a Account) Account {
	a.Published, a.Active, a.Previous = slices.Clone(r.Keys), r.Sign, ""
	return a
}

// Done returns what the ledger has to say once IAM holds the keys.
func (p Publish) Done(a Account) Account {
	a.Published = slices.Clone(p.Keys)
	return a
}

// Done returns what the ledger has to say, and false if another step was faster: then nothing is to be
// written.
func (s Switch) Done(a Account) (Account, bool) {
	if a.Active != s.From || s.To != "" && !slices.Contains(a.Published, s.To) {
		return a, false
	}
	a.Active, a.Previous = s.To, s.Previous
	return a, true
}

// Done returns what the ledger has to say, and false if another step was faster.
func (s Settle) Done(a Account) (Account, bool) {
	if a.Previous != s.Previous {
		return a, false
	}
	a.Previous = ""
	return a, true
}
