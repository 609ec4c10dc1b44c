package assertion_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/idp"
	"attache.dev/attache/idp/assertion"
	"attache.dev/attache/idp/keys"
)

func TestOtherProgramsVerifyTheResponse(t *testing.T) {
	g := NewWithT(t)
	st := statement(t)
	response := respond(t, st)

	g.Expect(xmlsec1(t, response, signingKey().Certificate)).To(Succeed())
	g.Expect(xmllint(t, response, "saml-schema-protocol-2.0.xsd")).To(Succeed())
	g.Expect(verified(response, signingKey().Certificate)).To(Equal(saidBy(st)))
}

func TestAResponseWithoutAttributesIsValidToo(t *testing.T) {
	g := NewWithT(t)
	st := statement(t)
	st.Attributes = nil
	response := respond(t, st)

	g.Expect(xmlsec1(t, response, signingKey().Certificate)).To(Succeed())
	g.Expect(xmllint(t, response, "saml-schema-protocol-2.0.xsd")).To(Succeed())
	g.Expect(string(response)).NotTo(ContainSubstring("AttributeStatement"))
}

// A verifier that says yes to everything would pass the test above.
func TestNoProgramVerifiesWhatWasChanged(t *testing.T) {
	other, err := keys.Generate(rand.Reader, "other", now)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name     string
		old, new string
		key      keys.Key
	}{
		{"another subject", "reports:uploader<", "reports:admin<", signingKey()},
		{"another role", "role/reports/uploader", "role/reports/admin", signingKey()},
		{"another recipient", `Recipient="https://signin`, `Recipient="https://evil`, signingKey()},
		{"a longer session", "3600</saml", "43200</saml", signingKey()},
		{"a comment in the subject", "system:serviceaccount", "system:<!-- -->serviceaccounts", signingKey()},
		{"another digest", "<ds:DigestValue>", "<ds:DigestValue>AAAA", signingKey()},
		{"another key", "", "", other},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			original := respond(t, statement(t))
			changed := bytes.ReplaceAll(original, []byte(tt.old), []byte(tt.new))
			if tt.old != "" {
				g.Expect(changed).NotTo(Equal(original))
			} else {
				changed = original
			}
			g.Expect(xmlsec1(t, changed, tt.key.Certificate)).NotTo(Succeed())
			_, err := verified(changed, tt.key.Certificate)
			g.Expect(err).To(HaveOccurred())
		})
	}
}

func TestTheResponseHoldsItsTimes(t *testing.T) {
	g := NewWithT(t)
	st := statement(t)
	response, err := assertion.Response(st, signingKey(), now.In(time.FixedZone("", -7*3600)).Add(999*time.Millisecond), rand.Reader)
	g.Expect(err).NotTo(HaveOccurred())
	element, err := signedElement(response, signingKey().Certificate)
	g.Expect(err).NotTo(HaveOccurred())

	g.Expect(element.SelectAttrValue("IssueInstant", "")).To(Equal("2026-11-23T09:00:00Z"))
	conditions := element.FindElement("./Conditions")
	g.Expect(conditions.SelectAttrValue("NotBefore", "")).To(Equal("2026-11-23T08:59:00Z"))
	g.Expect(conditions.SelectAttrValue("NotOnOrAfter", "")).To(Equal("2026-11-23T09:05:00Z"))
	data := element.FindElement("./Subject/SubjectConfirmation/SubjectConfirmationData")
	g.Expect(data.SelectAttrValue("NotOnOrAfter", "")).To(Equal("2026-11-23T09:05:00Z"))
	authn := element.FindElement("./AuthnStatement")
	g.Expect(authn.SelectAttrValue("AuthnInstant", "")).To(Equal("2026-11-23T09:00:00Z"))
	g.Expect(authn.SelectAttrValue("SessionNotOnOrAfter", "")).To(Equal("2026-11-23T10:00:00Z"))
}

func TestTheResponseSaysNothingThatAWSWouldNotWant(t *testing.T) {
	g := NewWithT(t)
	response := string(respond(t, statement(t)))

	g.Expect(strings.Count(response, "<ds:Signature ")).To(Equal(1), "the assertion is signed, and it alone")
	g.Expect(strings.Count(response, "<saml:SubjectConfirmation ")).To(Equal(1))
	g.Expect(response).NotTo(ContainSubstring("Address="))
	g.Expect(response).NotTo(ContainSubstring("NameQualifier="))
	g.Expect(response).NotTo(ContainSubstring("rsa-sha1"))
}

func TestIDsAreRandomAndNeverRepeat(t *testing.T) {
	g := NewWithT(t)
	ids := regexp.MustCompile(` ID="(_[0-9a-f]{40})"`)
	seen := map[string]bool{}
	for range 20 {
		for _, match := range ids.FindAllStringSubmatch(string(respond(t, statement(t))), -1) {
			seen[match[1]] = true
		}
	}
	g.Expect(seen).To(HaveLen(40), "one of the response and one of the assertion, each time")
}

