// Package saml reads SAML 2.0 as AWS STS reads it: the metadata document of an
// identity provider and the signed response that AssumeRoleWithSAML takes. It is
// pure: text, keys and a time go in, an assertion or an error comes out.
//
// It stands alone on etree and goxmldsig so that a mistake in the code that makes
// assertions cannot hide in the code that checks them.
package saml

import (
	"errors"
	"strings"

	"github.com/beevik/etree"
)

// XML namespaces (SAML core, section 1.2; XML Signature, section 1.3).
const (
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsMetadata  = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsSignature = "http://www.w3.org/2000/09/xmldsig#"
)

// Errors of ParseResponse, Response.Verify and Assertion.CheckTime. Each stands
// for one answer of STS.
var (
	ErrMalformed        = errors.New("not a SAML response that STS reads")
	ErrMissingSignature = errors.New("the assertion is not signed")
	ErrIssuer           = errors.New("the issuer is not the provider's")
	ErrSignature        = errors.New("a signature does not verify")
	ErrExpired          = errors.New("the response has expired")
	ErrTooOld           = errors.New("the assertion was issued more than five minutes ago")
)

// children returns the child elements of that name in document order.
func children(e *etree.Element, namespace, tag string) []*etree.Element {
	var found []*etree.Element
	for _, child := range e.ChildElements() {
		if child.Tag == tag && child.NamespaceURI() == namespace {
			found = append(found, child)
		}
	}
	return found
}

// only returns the child of that name if there is exactly one.
func only(e *etree.Element, namespace, tag string) (*etree.Element, bool) {
	found := children(e, namespace, tag)
	if len(found) != 1 {
		return nil, false
	}
	return found[0], true
}

// walk visits e and every element below it.
func walk(e *etree.Element, visit func(*etree.Element)) {
	visit(e)
	for _, child := range e.ChildElements() {
		walk(child, visit)
	}
}

// text joins the whole character data of e. etree's Text stops at the first
// comment: a comment inside a NameID must not cut the name short.
func text(e *etree.Element) string {
	var b strings.Builder
	for _, child := range e.Child {
		if data, ok := child.(*etree.CharData); ok {
			b.WriteString(data.Data)
		}
	}
	return b.String()
}

// parseXML refuses document type declarations: neither SAML nor metadata needs
// one, and entities are an attack on every other reader.
func parseXML(document []byte) (*etree.Element, error) {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(document); err != nil {
		return nil, err
	}
	for _, child := range doc.Child {
		if _, isDirective := child.(*etree.Directive); isDirective {
			return nil, errors.New("document type declarations are refused")
		}
	}
	if len(doc.ChildElements()) != 1 {
		return nil, errors.New("want exactly one root element")
	}
	return doc.Root(), nil
}
