// Package idp holds the arrows of a request's way: the small structs that one step hands to the
// next. Each step is a package below this one, and nothing reaches back:
//
//	token ──> authn ──> Subject ──> mapping ──> Grant ──> assertion ──> exchange ──> Credentials
//
// The package has no behaviour beyond the structs and imports no client.
package idp
