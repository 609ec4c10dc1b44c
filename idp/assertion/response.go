package assertion

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"time"

	"attache.dev/attache/idp"
	"attache.dev/attache/idp/keys"
)

// Identifiers of XML Signature (RFC 6931 and "XML Signature Syntax and Processing").
const (
	nsSignature        = "http://www.w3.org/2000/09/xmldsig#"
	algExclusiveC14N   = "http://www.w3.org/2001/10/xml-exc-c14n#"
	algEnveloped       = nsSignature + "enveloped-signature"
	algRSAWithSHA256   = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	algSHA256          = "http://www.w3.org/2001/04/xmlenc#sha256"
	maxEncodedResponse = 100_000 // AssumeRoleWithSAML's SAMLAssertion (AWS STS API Reference)
)

// Response says the statement in a SAML response whose assertion is signed with RSA-SHA256. The
// response around it is not: AWS demands the one and does not need the other. Times count from now.
// A statement that cannot be said in XML is refused with a *idp.Refusal of kind Denied; any other
// error is one of the key or of random.
func Response(st idp.Statement, key keys.Key, now time.Time, random io.Reader) ([]byte, error) {
	if r := check(st); r != nil {
		return nil, r
	}
	response, err := build(st, now, random)
	if err != nil {
		return nil, err
	}
	var head, tail canonical
	head.assertionHead(response.Assertion)
	tail.buf = make([]byte, 0, 4<<10)
	tail.assertionTail(response.Assertion)

	out := canonical{buf: make([]byte, 0, 8<<10)}
	out.responseHead(response)
	out.buf = append(out.buf, head.buf...)
	if err := out.sign(response.Assertion.ID, key, random, head.buf, tail.buf); err != nil {
		return nil, err
	}
	out.buf = append(out.buf, tail.buf...)
	out.end("samlp:Response")
	return out.buf, nil
}

// sign writes the enveloped signature over content, the canonical form of the element with that ID.
func (c *canonical) sign(id string, key keys.Key, random io.Reader, content ...[]byte) error {
	if _, ok := key.Signer.Public().(*rsa.PublicKey); !ok {
		return fmt.Errorf("signing the assertion: %s is not RSA", key)
	}
	digest := sha256.New()
	for _, part := range content {
		digest.Write(part)
	}
	var info canonical
	info.signedInfo(id, digest.Sum(nil))
	hashed := sha256.Sum256(info.buf)
	signature, err := key.Signer.Sign(random, hashed[:], crypto.SHA256)
	if err != nil {
		return fmt.Errorf("signing the assertion with %s: %w", key, err)
	}
	c.open("ds:Signature", attr{"xmlns:ds", nsSignature})
	c.buf = append(c.buf, info.buf...)
	c.leaf("ds:SignatureValue", base64.StdEncoding.EncodeToString(signature))
	c.open("ds:KeyInfo")
	c.open("ds:X509Data")
	c.leaf("ds:X509Certificate", base64.StdEncoding.EncodeToString(key.Certificate.Raw))
	c.end("ds:X509Data")
	c.end("ds:KeyInfo")
	c.end("ds:Signature")
	return nil
}

// signedInfo declares xmlns:ds once more than it must: its canonical form does, and so what is
// signed is what is sent.
func (c *canonical) signedInfo(id string, digest []byte) {
	c.open("ds:SignedInfo", attr{"xmlns:ds", nsSignature})
	c.leaf("ds:CanonicalizationMethod", "", attr{"Algorithm", algExclusiveC14N})
	c.leaf("ds:SignatureMethod", "", attr{"Algorithm", algRSAWithSHA256})
	c.open("ds:Reference", attr{"URI", "#" + id})
	c.open("ds:Transforms")
	c.leaf("ds:Transform", "", attr{"Algorithm", algEnveloped})
	c.leaf("ds:Transform", "", attr{"Algorithm", algExclusiveC14N})
	c.end("ds:Transforms")
	c.leaf("ds:DigestMethod", "", attr{"Algorithm", algSHA256})
	c.leaf("ds:DigestValue", base64.StdEncoding.EncodeToString(digest))
	c.end("ds:Reference")
	c.end("ds:SignedInfo")
}

// Encode returns the response as STS takes it, in base64. More than 100,000 characters are refused
// with a *idp.Refusal of kind Denied.
func Encode(response []byte) (string, error) {
	if n := base64.StdEncoding.EncodedLen(len(response)); n > maxEncodedResponse {
		return "", denied(ReasonAssertionTooLarge, "the SAML response has %d characters in base64 and STS takes %d: say less in its attributes", n, maxEncodedResponse)
	}
	return base64.StdEncoding.EncodeToString(response), nil
}
