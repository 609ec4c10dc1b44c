package assertion_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"attache.dev/attache/idp"
)

const assertionElement = "urn:oasis:names:tc:SAML:2.0:assertion:Assertion"

// xmlsec1 verifies the assertion's signature with a program that shares no code with the product.
func xmlsec1(tb testing.TB, response []byte, certificate *x509.Certificate) error {
	tb.Helper()
	certificateFile := write(tb, "signing.crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
	// Only raw RSA keys: the certificate in the response must not choose the key.
	return tool(tb, "xmlsec1", "xmlsec1", nil, "--verify", "--enabled-key-data", "rsa", "--pubkey-cert-pem", certificateFile,
		"--id-attr:ID", assertionElement, write(tb, "response.xml", response))
}

// xmllint checks a document against one of the SAML 2.0 schemas that Debian ships.
func xmllint(tb testing.TB, document []byte, schema string) error {
	tb.Helper()
	const schemas, imported = "/usr/share/xml/opensaml/", "/usr/share/xml/xmltooling/"
	for _, needed := range []struct{ file, debianPackage string }{
		{schemas + schema, "opensaml-schemas"}, {imported + "xmldsig-core-schema.xsd", "xmltooling-schemas"},
	} {
		if _, err := os.Stat(needed.file); err != nil {
			tb.Fatalf("the SAML schemas are missing: apt-get install %s (%v)", needed.debianPackage, err)
		}
	}
	// The SAML schemas import W3C's by addresses on the web.
	catalog := write(tb, "catalog.xml", []byte(`<catalog xmlns="urn:oasis:names:tc:entity:xmlns:xml:catalog">
		<system systemId="http://www.w3.org/TR/2002/REC-xmldsig-core-20020212/xmldsig-core-schema.xsd" uri="`+imported+`xmldsig-core-schema.xsd"/>
		<system systemId="http://www.w3.org/TR/2002/REC-xmlenc-core-20021210/xenc-schema.xsd" uri="`+imported+`xenc-schema.xsd"/>
		<system systemId="http://www.w3.org/2001/xml.xsd" uri="`+imported+`xml.xsd"/>
	</catalog>`))
	return tool(tb, "xmllint", "libxml2-utils", []string{"XML_CATALOG_FILES=" + catalog},
		"--nonet", "--noout", "--schema", schemas+schema, write(tb, "document.xml", document))
}

func write(tb testing.TB, name string, content []byte) string {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		tb.Fatal(err)
	}
	return file
}

func tool(tb testing.TB, program, debianPackage string, env []string, args ...string) error {
	tb.Helper()
	if _, err := exec.LookPath(program); err != nil {
		tb.Fatalf("%s is missing: apt-get install %s", program, debianPackage)
	}
	command := exec.CommandContext(tb.Context(), program, args...)
	command.Env = append(os.Environ(), env...)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return nil
}

// said is what a verifier that trusts nothing but the signed bytes reads from the assertion.
type said struct {
	Issuer, NameID, NameIDFormat, Audience, Recipient string
	Attributes                                        []idp.Attribute
}

func saidBy(st idp.Statement) said {
	return said{st.Issuer, st.NameID, st.NameIDFormat, st.Audience, st.Recipient, st.Attributes}
}

// verified verifies the assertion with goxmldsig and returns what the signed element says.
func verified(response []byte, certificate *x509.Certificate) (said, error) {
	element, err := signedElement(response, certificate)
	if err != nil {
		return said{}, err
	}
	nameID := element.FindElement("./Subject/NameID")
	s := said{
		Issuer:       element.FindElement("./Issuer").Text(),
		NameID:       nameID.Text(),
		NameIDFormat: nameID.SelectAttrValue("Format", ""),
		Audience:     element.FindElement("./Conditions/AudienceRestriction/Audience").Text(),
		Recipient:    element.FindElement("./Subject/SubjectConfirmation/SubjectConfirmationData").SelectAttrValue("Recipient", ""),
	}
	for _, a := range element.FindElements("./AttributeStatement/Attribute") {
		attribute := idp.Attribute{Name: a.SelectAttrValue("Name", "")}
		for _, v := range a.SelectElements("AttributeValue") {
			attribute.Values = append(attribute.Values, v.Text())
		}
		s.Attributes = append(s.Attributes, attribute)
	}
	return s, nil
}

func signedElement(response []byte, certificate *x509.Certificate) (*etree.Element, error) {
	document := etree.NewDocument()
	if _, err := document.ReadFrom(bytes.NewReader(response)); err != nil {
		return nil, err
	}
	element := document.FindElement("/Response/Assertion")
	if element == nil {
		return nil, fmt.Errorf("the response has no assertion")
	}
	verifier := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{certificate}})
	verifier.Clock = dsig.NewFakeClockAt(now.Add(time.Minute))
	return verifier.Validate(element)
}
