package assertion

import (
	"time"
	"unicode/utf8"

	"github.com/crewjam/saml"
)

const (
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
)

// canonical writes XML in the form that Exclusive XML Canonicalization 1.0 makes of it: end tags
// always, attributes in the order of their names (the caller's duty), and its rules of escaping
// (Canonical XML 1.0, section 2.3). Text must be valid; check sees to that.
type canonical struct{ buf []byte }

type attr struct{ name, value string }

func (c *canonical) open(name string, attrs ...attr) {
	c.buf = append(append(c.buf, '<'), name...)
	for _, a := range attrs {
		c.buf = append(append(append(c.buf, ' '), a.name...), '=', '"')
		c.escape(a.value, attributeEscapes)
		c.buf = append(c.buf, '"')
	}
	c.buf = append(c.buf, '>')
}

func (c *canonical) end(name string) {
	c.buf = append(append(append(c.buf, '<', '/'), name...), '>')
}

// leaf writes an element that holds text only, or nothing.
func (c *canonical) leaf(name, text string, attrs ...attr) {
	c.open(name, attrs...)
	c.escape(text, textEscapes)
	c.end(name)
}

var (
	textEscapes      = [utf8.RuneSelf]string{'&': "&amp;", '<': "&lt;", '>': "&gt;", '\r': "&#xD;"}
	attributeEscapes = [utf8.RuneSelf]string{'&': "&amp;", '<': "&lt;", '"': "&quot;", '\t': "&#x9;", '\n': "&#xA;", '\r': "&#xD;"}
)

func (c *canonical) escape(s string, escapes [utf8.RuneSelf]string) {
	for i := range len(s) {
		if b := s[i]; b < utf8.RuneSelf && escapes[b] != "" {
			c.buf = append(c.buf, escapes[b]...)
		} else {
			c.buf = append(c.buf, b)
		}
	}
}

// instant is an xs:dateTime in UTC (SAML 2.0 core, section 1.3.3).
func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// assertion writes the parts of a saml.Assertion that build fills. Issuer and what follows it are
// written apart, because the signature, which is no part of what is signed, goes between them.
func (c *canonical) assertionHead(a *saml.Assertion) {
	c.open("saml:Assertion", attr{"xmlns:saml", nsAssertion},
		attr{"ID", a.ID}, attr{"IssueInstant", instant(a.IssueInstant)}, attr{"Version", a.Version})
	c.leaf("saml:Issuer", a.Issuer.Value)
}

func (c *canonical) assertionTail(a *saml.Assertion) {
	c.subject(a.Subject)
	c.conditions(a.Conditions)
	for i := range a.AuthnStatements {
		c.authnStatement(&a.AuthnStatements[i])
	}
	for i := range a.AttributeStatements {
		c.attributeStatement(&a.AttributeStatements[i])
	}
	c.end("saml:Assertion")
}

func (c *canonical) subject(s *saml.Subject) {
	c.open("saml:Subject")
	c.leaf("saml:NameID", s.NameID.Value, attr{"Format", s.NameID.Format})
	for _, confirmation := range s.SubjectConfirmations {
		data := confirmation.SubjectConfirmationData
		c.open("saml:SubjectConfirmation", attr{"Method", confirmation.Method})
		c.leaf("saml:SubjectConfirmationData", "", attr{"NotOnOrAfter", instant(data.NotOnOrAfter)}, attr{"Recipient", data.Recipient})
		c.end("saml:SubjectConfirmation")
	}
	c.end("saml:Subject")
}

func (c *canonical) conditions(s *saml.Conditions) {
	c.open("saml:Conditions", attr{"NotBefore", instant(s.NotBefore)}, attr{"NotOnOrAfter", instant(s.NotOnOrAfter)})
	for _, restriction := range s.AudienceRestrictions {
		c.open("saml:AudienceRestriction")
		c.leaf("saml:Audience", restriction.Audience.Value)
		c.end("saml:AudienceRestriction")
	}
	c.end("saml:Conditions")
}

func (c *canonical) authnStatement(s *saml.AuthnStatement) {
	c.open("saml:AuthnStatement", attr{"AuthnInstant", instant(s.AuthnInstant)},
		attr{"SessionIndex", s.SessionIndex}, attr{"SessionNotOnOrAfter", instant(*s.SessionNotOnOrAfter)})
	c.open("saml:AuthnContext")
	c.leaf("saml:AuthnContextClassRef", s.AuthnContext.AuthnContextClassRef.Value)
	c.end("saml:AuthnContext")
	c.end("saml:AuthnStatement")
}

func (c *canonical) attributeStatement(s *saml.AttributeStatement) {
	c.open("saml:AttributeStatement")
	for _, attribute := range s.Attributes {
		c.open("saml:Attribute", attr{"Name", attribute.Name})
		for _, v := range attribute.Values {
			c.leaf("saml:AttributeValue", v.Value)
		}
		c.end("saml:Attribute")
	}
	c.end("saml:AttributeStatement")
}

// responseHead writes what comes before the assertion.
func (c *canonical) responseHead(r *saml.Response) {
	c.open("samlp:Response", attr{"xmlns:samlp", nsProtocol}, attr{"Destination", r.Destination},
		attr{"ID", r.ID}, attr{"IssueInstant", instant(r.IssueInstant)}, attr{"Version", r.Version})
	c.leaf("saml:Issuer", r.Issuer.Value, attr{"xmlns:saml", nsAssertion})
	c.open("samlp:Status")
	c.leaf("samlp:StatusCode", "", attr{"Value", r.Status.StatusCode.Value})
	c.end("samlp:Status")
}
