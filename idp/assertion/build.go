package assertion

import (
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/crewjam/saml"

	"attache.dev/attache/idp"
)

// clockSkew is how far behind ours the clock of a party may be that heeds NotBefore; AWS does not.
// A minute is far beyond what NTP leaves, and gives nobody time that NotOnOrAfter does not.
const clockSkew = time.Minute

const (
	samlVersion  = "2.0"
	methodBearer = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	// How a subject proved itself to us is no class that SAML knows (SAML 2.0 authn context, section 3.4.25).
	contextUnspecified = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
)

// build makes the response that says the statement, unsigned. It leaves out what others compute or
// refuse: NameQualifier (AWS derives its own from issuer, account and provider) and Address.
func build(st idp.Statement, now time.Time, random io.Reader) (*saml.Response, error) {
	responseID, err := newID(random)
	if err != nil {
		return nil, err
	}
	assertionID, err := newID(random)
	if err != nil {
		return nil, err
	}
	now = now.UTC().Truncate(time.Second)
	issuer := saml.Issuer{Value: st.Issuer}
	notOnOrAfter := now.Add(st.Lifetime).Truncate(time.Second)
	sessionEnd := now.Add(st.SessionLifetime).Truncate(time.Second)
	return &saml.Response{
		ID:           responseID,
		Version:      samlVersion,
		IssueInstant: now,
		Destination:  st.Recipient,
		Issuer:       &issuer,
		Status:       saml.Status{StatusCode: saml.StatusCode{Value: saml.StatusSuccess}},
		Assertion: &saml.Assertion{
			ID:           assertionID,
			Version:      samlVersion,
			IssueInstant: now,
			Issuer:       issuer,
			Subject: &saml.Subject{
				NameID: &saml.NameID{Format: st.NameIDFormat, Value: st.NameID},
				SubjectConfirmations: []saml.SubjectConfirmation{{
					Method:                  methodBearer,
					SubjectConfirmationData: &saml.SubjectConfirmationData{NotOnOrAfter: notOnOrAfter, Recipient: st.Recipient},
				}},
			},
			Conditions: &saml.Conditions{
				NotBefore:            now.Add(-clockSkew),
				NotOnOrAfter:         notOnOrAfter,
				AudienceRestrictions: []saml.AudienceRestriction{{Audience: saml.Audience{Value: st.Audience}}},
			},
			AuthnStatements: []saml.AuthnStatement{{
				AuthnInstant:        now,
				SessionIndex:        assertionID, // as SAML 2.0 core, section 2.7.2 advises
				SessionNotOnOrAfter: &sessionEnd,
				AuthnContext:        saml.AuthnContext{AuthnContextClassRef: &saml.AuthnContextClassRef{Value: contextUnspecified}},
			}},
			AttributeStatements: attributeStatements(st.Attributes),
		},
	}, nil
}

// attributeStatements returns none for no attributes: the schema has no empty statement.
func attributeStatements(attributes []idp.Attribute) []saml.AttributeStatement {
	if len(attributes) == 0 {
		return nil
	}
	out := make([]saml.Attribute, len(attributes))
	for i, a := range attributes {
		out[i] = saml.Attribute{Name: a.Name, Values: make([]saml.AttributeValue, len(a.Values))}
		for j, v := range a.Values {
			out[i].Values[j].Value = v
		}
	}
	return []saml.AttributeStatement{{Attributes: out}}
}

// newID returns an xs:ID of 160 random bits, as SAML 2.0 core, section 1.3.4 advises. It starts with
// '_' because an xs:ID must not start with a digit.
func newID(random io.Reader) (string, error) {
	var bits [20]byte
	if _, err := io.ReadFull(random, bits[:]); err != nil {
		return "", fmt.Errorf("drawing a random ID: %w", err)
	}
	return "_" + hex.EncodeToString(bits[:]), nil
}
