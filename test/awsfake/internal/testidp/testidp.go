// Package testidp is a SAML identity provider for awsfake's own tests. It signs
// with goxmldsig and shares no code with the product, so that the tests show what
// awsfake checks and not what the product happens to send.
package testidp

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

const (
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsMetadata  = "urn:oasis:names:tc:SAML:2.0:metadata"

	// GlobalACS is the Recipient of the aws partition.
	GlobalACS = "https://signin.aws.amazon.com/saml"
	// AttributePrefix is of the attributes that STS reads.
	AttributePrefix = "https://aws.amazon.com/SAML/Attributes/"
)

// IdP is an identity provider with one key.
type IdP struct {
	EntityID    string
	Key         *rsa.PrivateKey
	Certificate []byte // DER
}

// New makes an IdP whose certificate expired long ago: STS does not mind.
func New(entityID string) (*IdP, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("generate the IdP's key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "test IdP"},
		NotBefore:    time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make the IdP's certificate: %w", err)
	}
	return &IdP{EntityID: entityID, Key: key, Certificate: der}, nil
}

// Metadata returns the metadata document, with the certificates of others too.
func (i *IdP) Metadata(others ...*IdP) string {
	var keys strings.Builder
	for _, idp := range append([]*IdP{i}, others...) {
		fmt.Fprintf(&keys, `<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="%s"><ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`,
			dsig.Namespace, base64.StdEncoding.EncodeToString(idp.Certificate))
	}
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<md:EntityDescriptor xmlns:md="%s" entityID="%s"><md:IDPSSODescriptor protocolSupportEnumeration="%s">%s<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="%s/sso"/></md:IDPSSODescriptor></md:EntityDescriptor>`,
		nsMetadata, i.EntityID, nsProtocol, keys.String(), i.EntityID)
}

// Message is a SAML response under construction.
type Message struct {
	Response, Assertion *etree.Element
	idp                 *IdP
}

// Baseline is the response of the recorded answers' baseline, not signed yet:
// persistent NameID subject-123, bearer confirmation, Conditions with an
// AudienceRestriction, AuthnStatement, Role and RoleSessionName.
func (i *IdP) Baseline(now time.Time, roleARN, providerARN string) *Message {
	instant, soon := stamp(now), stamp(now.Add(5*time.Minute))
	document := fmt.Sprintf(`<samlp:Response xmlns:samlp="%[1]s" xmlns:saml="%[2]s" ID="_response" Version="2.0" IssueInstant="%[3]s" Destination="%[5]s">`+
		`<saml:Issuer>%[6]s</saml:Issuer>`+
		`<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>`+
		`<saml:Assertion ID="_assertion" Version="2.0" IssueInstant="%[3]s">`+
		`<saml:Issuer>%[6]s</saml:Issuer>`+
		`<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">subject-123</saml:NameID>`+
		`<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="%[4]s" Recipient="%[5]s"/></saml:SubjectConfirmation></saml:Subject>`+
		`<saml:Conditions NotBefore="%[3]s" NotOnOrAfter="%[4]s"><saml:AudienceRestriction><saml:Audience>urn:amazon:webservices</saml:Audience></saml:AudienceRestriction></saml:Conditions>`+
		`<saml:AuthnStatement AuthnInstant="%[3]s"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`+
		`<saml:AttributeStatement/>`+
		`</saml:Assertion></samlp:Response>`,
		nsProtocol, nsAssertion, instant, soon, GlobalACS, i.EntityID)
	doc := etree.NewDocument()
	if err := doc.ReadFromString(document); err != nil {
		panic(err) // the template is constant
	}
	m := &Message{Response: doc.Root(), Assertion: doc.FindElement("//saml:Assertion"), idp: i}
	m.Attribute("Role", roleARN+","+providerARN)
	m.Attribute("RoleSessionName", "session-123")
	return m
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// Find returns the first element below the Response by its prefixed name.
func (m *Message) Find(name string) *etree.Element { return m.Response.FindElement(".//" + name) }

// SetTime sets a time attribute of the first element of that name.
func (m *Message) SetTime(element, attribute string, t time.Time) {
	m.Find(element).CreateAttr(attribute, stamp(t))
}

// Remove takes the first element of that name out.
func (m *Message) Remove(name string) {
	e := m.Find(name)
	e.Parent().RemoveChild(e)
}

// Attribute sets an AWS attribute to values, in place of earlier ones.
func (m *Message) Attribute(name string, values ...string) {
	m.AnyAttribute(AttributePrefix+name, values...)
}

// AnyAttribute sets the attribute of that whole name to values, in place of earlier
// ones.
func (m *Message) AnyAttribute(name string, values ...string) {
	statement := m.Find("saml:AttributeStatement")
	for _, old := range statement.SelectElements("Attribute") {
		if old.SelectAttrValue("Name", "") == name {
			statement.RemoveChild(old)
		}
	}
	attribute := statement.CreateElement("saml:Attribute")
	attribute.CreateAttr("Name", name)
	for _, value := range values {
		attribute.CreateElement("saml:AttributeValue").SetText(value)
	}
}

// SignAssertion signs the Assertion with the IdP's key.
func (m *Message) SignAssertion() { m.sign(m.Assertion) }

// SignResponse signs the Response with the IdP's key; call it last.
func (m *Message) SignResponse() { m.sign(m.Response) }

func (m *Message) sign(e *etree.Element) {
	// A signed element declares its own namespaces: the signature covers them.
	e.CreateAttr("xmlns:saml", nsAssertion)
	ctx, err := dsig.NewSigningContext(m.idp.Key, [][]byte{m.idp.Certificate})
	if err != nil {
		panic(err) // an RSA key is always taken
	}
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	signature, err := ctx.ConstructSignature(e, true)
	if err != nil {
		panic(err) // the element has an ID
	}
	e.InsertChildAt(e.SelectElement("saml:Issuer").Index()+1, signature)
}

// Encode returns the response as STS takes it.
func (m *Message) Encode() string {
	doc := etree.NewDocument()
	doc.SetRoot(m.Response.Copy())
	raw, err := doc.WriteToBytes()
	if err != nil {
		panic(err) // writing to memory
	}
	return base64.StdEncoding.EncodeToString(raw)
}
