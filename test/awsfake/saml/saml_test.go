package saml_test

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake/internal/testidp"
	"attache.dev/attache/test/awsfake/saml"
)

const (
	roleARN     = "arn:aws:iam::111122223333:role/reports"
	providerARN = "arn:aws:iam::111122223333:saml-provider/corp"
)

var now = time.Date(2026, 9, 11, 12, 0, 0, 0, time.UTC)

func newIdP(t testing.TB) (*testidp.IdP, saml.Metadata) {
	t.Helper()
	g := NewWithT(t)
	idp, err := testidp.New("https://idp.example.test/metadata")
	g.Expect(err).NotTo(HaveOccurred())
	metadata, err := saml.ParseMetadata(idp.Metadata())
	g.Expect(err).NotTo(HaveOccurred())
	return idp, metadata
}

// check does all that STS does with a response.
func check(encoded string, metadata saml.Metadata, at time.Time) (*saml.Assertion, error) {
	response, err := saml.ParseResponse(encoded)
	if err != nil {
		return nil, err
	}
	assertion, err := response.Verify(metadata)
	if err != nil {
		return nil, err
	}
	if err := assertion.CheckTime(at); err != nil {
		return nil, err
	}
	return assertion, nil
}

func TestASignedAssertionIsReadWhole(t *testing.T) {
	g := NewWithT(t)
	idp, metadata := newIdP(t)
	m := idp.Baseline(now, roleARN, providerARN)
	m.Attribute("PrincipalTag:team", "reports & co")
	m.SignAssertion()
	a, err := check(m.Encode(), metadata, now)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.Issuer).To(Equal(idp.EntityID))
	g.Expect(a.NameID).To(Equal("subject-123"))
	g.Expect(a.Recipient).To(Equal(testidp.GlobalACS))
	g.Expect(a.IssueInstant).To(Equal(now))
	g.Expect(a.Attributes).To(HaveKeyWithValue(testidp.AttributePrefix+"Role", []string{roleARN + "," + providerARN}))
	g.Expect(a.Attributes).To(HaveKeyWithValue(testidp.AttributePrefix+"PrincipalTag:team", []string{"reports & co"}))
}

// Each attack starts from a response that is rightly signed.
func TestWrappedAndForgedSignaturesAreRefused(t *testing.T) {
	idp, metadata := newIdP(t)
	evil := func(m *testidp.Message) *etree.Element {
		e := m.Assertion.Copy()
		e.CreateAttr("ID", "_evil")
		e.FindElement(".//saml:NameID").SetText("admin")
		return e
	}
	withoutSignature := func(e *etree.Element) *etree.Element {
		e.RemoveChild(e.SelectElement("ds:Signature"))
		return e
	}
	for name, row := range map[string]struct {
		attack func(*testidp.Message)
		want   error
	}{
		"a second assertion before the signed one": {func(m *testidp.Message) {
			m.Response.InsertChildAt(0, withoutSignature(evil(m)))
		}, saml.ErrMalformed},
		"the signed assertion moved into the signature of a forged one": {func(m *testidp.Message) {
			forged := evil(m)
			m.Response.RemoveChild(m.Assertion)
			forged.SelectElement("ds:Signature").CreateElement("ds:Object").AddChild(m.Assertion)
			m.Response.AddChild(forged)
		}, saml.ErrMalformed},
		"the signed assertion hidden in the extensions": {func(m *testidp.Message) {
			forged := withoutSignature(evil(m))
			m.Response.RemoveChild(m.Assertion)
			m.Response.CreateElement("samlp:Extensions").AddChild(m.Assertion)
			m.Response.AddChild(forged)
		}, saml.ErrMalformed},
		"a forged assertion with the signature of another": {func(m *testidp.Message) {
			forged := evil(m)
			m.Response.RemoveChild(m.Assertion)
			m.Response.AddChild(forged)
		}, saml.ErrSignature},
		"an ID that stands twice": {func(m *testidp.Message) {
			m.Response.CreateAttr("ID", "_assertion")
		}, saml.ErrMalformed},
		"a second signature in the assertion": {func(m *testidp.Message) {
			m.Assertion.AddChild(m.Find("ds:Signature").Copy())
		}, saml.ErrMalformed},
		"a signature below the subject": {func(m *testidp.Message) {
			signature := m.Find("ds:Signature")
			m.Find("saml:Subject").AddChild(signature.Copy())
			m.Assertion.RemoveChild(signature)
		}, saml.ErrMalformed},
		"a second reference in the signature": {func(m *testidp.Message) {
			info := m.Find("ds:SignedInfo")
			info.AddChild(m.Find("ds:Reference").Copy())
		}, saml.ErrSignature},
		"a reference to the whole document": {func(m *testidp.Message) {
			m.Find("ds:Reference").CreateAttr("URI", "")
		}, saml.ErrSignature},
		"another canonicalization": {func(m *testidp.Message) {
			m.Find("ds:Transforms").SelectElements("ds:Transform")[1].CreateAttr("Algorithm", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315")
		}, saml.ErrSignature},
		"no transform": {func(m *testidp.Message) {
			m.Find("ds:Reference").RemoveChild(m.Find("ds:Transforms"))
		}, saml.ErrSignature},
		"an empty signature value": {func(m *testidp.Message) {
			m.Find("ds:SignatureValue").SetText("")
		}, saml.ErrSignature},
		"a changed attribute": {func(m *testidp.Message) {
			m.Attribute("Role", "arn:aws:iam::111122223333:role/admin,"+providerARN)
		}, saml.ErrSignature},
		"another issuer": {func(m *testidp.Message) {
			m.Assertion.SelectElement("saml:Issuer").SetText("https://evil.example.test")
		}, saml.ErrIssuer},
		"an encrypted assertion beside the signed one": {func(m *testidp.Message) {
			m.Response.CreateElement("saml:EncryptedAssertion")
		}, saml.ErrMalformed},
		"a status other than Success": {func(m *testidp.Message) {
			m.Find("samlp:StatusCode").CreateAttr("Value", "urn:oasis:names:tc:SAML:2.0:status:Responder")
		}, saml.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			m := idp.Baseline(now, roleARN, providerARN)
			m.SignAssertion()
			row.attack(m)
			_, err := check(m.Encode(), metadata, now)
			g.Expect(err).To(MatchError(row.want))
		})
	}
}

