// Package tlsca is the operator's own certificate authority: it plans when the authority and the
// serving certificates are made anew, and makes them. It knows no Kubernetes; the clock is the
// caller's.
package tlsca
