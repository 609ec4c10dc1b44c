package rotation

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// KeyState tells what a key is used for.
type KeyState string

const (
	// Next: published, or about to be, and signs nothing yet.
	Next KeyState = "Next"
	// Active: signs for at least one account.
	Active KeyState = "Active"
	// Previous: signs nothing any more.
	Previous KeyState = "Previous"
)

// Reason is why something stands as it does: a closed set of CamelCase words.
type Reason string

const (
	// ReasonKeyActive: the newest key signs, and nothing is left to do.
	ReasonKeyActive Reason = "KeyActive"
	// ReasonProgressing: a step is being taken.
	ReasonProgressing Reason = "Progressing"
	// ReasonRevoking: revoked keys are being taken out of IAM, or wait for somebody to do it.
	ReasonRevoking Reason = "Revoking"
	// ReasonAwaitingReplicas: pods of the IdP do not hold the next key, or do not answer.
	ReasonAwaitingReplicas Reason = "AwaitingReplicas"
	// ReasonAwaitingProbes: STS has not taken the next key often enough.
	ReasonAwaitingProbes Reason = "AwaitingProbes"
	// ReasonAwaitingPublication: the account is Observed, and somebody has to publish.
	ReasonAwaitingPublication Reason = "AwaitingPublication"
	// ReasonUnreachable: the operator cannot write to the account's IAM.
	ReasonUnreachable Reason = "Unreachable"
	// ReasonDraining: the newest key signs, and what the one before it signed can still be redeemed.
	ReasonDraining Reason = "Draining"
	// ReasonKeyLost: the account's key is gone, and a person must decide.
	ReasonKeyLost Reason = "KeyLost"
)

// Status is what to show.
type Status struct {
	// Keys, newest first.
	Keys []KeyStatus
	// Accounts in the order of the State's.
	Accounts []Standing
	// Blocked says what keeps a key that is due from being made; empty if nothing does.
	Blocked string
	// Reason and Message sum it up: the first account that waits speaks for all of them.
	Reason  Reason
	Message string
}

// KeyStatus is what a key is used for.
type KeyStatus struct {
	ID      string
	State   KeyState
	Revoked bool
	Message string
}

// Standing is how far an account is.
type Standing struct {
	Account string
	// Wanted are the ids of the keys, newest first, that IAM should hold: an Observed account is to be
	// given metadata with these. Empty if nothing can be said.
	Wanted  []string
	Reason  Reason
	Message string
}

// wait is why an account does not switch.
type wait struct {
	reason  Reason
	message string
}

func standing(a Account, reason Reason, format string, args ...any) Standing {
	return Standing{Account: a.ID, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// stand tells how far an account is that is in no emergency.
func (d *planner) stand(a Account, publishing bool, w wait) Standing {
	wanted := d.wanted(a)
	s := d.standing(a, wanted, publishing, w)
	s.Wanted = wanted
	return s
}

func (d *planner) standing(a Account, wanted []string, publishing bool, w wait) Standing {
	lacks := slices.ContainsFunc(wanted, func(id string) bool { return !slices.Contains(a.Published, id) })
	keys := strings.Join(wanted, ", ")
	switch {
	case d.trustsRevoked(a) && a.Observed:
		return standing(a, ReasonRevoking, "IAM trusts a revoked key, and the account is Observed: replace the metadata there with one of %s at once", keys)
	case d.trustsRevoked(a):
		return standing(a, ReasonRevoking, "IAM trusts a revoked key and cannot be reached: replace the metadata there with one of %s by hand, or make the account reachable", keys)
	case lacks && a.Observed:
		return standing(a, ReasonAwaitingPublication, "The account is Observed: give its IAM SAML provider metadata with the keys %s", keys)
	case lacks && !a.Reachable:
		return standing(a, ReasonUnreachable, "IAM cannot be written to, so key %s stays as it is here; the other accounts go on", a.Active)
	case publishing:
		return standing(a, ReasonProgressing, "Publishing keys %s", keys)
	case w.reason != "":
		return Standing{Account: a.ID, Reason: w.reason, Message: w.message}
	case a.Active == "":
		return standing(a, ReasonProgressing, "Key %s is about to sign", d.newest.ID)
	case len(wanted) > 1:
		return standing(a, ReasonDraining, "Key %s signs; keys %s stay published until nothing that they signed can be redeemed", a.Active, keys)
	}
	return standing(a, ReasonKeyActive, "Key %s signs", a.Active)
}

// tell sums up.
func (d *planner) tell(generating []Action) {
	s := &d.plan.Status
	for _, k := range d.Keys {
		s.Keys = append(s.Keys, d.keyStatus(k))
	}
	s.Reason, s.Message = ReasonKeyActive, fmt.Sprintf("Key %s signs", d.newest.ID)
	if i := slices.IndexFunc(s.Accounts, func(a Standing) bool { return a.Reason != ReasonKeyActive }); i >= 0 {
		first := s.Accounts[i]
		s.Reason, s.Message = first.Reason, fmt.Sprintf("Account %s: %s", first.Account, first.Message)
		others := 0
		for _, a := range s.Accounts[i+1:] {
			if a.Reason != ReasonKeyActive {
				others++
			}
		}
		if others > 0 {
			s.Message += fmt.Sprintf("; and %d more accounts, see status.accounts", others)
		}
	} else if i := slices.IndexFunc(d.Keys, func(k Key) bool { return k.ID != d.newest.ID }); i >= 0 {
		s.Reason, s.Message = ReasonDraining, fmt.Sprintf("Key %s signs; key %s goes once no pod can sign with it and nothing that it signed can be redeemed", d.newest.ID, d.Keys[i].ID)
	}
	for _, x := range generating {
		if made, ok := x.(Generate); ok {
			s.Reason, s.Message = ReasonProgressing, "Making a new key because "+made.Why
		}
	}
}

func (d *planner) keyStatus(k Key) KeyStatus {
	out := KeyStatus{ID: k.ID, State: Previous, Revoked: d.revoked(k.ID)}
	signs := 0
	for _, a := range d.Accounts {
		if a.Active == k.ID {
			signs++
		}
	}
	switch {
	case signs > 0:
		out.State = Active
		out.Message = fmt.Sprintf("signs for %d of %d accounts", signs, len(d.Accounts))
	case k.ID == d.newest.ID:
		out.State = Next
	}
	if left := k.NotAfter.Sub(d.Now); left <= 0 {
		out.Message = strings.TrimPrefix(out.Message+"; its certificate ended at "+instant(k.NotAfter), "; ")
	} else if left < d.RenewBefore {
		out.Message = strings.TrimPrefix(out.Message+fmt.Sprintf("; its certificate ends in %d days", int(left/(24*time.Hour))), "; ")
	}
	return out
}
