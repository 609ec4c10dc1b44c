package rotation

import "time"

// State is what is known at one moment. Who plans asks each replica anew before it fills it in.
type State struct {
	// Now is the wall clock. It decides when a key is old, never when a step is safe.
	Now time.Time
	// Uptime is a monotonic clock, such as time.Since of a moment of this process. Waits that must not
	// be cut short count by it, because a wall clock may be set.
	Uptime time.Duration
	// Keys that the key Secret holds, in any order.
	Keys []Key
	// Accounts of the provider, Observed ones included.
	Accounts []Account
	// Replicas are all pods of the IdP that exist, whether they are ready or not.
	Replicas []Replica
	// Requested is the value of the annotation that asks for a rotation, and Handled the one that was
	// stored together with the key that was last generated.
	Requested, Handled string
	// Revoked are ids of keys that nobody may trust any more.
	Revoked []string
}

// Key is a signing key without what is secret in it.
type Key struct {
	ID                  string
	NotBefore, NotAfter time.Time
}

// Account is what the ledger says of an AWS account.
type Account struct {
	// ID is the twelve digits of the account.
	ID string
	// Observed accounts are written to by others.
	Observed bool
	// Reachable tells whether IAM let the operator read and write when it was last asked. An account
	// that is backed off from is not reachable.
	Reachable bool
	// Published are the ids of the keys that IAM was last seen to hold, those of others included.
	Published []string
	// Active is the id of the key that signs for the account; empty if none does. Previous is the one
	// that signed before, as long as replicas fall back on it when STS does not know the active one.
	Active, Previous string
}

// Replica is what a pod of the IdP says of itself.
type Replica struct {
	// Name of the pod.
	Name string
	// Answered is false for a pod that exists and does not say what it holds: it may sign with anything.
	Answered bool
	// Holds are the ids of the keys that it has in memory.
	Holds []string
	// Signs are, by account ID, the ids of the keys with which it would sign from now on: the active and
	// the previous one as it sees them. They count even if it does not hold them now,
	// because the Secret and the status reach it by two watches, and one may lag.
	Signs map[string][]string
}
