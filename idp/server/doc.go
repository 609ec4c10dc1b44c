// Package server is what the pod of an IdP runs: it keeps in memory what the cluster says of one
// SAMLProvider, its RoleMappings and its keys, and serves the doors and the metadata over TLS, and
// health and metrics on a second port.
package server
