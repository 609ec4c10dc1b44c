// Package ending tells every order in which what Attaché made can end. Its stories uninstall what
// all of them share, so they have a package of their own, which `make e2e` runs after the others.
package ending
