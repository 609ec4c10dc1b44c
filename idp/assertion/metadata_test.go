package assertion_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/crewjam/saml"
	. "github.com/onsi/gomega"

	"attache.dev/attache/idp/assertion"
	"attache.dev/attache/idp/keys"
)

func TestMetadataPublishesEveryKey(t *testing.T) {
	g := NewWithT(t)
	next, err := keys.Generate(rand.Reader, "corp", now)
	g.Expect(err).NotTo(HaveOccurred())
	certificates := []*x509.Certificate{signingKey().Certificate, next.Certificate}

	document, err := assertion.Metadata(issuer, certificates)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(xmllint(t, document, "saml-schema-metadata-2.0.xsd")).To(Succeed())
	g.Expect(string(document)).To(HavePrefix("<?xml "), "no byte order mark")
	g.Expect(string(document)).NotTo(Or(ContainSubstring("validUntil"), ContainSubstring("cacheDuration"), ContainSubstring("encryption")))

	var read saml.EntityDescriptor
	g.Expect(xml.Unmarshal(document, &read)).To(Succeed())
	g.Expect(read.EntityID).To(Equal(issuer))
	g.Expect(read.IDPSSODescriptors).To(HaveLen(1))
	descriptor := read.IDPSSODescriptors[0]
	g.Expect(descriptor.NameIDFormats).To(Equal([]saml.NameIDFormat{assertion.FormatPersistent}))
	g.Expect(descriptor.SingleSignOnServices).To(Equal([]saml.Endpoint{{Binding: saml.HTTPRedirectBinding, Location: "https://login.corp.example/login"}}))
	g.Expect(descriptor.KeyDescriptors).To(HaveLen(2))
	for i, key := range descriptor.KeyDescriptors {
		g.Expect(key.Use).To(Equal("signing"))
		g.Expect(key.KeyInfo.X509Data.X509Certificates[0].Data).To(Equal(base64.StdEncoding.EncodeToString(certificates[i].Raw)))
	}
}

func TestMetadataIsTheSameBytesEachTimeAndLongEnoughForIAM(t *testing.T) {
	for _, entityID := range []string{"u:x", issuer, "urn:attache:corp", "https://login.corp.example/?a=1&b=<é>"} {
		t.Run(entityID, func(t *testing.T) {
			g := NewWithT(t)
			certificates := []*x509.Certificate{signingKey().Certificate}
			document, err := assertion.Metadata(entityID, certificates)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(utf8.RuneCount(document)).To(BeNumerically(">=", 1000))
			for range 10 {
				g.Expect(assertion.Metadata(entityID, certificates)).To(Equal(document))
			}
			var read saml.EntityDescriptor
			g.Expect(xml.Unmarshal(document, &read)).To(Succeed())
			g.Expect(read.EntityID).To(Equal(entityID))
		})
	}
}

func TestTheLoginAddressIsOnTheEntityIDsOrigin(t *testing.T) {
	tests := []struct{ name, entityID, want string }{
		{"an https address", "https://login.corp.example/saml/metadata?x=1#f", "https://login.corp.example/login"},
		{"an http address with a port", "http://localhost:8080", "http://localhost:8080/login"},
		{"an address with a user's name", "https://user:secret@login.corp.example/", "https://login.corp.example/login"},
		{"a URN, which has no origin", "urn:attache:corp", "https://attache.invalid/login"},
		{"something that is no URI", "https://%zz", "https://attache.invalid/login"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			document, err := assertion.Metadata(tt.entityID, []*x509.Certificate{signingKey().Certificate})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(string(document)).To(ContainSubstring(`Location="` + tt.want + `"`))
		})
	}
}

func TestMetadataSaysWhatIsWrong(t *testing.T) {
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now, NotAfter: now.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, curve.Public(), curve)
	if err != nil {
		t.Fatal(err)
	}
	ofCurve, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	good := []*x509.Certificate{signingKey().Certificate}
	eleven := make([]*x509.Certificate, 11)
	for i := range eleven {
		eleven[i] = signingKey().Certificate
	}
	tests := []struct {
		name, entityID string
		certificates   []*x509.Certificate
		want           string
	}{
		{"no key", issuer, nil, "at least one signing key"},
		{"more keys than IAM takes", issuer, eleven, "11 signing keys and IAM takes at most 10"},
		{"a key that is not RSA", issuer, []*x509.Certificate{ofCurve}, "certificate 0 of the metadata is not of an RSA key"},
		{"no entity ID", "", good, "the entity ID has 0 characters; write 1 to 1024"},
		{"an entity ID of 1025 characters", strings.Repeat("a", 1025), good, "1025 characters"},
		{"an entity ID with a NUL", "https://a\x00", good, "the entity ID holds U+0000 at byte 9"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := assertion.Metadata(tt.entityID, tt.certificates)
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(tt.want)))
		})
	}
}
