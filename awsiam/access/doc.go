// Package access gets the operator its own AWS credentials for an account, by the way that the
// account's SAMLProvider names, and makes sure that they are of that account before anything is done
// with them. No error of this package holds a secret or an assertion.
package access
