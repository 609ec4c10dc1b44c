// Package rolemapping brings a RoleMapping about: it tells whether the provider allows the mapping
// and can serve it, makes and keeps the role of one with role.managed, and checks the trust policy
// of the role of one with role.arn.
//
// Whether a mapping is allowed is for package mapping to say, as it is for the identity provider,
// which never reads the status that is written here. The reconciler goes through phases; each
// returns what it found as one of the outcomes of the table in outcomes.go, of which package status
// makes conditions, events and the next reconciliation. No phase waits.
package rolemapping
