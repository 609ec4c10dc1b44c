package authn

import (
	"time"

	"attache.dev/attache/idp"
)

// Reasons of the refusals of Authenticate.
const (
	// ReasonTokenEmpty: there is no token.
	ReasonTokenEmpty = "TokenEmpty"
	// ReasonTokenMalformed: what was sent is not a JSON Web Token with an expiry.
	ReasonTokenMalformed = "TokenMalformed"
	// ReasonTokenExpired: the token's time is over.
	ReasonTokenExpired = "TokenExpired"
	// ReasonTokenWrongAudience: the token was made for somebody else.
	ReasonTokenWrongAudience = "TokenWrongAudience"
	// ReasonTokenRejected: the API server does not vouch for the token.
	ReasonTokenRejected = "TokenRejected"
	// ReasonTokenNotBound: the token is bound to no pod, and the provider wants one.
	ReasonTokenNotBound = "TokenNotBound"
	// ReasonNotServiceAccount: the token is good, but not one of a service account.
	ReasonNotServiceAccount = "NotServiceAccount"
	// ReasonAuthenticatorUnavailable: the API server did not answer.
	ReasonAuthenticatorUnavailable = "AuthenticatorUnavailable"
)

func refuse(reason, message string) *idp.Refusal {
	return &idp.Refusal{Kind: idp.Unauthenticated, Reason: reason, Message: message}
}

func unavailable(cause error, retryAfter time.Duration) *idp.Refusal {
	return &idp.Refusal{
		Kind:       idp.Unavailable,
		Reason:     ReasonAuthenticatorUnavailable,
		Message:    "the Kubernetes API server, which has to confirm the token, did not answer; try again",
		RetryAfter: retryAfter,
		Err:        cause,
	}
}
