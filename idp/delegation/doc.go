// Package delegation is the door for programs: POST /delegation takes the id_token of a pod and
// answers with AWS credentials, in the form of Auth0's delegation endpoint.
//
// The request is an assertion grant of RFC 7523, as JSON or as a form. As RFC 6749 section 3.2
// demands, parameters without a value count as omitted, unknown parameters (Auth0's clients send
// device or connection) are ignored, and a parameter that is sent twice is refused. scope is
// accepted and ignored: what is granted is for the RoleMappings to say.
//
// The handler walks a request through authn, mapping, assertion and exchange, and turns the outcome
// into the answer, the audit line and the metrics.
package delegation