func TestACommentDoesNotCutANameShort(t *testing.T) {
	g := NewWithT(t)
	idp, metadata := newIdP(t)
	m := idp.Baseline(now, roleARN, providerARN)
	m.Find("saml:NameID").SetText("admin.evil")
	m.SignAssertion()
	raw, err := base64.StdEncoding.DecodeString(m.Encode())
	g.Expect(err).NotTo(HaveOccurred())
	// Exclusive canonicalization drops comments, so the signature still verifies.
	commented := strings.Replace(string(raw), "admin.evil", "admin<!-- -->.evil", 1)
	a, err := check(base64.StdEncoding.EncodeToString([]byte(commented)), metadata, now)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.NameID).To(Equal("admin.evil"))
}

func TestTwoKeysOverlapWhileAKeyIsRotated(t *testing.T) {
	g := NewWithT(t)
	old, _ := newIdP(t)
	next, _ := newIdP(t)
	metadata, err := saml.ParseMetadata(next.Metadata(old))
	g.Expect(err).NotTo(HaveOccurred())
	for _, idp := range []*testidp.IdP{old, next} {
		m := idp.Baseline(now, roleARN, providerARN)
		m.SignAssertion()
		_, err := check(m.Encode(), metadata, now)
		g.Expect(err).NotTo(HaveOccurred())
	}
}

func TestCheckTime(t *testing.T) {
	idp, metadata := newIdP(t)
	for name, row := range map[string]struct {
		edit func(*testidp.Message)
		at   time.Time
		want error
	}{
		"an assertion is good for five minutes": {at: now.Add(5*time.Minute - time.Second)},
		"it has ended at NotOnOrAfter itself":   {at: now.Add(5 * time.Minute), want: saml.ErrExpired},
		"a longer NotOnOrAfter does not lengthen the five minutes": {
			edit: func(m *testidp.Message) {
				m.SetTime("saml:SubjectConfirmationData", "NotOnOrAfter", now.Add(time.Hour))
				m.SetTime("saml:Conditions", "NotOnOrAfter", now.Add(time.Hour))
			},
			at: now.Add(5*time.Minute + time.Second), want: saml.ErrTooOld,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			m := idp.Baseline(now, roleARN, providerARN)
			if row.edit != nil {
				row.edit(m)
			}
			m.SignAssertion()
			_, err := check(m.Encode(), metadata, row.at)
			if row.want == nil {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(row.want))
		})
	}
}

