// Package authn finds out who asks: it turns the token of a Kubernetes service account into a
// Subject.
//
// The API server decides. What it would refuse anyway is refused before it is asked: rubbish,
// expired tokens and tokens for somebody else never leave the process. Nothing that was read
// locally ever allows anything.
package authn
