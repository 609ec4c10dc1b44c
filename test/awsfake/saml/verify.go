package saml

import (
	"crypto/x509"
	"fmt"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

const enveloped = string(dsig.EnvelopedSignatureAltorithmId)

// Verify checks the signatures against the provider's keys and returns the
// assertion read from the very bytes that were signed. A signed Response must
// verify too, although the Assertion's signature alone would do. The error wraps
// ErrIssuer, ErrSignature or ErrMalformed.
func (r *Response) Verify(provider Metadata) (*Assertion, error) {
	issuer, ok := only(r.assertion, nsAssertion, "Issuer")
	if !ok {
		return nil, fmt.Errorf("%w: no Issuer", ErrMalformed)
	}
	if text(issuer) != provider.EntityID {
		return nil, ErrIssuer
	}
	if r.responseSignature != nil {
		if _, err := verifyElement(r.root, r.responseSignature, provider.Certificates); err != nil {
			return nil, err
		}
	}
	signed, err := verifyElement(r.assertion, r.assertionSignature, provider.Certificates)
	if err != nil {
		return nil, err
	}
	if signed.Tag != "Assertion" || signed.NamespaceURI() != nsAssertion {
		return nil, fmt.Errorf("%w: something else than the assertion is signed", ErrSignature)
	}
	a, err := readAssertion(signed)
	if err != nil {
		return nil, err
	}
	if a.Issuer != provider.EntityID {
		return nil, ErrIssuer
	}
	return a, nil
}

// verifyElement returns a copy of e parsed from its signed canonical form.
func verifyElement(e, signature *etree.Element, certificates []*x509.Certificate) (*etree.Element, error) {
	if err := checkReference(e, signature); err != nil {
		return nil, err
	}
	detached, err := detach(e)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	for _, certificate := range certificates {
		ctx := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{
			Roots: []*x509.Certificate{certificate},
		})
		// STS takes a signature by an expired certificate; goxmldsig asks its clock.
		ctx.Clock = dsig.NewFakeClockAt(certificate.NotBefore)
		var signed *etree.Element
		if signed, err = ctx.Validate(detached); err == nil {
			return signed, nil
		}
	}
	return nil, fmt.Errorf("%w: %w", ErrSignature, err)
}

// checkReference holds a signature to the SAML profile of XML Signature (SAML
// core, section 5.4): one reference, by ID, to the parent itself, transformed by
// nothing but the enveloped-signature and exclusive canonicalization transforms.
func checkReference(e, signature *etree.Element) error {
	info, ok := only(signature, nsSignature, "SignedInfo")
	if !ok {
		return fmt.Errorf("%w: want one SignedInfo", ErrSignature)
	}
	reference, ok := only(info, nsSignature, "Reference")
	if !ok {
		return fmt.Errorf("%w: want one Reference", ErrSignature)
	}
	if reference.SelectAttrValue("URI", "") != "#"+e.SelectAttrValue("ID", "") {
		return fmt.Errorf("%w: the Reference names another element", ErrSignature)
	}
	transforms, ok := only(reference, nsSignature, "Transforms")
	if !ok {
		return fmt.Errorf("%w: want Transforms", ErrSignature)
	}
	list := children(transforms, nsSignature, "Transform")
	if len(list) != 2 || list[0].SelectAttrValue("Algorithm", "") != enveloped {
		return fmt.Errorf("%w: want the enveloped-signature transform, then exclusive canonicalization", ErrSignature)
	}
	switch dsig.AlgorithmID(list[1].SelectAttrValue("Algorithm", "")) {
	case dsig.CanonicalXML10ExclusiveAlgorithmId, dsig.CanonicalXML10ExclusiveWithCommentsAlgorithmId:
		return nil
	default:
		return fmt.Errorf("%w: want exclusive canonicalization", ErrSignature)
	}
}

// detach copies e with the namespaces that are in scope for it.
func detach(e *etree.Element) (*etree.Element, error) {
	ctx, err := etreeutils.NSBuildParentContext(e)
	if err != nil {
		return nil, err
	}
	return etreeutils.NSDetatch(ctx, e)
}
