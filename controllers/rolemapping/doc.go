// Package rolemapping tells whether a RoleMapping works: whether its provider exists, allows it and
// can serve it. It decides nothing of its own: package mapping does, as it does for the identity
// provider, which never reads the status that is written here.
package rolemapping
