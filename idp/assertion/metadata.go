package assertion

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"unicode/utf8"

	"github.com/crewjam/saml"
)

const (
	// Limits of IAM's CreateSAMLProvider (IAM API Reference), in characters.
	minMetadata = 1_000
	maxMetadata = 10_000_000
	// maxKeys is how many keys IAM takes for one provider (IAM User Guide, "IAM and AWS STS quotas").
	maxKeys = 10

	// loginPath is where people sign in.
	loginPath = "/login"
	// noLogin stands for an entity ID that is no web address, because the schema demands a
	// SingleSignOnService: a name that never resolves (RFC 2606, section 2).
	noLogin = "https://attache.invalid" + loginPath
)

// Metadata returns the SAML metadata of an identity provider whose assertions are verified with any
// of the certificates: the same bytes for the same input, 1,000 to 10,000,000 characters of UTF-8.
// It has no validUntil, because IAM ignores it and others would stop trusting a provider that is
// only idle.
func Metadata(entityID string, certificates []*x509.Certificate) ([]byte, error) {
	switch n := len(certificates); {
	case n == 0:
		return nil, errors.New("metadata needs the certificate of at least one signing key")
	case n > maxKeys:
		return nil, fmt.Errorf("metadata has %d signing keys and IAM takes at most %d: remove old ones", n, maxKeys)
	}
	if n := utf8.RuneCountInString(entityID); n == 0 || n > maxEntityID {
		return nil, fmt.Errorf("the entity ID has %d characters; write 1 to %d", n, maxEntityID)
	}
	if r := checkText("entity ID", entityID); r != nil {
		return nil, errors.New(r.Message)
	}
	signing := make([]saml.KeyDescriptor, len(certificates))
	for i, c := range certificates {
		if _, ok := c.PublicKey.(*rsa.PublicKey); !ok {
			return nil, fmt.Errorf("certificate %d of the metadata is not of an RSA key", i)
		}
		signing[i] = saml.KeyDescriptor{Use: "signing", KeyInfo: saml.KeyInfo{X509Data: saml.X509Data{
			X509Certificates: []saml.X509Certificate{{Data: base64.StdEncoding.EncodeToString(c.Raw)}},
		}}}
	}
	document, err := marshal(saml.EntityDescriptor{
		EntityID: entityID,
		IDPSSODescriptors: []saml.IDPSSODescriptor{{
			SSODescriptor: saml.SSODescriptor{
				RoleDescriptor: saml.RoleDescriptor{ProtocolSupportEnumeration: nsProtocol, KeyDescriptors: signing},
				NameIDFormats:  []saml.NameIDFormat{FormatPersistent},
			},
			SingleSignOnServices: []saml.Endpoint{{Binding: saml.HTTPRedirectBinding, Location: loginURL(entityID)}},
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("writing the metadata: %w", err)
	}
	if n := utf8.RuneCount(document); n < minMetadata || n > maxMetadata {
		return nil, fmt.Errorf("the metadata has %d characters and IAM takes %d to %d", n, minMetadata, maxMetadata)
	}
	return document, nil
}

// marshal writes the descriptor without the validUntil that its own MarshalXML always writes.
func marshal(descriptor saml.EntityDescriptor) ([]byte, error) {
	type plain saml.EntityDescriptor
	body, err := xml.MarshalIndent(struct {
		ValidUntil *string `xml:"validUntil,attr,omitempty"` // hides the other one
		plain
	}{plain: plain(descriptor)}, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(append([]byte(xml.Header), body...), '\n'), nil
}

// loginURL is on the entity ID's origin, if it has one.
func loginURL(entityID string) string {
	u, err := url.Parse(entityID)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return noLogin
	}
	origin := url.URL{Scheme: u.Scheme, Host: u.Host, Path: loginPath}
	return origin.String()
}
