package saml

import (
	"encoding/base64"
	"fmt"

	"github.com/beevik/etree"
)

const statusSuccess = "urn:oasis:names:tc:SAML:2.0:status:Success"

// Response is a SAML response whose shape is checked and whose signatures are
// not: its only use is Verify.
type Response struct {
	root, assertion                       *etree.Element
	responseSignature, assertionSignature *etree.Element
}

// ParseResponse decodes a base64 SAMLResponse and finds its one assertion and its
// signatures. A signature anywhere but as a child of the Response or of the
// Assertion, a second assertion or an ID that stands twice is refused: each is how
// a signature is wrapped around something else. The error wraps ErrMalformed or
// ErrMissingSignature.
func ParseResponse(encoded string) (*Response, error) {
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("%w: not base64", ErrMalformed)
	}
	root, err := parseXML(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if root.Tag != "Response" || root.NamespaceURI() != nsProtocol {
		return nil, fmt.Errorf("%w: want a samlp:Response", ErrMalformed)
	}
	if err := checkMessage(root); err != nil {
		return nil, err
	}
	r := &Response{root: root}
	var ok bool
	if r.assertion, ok = only(root, nsAssertion, "Assertion"); !ok {
		return nil, fmt.Errorf("%w: want one Assertion in the Response", ErrMalformed)
	}
	if err := r.checkOccurrences(); err != nil {
		return nil, err
	}
	r.responseSignature, _ = only(root, nsSignature, "Signature")
	if r.assertionSignature, ok = only(r.assertion, nsSignature, "Signature"); !ok {
		return nil, ErrMissingSignature
	}
	if err := checkMessage(r.assertion); err != nil {
		return nil, err
	}
	status, ok := only(root, nsProtocol, "Status")
	if !ok {
		return nil, fmt.Errorf("%w: no Status", ErrMalformed)
	}
	code, ok := only(status, nsProtocol, "StatusCode")
	if !ok || code.SelectAttrValue("Value", "") != statusSuccess {
		return nil, fmt.Errorf("%w: the status is not Success", ErrMalformed)
	}
	return r, nil
}

// checkMessage checks what every SAML 2.0 message and assertion carries (SAML
// core, sections 2.3.3 and 3.2.2).
func checkMessage(e *etree.Element) error {
	if e.SelectAttrValue("ID", "") == "" {
		return fmt.Errorf("%w: %s without ID", ErrMalformed, e.Tag)
	}
	if e.SelectAttrValue("Version", "") != "2.0" {
		return fmt.Errorf("%w: %s is not of version 2.0", ErrMalformed, e.Tag)
	}
	if _, err := timeAttr(e, "IssueInstant"); err != nil {
		return err
	}
	return nil
}

// checkOccurrences counts assertions, signatures and IDs in the whole document.
func (r *Response) checkOccurrences() error {
	assertions, encrypted, stray, repeated := 0, 0, 0, 0
	signatures := map[*etree.Element]int{}
	ids := map[string]bool{}
	walk(r.root, func(e *etree.Element) {
		switch {
		case e.Tag == "Assertion" && e.NamespaceURI() == nsAssertion:
			assertions++
		case e.Tag == "EncryptedAssertion" && e.NamespaceURI() == nsAssertion:
			encrypted++
		case e.Tag == "Signature" && e.NamespaceURI() == nsSignature:
			parent := e.Parent()
			if parent != r.root && parent != r.assertion {
				stray++
			}
			signatures[parent]++
		}
		if id := e.SelectAttrValue("ID", ""); id != "" {
			if ids[id] {
				repeated++
			}
			ids[id] = true
		}
	})
	switch {
	case assertions != 1 || encrypted != 0:
		return fmt.Errorf("%w: want one Assertion in the whole document", ErrMalformed)
	case stray != 0 || signatures[r.root] > 1 || signatures[r.assertion] > 1:
		return fmt.Errorf("%w: a Signature stands where none may", ErrMalformed)
	case repeated != 0:
		return fmt.Errorf("%w: an ID stands twice", ErrMalformed)
	default:
		return nil
	}
}
