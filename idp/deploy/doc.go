// Package deploy says which objects the operator builds for one identity provider: a pure function
// from a SAMLProvider to the configurations that server-side apply takes.
package deploy