func TestParseMetadata(t *testing.T) {
	idp, _ := newIdP(t)
	good := idp.Metadata()
	certificate := base64.StdEncoding.EncodeToString(idp.Certificate)
	for name, row := range map[string]struct {
		document string
		want     error
	}{
		"one signing certificate is enough":            {document: good},
		"a key without use signs too":                  {document: strings.Replace(good, ` use="signing"`, "", 1)},
		"a certificate may be wrapped":                 {document: strings.Replace(good, certificate, "\n"+certificate[:64]+"\n"+certificate[64:], 1)},
		"a byte order mark is refused":                 {document: "\ufeff" + good, want: saml.ErrMetadata},
		"text that is not UTF-8 is refused":            {document: good + "\xff", want: saml.ErrMetadata},
		"text that is not XML is refused":              {document: "metadata", want: saml.ErrMetadata},
		"another root element is refused":              {document: strings.ReplaceAll(good, "EntityDescriptor", "EntitiesDescriptor"), want: saml.ErrMetadata},
		"another namespace is refused":                 {document: strings.Replace(good, "SAML:2.0:metadata", "SAML:1.1:metadata", 1), want: saml.ErrMetadata},
		"no entityID is refused":                       {document: strings.Replace(good, ` entityID="`+idp.EntityID+`"`, "", 1), want: saml.ErrMetadata},
		"a service provider's metadata has no issuer":  {document: strings.ReplaceAll(good, "IDPSSODescriptor", "SPSSODescriptor"), want: saml.ErrNoIssuer},
		"an encryption key alone is refused":           {document: strings.Replace(good, `use="signing"`, `use="encryption"`, 1), want: saml.ErrMetadata},
		"a certificate that is not base64 is refused":  {document: strings.Replace(good, certificate, "!", 1), want: saml.ErrMetadata},
		"a certificate that is no DER is refused":      {document: strings.Replace(good, certificate, "AAAA", 1), want: saml.ErrMetadata},
		"a document type declaration is refused":       {document: strings.Replace(good, "<md:Entity", `<!DOCTYPE x [<!ENTITY e "e">]><md:Entity`, 1), want: saml.ErrMetadata},
		"SAML 1.1 only is refused":                     {document: strings.Replace(good, `protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0`, `protocolSupportEnumeration="urn:oasis:names:tc:SAML:1.1`, 1), want: saml.ErrMetadata},
		"metadata with two identity providers refused": {document: strings.Replace(good, "<md:IDPSSODescriptor", "<md:IDPSSODescriptor/><md:IDPSSODescriptor", 1), want: saml.ErrNoIssuer},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			metadata, err := saml.ParseMetadata(row.document)
			if row.want != nil {
				g.Expect(err).To(MatchError(row.want))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(metadata.EntityID).To(Equal(idp.EntityID))
			g.Expect(metadata.Certificates).To(HaveLen(1))
		})
	}
}

// FuzzParseResponse feeds the parser what nobody signed: nothing may verify.
func FuzzParseResponse(f *testing.F) {
	idp, _ := newIdP(f)
	_, metadata := newIdP(f) // the same issuer with another key
	for _, sign := range []func(*testidp.Message){func(*testidp.Message) {}, (*testidp.Message).SignAssertion, (*testidp.Message).SignResponse} {
		m := idp.Baseline(now, roleARN, providerARN)
		sign(m)
		f.Add(m.Encode())
	}
	f.Fuzz(func(t *testing.T, encoded string) {
		if a, err := check(encoded, metadata, now); err == nil {
			t.Fatalf("a response that the provider did not sign verifies: %+v", a)
		}
	})
}

// FuzzTamper replaces a part of a rightly signed response. Whatever still verifies
// must say what was signed. The input is an edit and not the response because each
// fuzzing process has a key of its own.
func FuzzTamper(f *testing.F) {
	idp, metadata := newIdP(f)
	m := idp.Baseline(now, roleARN, providerARN)
	m.SignAssertion()
	m.SignResponse()
	signed, err := base64.StdEncoding.DecodeString(m.Encode())
	if err != nil {
		f.Fatal(err)
	}
	subject := bytes.Index(signed, []byte("subject-123"))
	f.Add(uint16(0), uint16(0), []byte(""))
	f.Add(uint16(subject), uint16(len("subject-123")), []byte("admin"))
	f.Add(uint16(subject), uint16(0), []byte("<!-- -->"))
	f.Add(uint16(subject), uint16(0), []byte("<saml:Assertion/>"))
	f.Fuzz(func(t *testing.T, at, cut uint16, insert []byte) {
		start := min(int(at), len(signed))
		end := min(start+int(cut), len(signed))
		tampered := slices.Concat(signed[:start], insert, signed[end:])
		a, err := check(base64.StdEncoding.EncodeToString(tampered), metadata, now)
		if err != nil {
			return
		}
		if a.NameID != "subject-123" || a.Recipient != testidp.GlobalACS || a.Issuer != idp.EntityID {
			t.Fatalf("a forged assertion verifies: %+v", a)
		}
	})
}

func FuzzParseMetadata(f *testing.F) {
	idp, _ := newIdP(f)
	f.Add(idp.Metadata())
	f.Add(`<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="x"/>`)
	f.Fuzz(func(t *testing.T, document string) {
		metadata, err := saml.ParseMetadata(document)
		if err == nil && (metadata.EntityID == "" || len(metadata.Certificates) == 0) {
			t.Fatalf("metadata without an issuer or a key is taken")
		}
	})
}
