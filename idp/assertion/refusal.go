package assertion

import (
	"fmt"

	"attache.dev/attache/idp"
)

// Reasons of this package's refusals.
const (
	// ReasonInvalidNameID means that the subject's name cannot stand in ${saml:sub} of a policy.
	ReasonInvalidNameID = "InvalidNameID"
	// ReasonInvalidGrant means that AWS would not take what the grant says.
	ReasonInvalidGrant = "InvalidGrant"
	// ReasonInvalidStatement means that a statement cannot be said in XML.
	ReasonInvalidStatement = "InvalidStatement"
	// ReasonAssertionTooLarge means that the response is longer than STS takes.
	ReasonAssertionTooLarge = "AssertionTooLarge"
)

func denied(reason, format string, args ...any) *idp.Refusal {
	return &idp.Refusal{Kind: idp.Denied, Reason: reason, Message: fmt.Sprintf(format, args...)}
}
