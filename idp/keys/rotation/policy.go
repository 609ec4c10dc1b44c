package rotation

import "time"

const (
	// redeemable is how long STS takes an assertion after it was issued (it answers "Token must be
	// redeemed within 5 minutes of issuance" later).
	redeemable = 5 * time.Minute
	// clockSkew is how far ahead of AWS's the clock of a replica may be. What it signs is redeemable
	// that much longer.
	clockSkew = time.Minute
	// inFlight is how long a request can be under way that took its key from what the replica knew before.
	inFlight = time.Minute

	// maxKeys is how many keys of ours a provider holds at once: one that signs, the one before it, and
	// the one to come. IAM takes 10 (IAM User Guide, "IAM and AWS STS quotas").
	maxKeys = 3
)

// Policy is the pace of rotations.
type Policy struct {
	// RotateAfter is the age at which a key is replaced; zero means that age is no reason.
	RotateAfter time.Duration
	// RenewBefore is how long before the end of its certificate a key is replaced, and at most a third of
	// the certificate's life.
	RenewBefore time.Duration
	// Probes is how many probes in a row STS must take before an account switches.
	Probes int
	// Every is the time between two probes, and between two looks at what is under way. Probes and Every
	// together must outlast what IAM takes to tell all of STS.
	Every time.Duration
	// Fallback is how long replicas fall back on the previous key. It must outlast what IAM takes to tell
	// all of STS, too.
	Fallback time.Duration
	// Drain is how long a key stays published after the last moment at which it can have signed.
	Drain time.Duration
	// Patience is how long a new key is given to become active in the accounts that can be reached,
	// before another may follow it without them.
	Patience time.Duration
}

// DefaultPolicy returns the pace for production: a switch after eight probes over 35 s, a
// minute in which replicas fall back on the old key, and 7 minutes more in which it is published. A certificate is renewed 60 days before it ends: whether AWS refuses
// expired ones is nowhere said, and it is never put to the test.
func DefaultPolicy(rotateAfter time.Duration) Policy {
	return Policy{
		RotateAfter: rotateAfter,
		RenewBefore: 60 * 24 * time.Hour,
		Probes:      8,
		Every:       5 * time.Second,
		Fallback:    time.Minute,
		Drain:       redeemable + clockSkew + inFlight,
		Patience:    time.Hour,
	}
}

// due is when a key has to be replaced, and why.
func (p Policy) due(k Key) (time.Time, string) {
	before := min(p.RenewBefore, k.NotAfter.Sub(k.NotBefore)/3)
	at, why := k.NotAfter.Add(-before), "its certificate ends at "+instant(k.NotAfter)
	if byAge := k.NotBefore.Add(p.RotateAfter); p.RotateAfter > 0 && byAge.Before(at) {
		at, why = byAge, "it was made at "+instant(k.NotBefore)
	}
	return at, why
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }
