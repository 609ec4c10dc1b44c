package saml

import (
	"crypto/rsa"
	"encoding/base64"
	"fmt"

	"github.com/beevik/etree"
)

const statusSuccess = "urn:oasis:names:tc:SAML:2.0:status:Success"

// Response is a SAML response whose shape is checked and whose signatures are
// not: its only use is Verify.
type Response struct {
	// Encrypted says whether the assertion came as an EncryptedAssertion.
	Encrypted bool
	// root is the message as it came, which is what its signature covers. plain is
	// the same with the assertion in clear, and holds assertion.
	root, plain, assertion                *etree.Element
	responseSignature, assertionSignature *etree.Element
}

// ParseResponse decodes a base64 SAMLResponse, decrypts its assertion with one of
// the keys if it is encrypted, and finds its one assertion and its signatures. A
// signature anywhere but as a child of the Response or of the Assertion, a second
// assertion or an ID that stands twice is refused: each is how a signature is
// wrapped around something else. The error wraps ErrMalformed or ErrMissingSignature.
func ParseResponse(encoded string, keys ...*rsa.PrivateKey) (*Response, error) {
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
	r := &Response{root: root, plain: root}
	if encrypted, ok := only(root, nsAssertion, "EncryptedAssertion"); ok {
		if err := r.decrypt(encrypted.Index(), keys); err != nil {
			return nil, fmt.Errorf("%w: the EncryptedAssertion: %w", ErrMalformed, err)
		}
	}
	if err := r.findParts(); err != nil {
		return nil, err
	}
	return r, nil
}

// decrypt puts the assertion in the place of the EncryptedAssertion, in a copy:
// what the plain text does not declare it has from where it stands (XML Encryption
// 1.1, section 4.4).
func (r *Response) decrypt(index int, keys []*rsa.PrivateKey) error {
	r.plain = r.root.Copy()
	encrypted, ok := r.plain.Child[index].(*etree.Element)
	if !ok {
		return errDecrypt
	}
	assertion, err := decryptAssertion(encrypted, keys)
	if err != nil {
		return err
	}
	r.plain.RemoveChildAt(index)
	r.plain.InsertChildAt(index, assertion)
	r.Encrypted = true
	return nil
}

func (r *Response) findParts() error {
	var ok bool
	if r.assertion, ok = only(r.plain, nsAssertion, "Assertion"); !ok {
		return fmt.Errorf("%w: want one Assertion in the Response", ErrMalformed)
	}
	if err := r.checkOccurrences(); err != nil {
		return err
	}
	r.responseSignature, _ = only(r.root, nsSignature, "Signature")
	if r.assertionSignature, ok = only(r.assertion, nsSignature, "Signature"); !ok {
		return ErrMissingSignature
	}
	if err := checkMessage(r.assertion); err != nil {
		return err
	}
	status, ok := only(r.root, nsProtocol, "Status")
	if !ok {
		return fmt.Errorf("%w: no Status", ErrMalformed)
	}
	code, ok := only(status, nsProtocol, "StatusCode")
	if !ok || code.SelectAttrValue("Value", "") != statusSuccess {
		return fmt.Errorf("%w: the status is not Success", ErrMalformed)
	}
	return nil
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
	walk(r.plain, func(e *etree.Element) {
		switch {
		case e.Tag == "Assertion" && e.NamespaceURI() == nsAssertion:
			assertions++
		case e.Tag == "EncryptedAssertion" && e.NamespaceURI() == nsAssertion:
			encrypted++
		case e.Tag == "Signature" && e.NamespaceURI() == nsSignature:
			parent := e.Parent()
			if parent != r.plain && parent != r.assertion {
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
	case stray != 0 || signatures[r.plain] > 1 || signatures[r.assertion] > 1:
		return fmt.Errorf("%w: a Signature stands where none may", ErrMalformed)
	case repeated != 0:
		return fmt.Errorf("%w: an ID stands twice", ErrMalformed)
	default:
		return nil
	}
}
