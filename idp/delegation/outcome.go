package delegation

import (
	"net/http"

	"attache.dev/attache/idp"
)

// Reasons of the refusals of this package. They are values of a metric label.
const (
	reasonInvalidRequest       = "InvalidRequest"
	reasonMethodNotAllowed     = "MethodNotAllowed"
	reasonContentType          = "UnsupportedContentType"
	reasonBodyTooLarge         = "BodyTooLarge"
	reasonUnknownClient        = "UnknownClient"
	reasonUnsupportedGrantType = "UnsupportedGrantType"
	reasonUnsupportedAPIType   = "UnsupportedAPIType"
	reasonUnknownTarget        = "UnknownTarget"
	reasonProviderNotFound     = "ProviderNotFound"
	reasonProviderDeleting     = "ProviderDeleting"
	reasonKeyUnavailable       = "KeyUnavailable"
	reasonInternal             = "Internal"
)

// outcome is how a refusal is answered over HTTP.
type outcome struct {
	status int
	// code is the answer's "error".
	code string
}

// outcomeByKind is the rule. The codes are those of RFC 6749 sections 4.1.2.1 and 5.2, the status of
// a token that is not good being 400 and its code invalid_grant by RFC 7523 section 3.1. RFC 6749
// knows none for a client that asks too often; slow_down is that of RFC 8628 section 3.5.
var outcomeByKind = map[idp.RefusalKind]outcome{
	idp.Malformed:       {http.StatusBadRequest, "invalid_request"},
	idp.Unauthenticated: {http.StatusBadRequest, "invalid_grant"},
	idp.Denied:          {http.StatusForbidden, "access_denied"},
	idp.Throttled:       {http.StatusTooManyRequests, "slow_down"},
	idp.Unavailable:     {http.StatusServiceUnavailable, "temporarily_unavailable"},
}

// outcomeByReason holds the exceptions, where HTTP or RFC 6749 section 5.2 has a word of its own.
var outcomeByReason = map[string]outcome{
	reasonUnknownClient:        {http.StatusUnauthorized, "invalid_client"},
	reasonUnsupportedGrantType: {http.StatusBadRequest, "unsupported_grant_type"},
	reasonMethodNotAllowed:     {http.StatusMethodNotAllowed, "invalid_request"},
	reasonBodyTooLarge:         {http.StatusRequestEntityTooLarge, "invalid_request"},
	reasonContentType:          {http.StatusUnsupportedMediaType, "invalid_request"},
	reasonInternal:             internal,
}

// internal is the answer to what should not happen.
var internal = outcome{http.StatusInternalServerError, "server_error"}

func outcomeOf(r *idp.Refusal) outcome {
	if o, found := outcomeByReason[r.Reason]; found {
		return o
	}
	if o, found := outcomeByKind[r.Kind]; found {
		return o
	}
	return internal
}
