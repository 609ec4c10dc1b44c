// Package samlprovider brings a SAMLProvider about: its signing key, its serving certificate, the
// IAM provider that trusts it, and the workload that serves it.
//
// The reconciler goes through phases. A phase does one thing and returns what it found, as one of
// the outcomes of the table in outcomes.go; package status makes conditions, events and the next
// reconciliation out of it. No phase waits: what is not ready yet is told and comes back.
package samlprovider
