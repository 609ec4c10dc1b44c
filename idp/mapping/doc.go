// Package mapping decides what a subject may have: it turns a Subject and the RoleMappings that
// name it into a Grant, or into a refusal that says what to change.
//
// The package is pure: it reads the specs of the SAMLProvider and of the RoleMappings it is given,
// never their status, and does no I/O. The IdP asks it to answer, and the RoleMapping controller to
// report, so that both always agree.
package mapping
