package saml

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/beevik/etree"
)

// Errors of ParseMetadata.
var (
	ErrMetadata = errors.New("not a metadata document")
	ErrNoIssuer = errors.New("the metadata has no identity provider role")
)

// maxEntityID is the longest entityID in characters (SAML metadata, section 2.2.1).
const maxEntityID = 1024

// Metadata is what STS needs of an identity provider's metadata document.
type Metadata struct {
	EntityID string
	// Certificates of the signing keys. Their validity is not looked at: STS
	// takes a signature by an expired certificate.
	Certificates []*x509.Certificate
}

// ParseMetadata reads one EntityDescriptor with one IDPSSODescriptor and at least
// one signing certificate. The error wraps ErrMetadata or ErrNoIssuer.
func ParseMetadata(document string) (Metadata, error) {
	if !utf8.ValidString(document) || strings.HasPrefix(document, "\ufeff") {
		return Metadata{}, fmt.Errorf("%w: want UTF-8 without a byte order mark", ErrMetadata)
	}
	root, err := parseXML([]byte(document))
	if err != nil {
		return Metadata{}, fmt.Errorf("%w: %w", ErrMetadata, err)
	}
	if root.Tag != "EntityDescriptor" || root.NamespaceURI() != nsMetadata {
		return Metadata{}, fmt.Errorf("%w: want an EntityDescriptor", ErrMetadata)
	}
	m := Metadata{EntityID: root.SelectAttrValue("entityID", "")}
	if m.EntityID == "" || utf8.RuneCountInString(m.EntityID) > maxEntityID {
		return Metadata{}, fmt.Errorf("%w: want an entityID of 1-%d characters", ErrMetadata, maxEntityID)
	}
	idp, ok := only(root, nsMetadata, "IDPSSODescriptor")
	if !ok {
		return Metadata{}, ErrNoIssuer
	}
	if !supportsSAML2(idp) {
		return Metadata{}, fmt.Errorf("%w: want protocolSupportEnumeration with %s", ErrMetadata, nsProtocol)
	}
	if m.Certificates, err = signingCertificates(idp); err != nil {
		return Metadata{}, err
	}
	return m, nil
}

func supportsSAML2(idp *etree.Element) bool {
	for _, protocol := range strings.Fields(idp.SelectAttrValue("protocolSupportEnumeration", "")) {
		if protocol == nsProtocol {
			return true
		}
	}
	return false
}

// signingCertificates reads the keys whose use is signing or not said, which
// means both uses (SAML metadata, section 2.4.1.1).
func signingCertificates(idp *etree.Element) ([]*x509.Certificate, error) {
	var certificates []*x509.Certificate
	for _, key := range children(idp, nsMetadata, "KeyDescriptor") {
		if use := key.SelectAttrValue("use", "signing"); use != "signing" {
			continue
		}
		info, ok := only(key, nsSignature, "KeyInfo")
		if !ok {
			return nil, fmt.Errorf("%w: a KeyDescriptor without KeyInfo", ErrMetadata)
		}
		data, ok := only(info, nsSignature, "X509Data")
		if !ok {
			return nil, fmt.Errorf("%w: a KeyInfo without X509Data", ErrMetadata)
		}
		encoded, ok := only(data, nsSignature, "X509Certificate")
		if !ok {
			return nil, fmt.Errorf("%w: want one X509Certificate in each X509Data", ErrMetadata)
		}
		der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text(encoded)), ""))
		if err != nil {
			return nil, fmt.Errorf("%w: a certificate is not base64", ErrMetadata)
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMetadata, err)
		}
		certificates = append(certificates, certificate)
	}
	if len(certificates) == 0 {
		return nil, fmt.Errorf("%w: no signing certificate", ErrMetadata)
	}
	return certificates, nil
}