// hostile are values that look for a way out of their place.
var hostile = []struct {
	name, value string
	refused     bool
}{
	{"quotes", `"'` + "`", false},
	{"markup", `<saml:Attribute Name="x">&amp;</saml:Attribute>`, false},
	{"the end of a CDATA section", `a]]>b`, false},
	{"a comment", `a<!-- b -->c`, false},
	{"a processing instruction", `<?xml version="1.0"?>`, false},
	{"an entity", `&xxe; &#x41; &lt;`, false},
	{"a TAB", "a\tb", false},
	{"a line feed", "a\nb", false},
	{"CR LF", "a\r\nb", false},
	{"a lone CR", "\ra\r", false},
	{"white space around it", "  a  ", false},
	{"white space only", " \t\n", false},
	{"letters of many scripts", "Grüße 東京 🚀 ́", false},
	{"the replacement character", "\uFFFD", false},
	{"a byte order mark", "\uFEFFa", false},
	{"line separators of Unicode", "a\u2028b\u2029c", false},
	{"the last character of all", "\U0010FFFF", false},
	{"NUL", "a\x00b", true},
	{"escape", "a\x1b[0m", true},
	{"delete", "a\x7f", true},
	{"next line, a C1 control", "a\u0085b", true},
	{"a character that XML has not", "a\uFFFEb", true},
	{"bytes that are not UTF-8", "a\xff", true},
	{"a surrogate in UTF-8", "a\xed\xa0\x80", true},
}

func TestHostileValuesAreSaidExactlyOrRefused(t *testing.T) {
	fields := []struct {
		name string
		set  func(*idp.Statement, string)
	}{
		{"issuer", func(st *idp.Statement, v string) { st.Issuer = v }},
		{"NameID", func(st *idp.Statement, v string) { st.NameID = v }},
		{"NameID format", func(st *idp.Statement, v string) { st.NameIDFormat = v }},
		{"audience", func(st *idp.Statement, v string) { st.Audience = v }},
		{"recipient", func(st *idp.Statement, v string) { st.Recipient = v }},
		{"name of attribute 0", func(st *idp.Statement, v string) { st.Attributes[0].Name = v }},
		{`value of attribute "https://aws.amazon.com/SAML/Attributes/Role"`, func(st *idp.Statement, v string) { st.Attributes[0].Values[0] = v }},
	}
	for _, h := range hostile {
		t.Run(h.name, func(t *testing.T) {
			g := NewWithT(t)
			everywhere := statement(t)
			for _, f := range fields {
				st := statement(t)
				f.set(&st, h.value)
				f.set(&everywhere, h.value)
				response, err := assertion.Response(st, signingKey(), now, rand.Reader)
				if h.refused {
					expectRefusal(g, err, assertion.ReasonInvalidStatement, "the "+f.name)
					continue
				}
				g.Expect(err).NotTo(HaveOccurred(), f.name)
				g.Expect(verified(response, signingKey().Certificate)).To(Equal(saidBy(st)), f.name)
			}
			if !h.refused {
				g.Expect(xmlsec1(t, respond(t, everywhere), signingKey().Certificate)).To(Succeed())
			}
		})
	}
}

func TestResponseRefusesStatementsThatSayTooLittle(t *testing.T) {
	tests := []struct {
		name   string
		change func(*idp.Statement)
		want   string
	}{
		{"no issuer", func(st *idp.Statement) { st.Issuer = "" }, "the issuer is empty"},
		{"an issuer of 1025 characters", func(st *idp.Statement) { st.Issuer = strings.Repeat("é", 1025) }, "the issuer has more than 1024 characters"},
		{"no NameID", func(st *idp.Statement) { st.NameID = "" }, "the NameID is empty"},
		{"no NameID format", func(st *idp.Statement) { st.NameIDFormat = "" }, "the NameID format is empty"},
		{"no audience", func(st *idp.Statement) { st.Audience = "" }, "the audience is empty"},
		{"no recipient", func(st *idp.Statement) { st.Recipient = "" }, "the recipient is empty"},
		{"an attribute without a name", func(st *idp.Statement) { st.Attributes[1].Name = "" }, "the name of attribute 1 is empty"},
		{"no lifetime", func(st *idp.Statement) { st.Lifetime = 0 }, "at least a second"},
		{"a session that is over", func(st *idp.Statement) { st.SessionLifetime = -time.Second }, "at least a second"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st := statement(t)
			tt.change(&st)
			_, err := assertion.Response(st, signingKey(), now, rand.Reader)
			expectRefusal(NewWithT(t), err, assertion.ReasonInvalidStatement, tt.want)
		})
	}
}

func TestResponseFailsWithoutAGoodKeyOrRandomness(t *testing.T) {
	g := NewWithT(t)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	g.Expect(err).NotTo(HaveOccurred())
	k := signingKey()
	k.Signer = curve
	_, err = assertion.Response(statement(t), k, now, rand.Reader)
	g.Expect(err).To(MatchError(ContainSubstring("is not RSA")))

	broken := errors.New("no entropy")
	_, err = assertion.Response(statement(t), signingKey(), now, iotest.ErrReader(broken))
	g.Expect(err).To(MatchError(broken))
}

func TestEncodeKeepsToTheLimitOfSTS(t *testing.T) {
	g := NewWithT(t)
	encoded, err := assertion.Encode(bytes.Repeat([]byte("a"), 75_000))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(encoded).To(HaveLen(100_000))
	g.Expect(base64.StdEncoding.DecodeString(encoded)).To(HaveLen(75_000))

	_, err = assertion.Encode(bytes.Repeat([]byte("a"), 75_001))
	expectRefusal(g, err, assertion.ReasonAssertionTooLarge, "100004 characters in base64 and STS takes 100000")
}

func expectRefusal(g Gomega, err error, reason, message string) {
	var refusal *idp.Refusal
	g.ExpectWithOffset(1, errors.As(err, &refusal)).To(BeTrue(), "%v", err)
	g.ExpectWithOffset(1, refusal.Kind).To(Equal(idp.Denied))
	g.ExpectWithOffset(1, refusal.Reason).To(Equal(reason))
	g.ExpectWithOffset(1, refusal.Message).To(ContainSubstring(message))
}
