// Package bootstrap is what an administrator makes once in each AWS account so that the operator can
// sign in there without a stored key: a SAML provider of the operator's own, the role that trusts
// nobody else, confined to what it is to manage, and a role without rights that signing keys are
// tried on. What is to be done is decided without I/O, as data.
package bootstrap
