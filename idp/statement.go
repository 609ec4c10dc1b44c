package idp

import "time"

// Statement is what an assertion says, before it is put into SAML.
type Statement struct {
	// Issuer is the entity ID of this identity provider.
	Issuer string
	// NameID and its format, a URN (SAML 2.0 core, section 8.3).
	NameID, NameIDFormat string
	// Audience is the entity ID of the party that the assertion is for.
	Audience string
	// Recipient is the address at which the assertion may be delivered. AWS compares it with the
	// SAML:aud condition of the role's trust policy.
	Recipient string
	// Attributes in the order in which they are written.
	Attributes []Attribute
	// Lifetime is how long the assertion may be redeemed.
	Lifetime time.Duration
	// SessionLifetime is how long the session that it opens may last (SessionNotOnOrAfter).
	SessionLifetime time.Duration
}

// Attribute is a named list of values.
type Attribute struct {
	Name   string
	Values []string
}
