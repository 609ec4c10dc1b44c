package saml

import (
	"fmt"
	"time"

	"github.com/beevik/etree"
)

const (
	bearer = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	// redeemWithin is how long STS takes an assertion after it was issued.
	redeemWithin = 5 * time.Minute
)

// Assertion is a verified assertion. Zero times were not given.
type Assertion struct {
	Issuer       string
	IssueInstant time.Time
	// NameID and NameIDFormat of the subject; the format as written.
	NameID, NameIDFormat string
	// Recipient of the bearer subject confirmation.
	Recipient              string
	SubjectNotOnOrAfter    time.Time
	ConditionsNotOnOrAfter time.Time
	SessionNotOnOrAfter    time.Time
	// Attributes holds the values by attribute name; names are case-sensitive.
	Attributes map[string][]string
}

// CheckTime refuses an assertion that has ended or is too old. NotBefore is not
// looked at: STS takes one that lies a day ahead. The error is ErrExpired or
// ErrTooOld.
func (a *Assertion) CheckTime(now time.Time) error {
	for _, end := range []time.Time{a.SubjectNotOnOrAfter, a.ConditionsNotOnOrAfter, a.SessionNotOnOrAfter} {
		if !end.IsZero() && !now.Before(end) {
			return ErrExpired
		}
	}
	if now.After(a.IssueInstant.Add(redeemWithin)) {
		return ErrTooOld
	}
	return nil
}

// readAssertion reads what STS demands; every error wraps ErrMalformed.
func readAssertion(e *etree.Element) (*Assertion, error) {
	if err := checkMessage(e); err != nil {
		return nil, err
	}
	issuer, ok := only(e, nsAssertion, "Issuer")
	if !ok {
		return nil, fmt.Errorf("%w: no Issuer", ErrMalformed)
	}
	a := &Assertion{Issuer: text(issuer)}
	var err error
	if a.IssueInstant, err = timeAttr(e, "IssueInstant"); err != nil {
		return nil, err
	}
	for _, read := range []func(*etree.Element) error{
		a.readSubject, a.readConditions, a.readAuthnStatements, a.readAttributes,
	} {
		if err := read(e); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *Assertion) readSubject(e *etree.Element) error {
	subject, ok := only(e, nsAssertion, "Subject")
	if !ok {
		return fmt.Errorf("%w: no Subject", ErrMalformed)
	}
	name, ok := only(subject, nsAssertion, "NameID")
	if !ok || text(name) == "" {
		return fmt.Errorf("%w: no NameID", ErrMalformed)
	}
	a.NameID, a.NameIDFormat = text(name), name.SelectAttrValue("Format", "")
	if a.NameIDFormat == "" {
		return fmt.Errorf("%w: NameID without Format", ErrMalformed)
	}
	confirmation, ok := only(subject, nsAssertion, "SubjectConfirmation")
	if !ok || confirmation.SelectAttrValue("Method", "") != bearer {
		return fmt.Errorf("%w: want one SubjectConfirmation with method bearer", ErrMalformed)
	}
	data, ok := only(confirmation, nsAssertion, "SubjectConfirmationData")
	if !ok {
		return fmt.Errorf("%w: no SubjectConfirmationData", ErrMalformed)
	}
	if a.Recipient = data.SelectAttrValue("Recipient", ""); a.Recipient == "" {
		return fmt.Errorf("%w: no Recipient", ErrMalformed)
	}
	var err error
	if a.SubjectNotOnOrAfter, err = timeAttr(data, "NotOnOrAfter"); err != nil {
		return err
	}
	_, err = optionalTimeAttr(data, "NotBefore")
	return err
}

func (a *Assertion) readConditions(e *etree.Element) error {
	conditions, ok := only(e, nsAssertion, "Conditions")
	if !ok {
		return fmt.Errorf("%w: no Conditions", ErrMalformed)
	}
	if _, err := optionalTimeAttr(conditions, "NotBefore"); err != nil {
		return err
	}
	var err error
	a.ConditionsNotOnOrAfter, err = optionalTimeAttr(conditions, "NotOnOrAfter")
	return err
}

func (a *Assertion) readAuthnStatements(e *etree.Element) error {
	statements := children(e, nsAssertion, "AuthnStatement")
	if len(statements) == 0 {
		return fmt.Errorf("%w: no AuthnStatement", ErrMalformed)
	}
	for _, statement := range statements {
		if _, err := timeAttr(statement, "AuthnInstant"); err != nil {
			return err
		}
		end, err := optionalTimeAttr(statement, "SessionNotOnOrAfter")
		if err != nil {
			return err
		}
		if !end.IsZero() && (a.SessionNotOnOrAfter.IsZero() || end.Before(a.SessionNotOnOrAfter)) {
			a.SessionNotOnOrAfter = end
		}
	}
	return nil
}

func (a *Assertion) readAttributes(e *etree.Element) error {
	a.Attributes = map[string][]string{}
	for _, statement := range children(e, nsAssertion, "AttributeStatement") {
		for _, attribute := range children(statement, nsAssertion, "Attribute") {
			name := attribute.SelectAttrValue("Name", "")
			if name == "" {
				return fmt.Errorf("%w: an Attribute without Name", ErrMalformed)
			}
			for _, value := range children(attribute, nsAssertion, "AttributeValue") {
				a.Attributes[name] = append(a.Attributes[name], text(value))
			}
		}
	}
	return nil
}

// timeAttr reads a required xs:dateTime in UTC (SAML core, section 1.3.3).
func timeAttr(e *etree.Element, name string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, e.SelectAttrValue(name, ""))
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %s of %s is not a time", ErrMalformed, name, e.Tag)
	}
	return t, nil
}

func optionalTimeAttr(e *etree.Element, name string) (time.Time, error) {
	if e.SelectAttr(name) == nil {
		return time.Time{}, nil
	}
	return timeAttr(e, name)
}
