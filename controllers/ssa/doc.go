// Package ssa applies the operator's objects by server-side apply, and leaves out those that stand
// as they were applied last.
package ssa
