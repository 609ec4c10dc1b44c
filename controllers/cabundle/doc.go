// Package cabundle keeps the operator's certificate authority in a Secret, and the bundle that
// clients of the identity providers trust in a ConfigMap of each namespace that asks for it.
package cabundle
