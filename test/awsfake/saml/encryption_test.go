package saml_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"testing"

	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake/internal/testidp"
	"attache.dev/attache/test/awsfake/saml"
)

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return raw
}

// The files were made by `xmlsec1 --encrypt`, which knows nothing of this package.
func TestWhatXMLSecEncryptedIsRead(t *testing.T) {
	block, _ := pem.Decode(readFile(t, "xmlsec1-provider-key.pem"))
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	key, ok := parsed.(*rsa.PrivateKey)
	NewWithT(t).Expect(ok).To(BeTrue())
	metadata, err := saml.ParseMetadata(string(readFile(t, "xmlsec1-metadata.xml")))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for _, algorithm := range []string{"aes128-cbc", "aes256-gcm"} {
		t.Run(algorithm, func(t *testing.T) {
			g := NewWithT(t)
			encoded := base64.StdEncoding.EncodeToString(readFile(t, "xmlsec1-"+algorithm+".xml"))
			_, err := saml.ParseResponse(encoded)
			g.Expect(err).To(MatchError(saml.ErrMalformed), "without a key")
			response, err := saml.ParseResponse(encoded, key)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(response.Encrypted).To(BeTrue())
			a, err := response.Verify(metadata)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(a.NameID).To(Equal("subject-123"))
			g.Expect(a.CheckTime(now)).To(Succeed())
		})
	}
}

func TestEitherOfTwoKeysDecrypts(t *testing.T) {
	first, _ := testidp.NewEncryptionKey()
	second, _ := testidp.NewEncryptionKey()
	idp, metadata := newIdP(t)
	for name, row := range map[string]struct {
		to   *rsa.PrivateKey
		with testidp.Encryption
	}{
		"the first key with AES-192":                      {first, testidp.Encryption{KeyBytes: 24, GCM: true}},
		"the second key with AES-192 in CBC mode":         {second, testidp.Encryption{KeyBytes: 24}},
		"SHA-512 as OAEP's digest and SHA-1 as its mask":  {second, testidp.Encryption{KeyBytes: 16, GCM: true, Digest: crypto.SHA512}},
		"the key transport of XML Encryption 1.1":         {first, testidp.Encryption{KeyBytes: 16, Transport11: true}},
		"XML Encryption 1.1 with SHA-512 in either place": {first, testidp.Encryption{KeyBytes: 32, Digest: crypto.SHA512, Mask: crypto.SHA512, Transport11: true}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			m := idp.Baseline(now, roleARN, providerARN)
			m.SignAssertion()
			m.Encrypt(&row.to.PublicKey, row.with)
			response, err := saml.ParseResponse(m.Encode(), first, second)
			g.Expect(err).NotTo(HaveOccurred())
			_, err = response.Verify(metadata)
			g.Expect(err).NotTo(HaveOccurred())
		})
	}
}

// FuzzDecrypt feeds the parser encrypted forms that nobody signed: none may verify,
// and none may break it.
func FuzzDecrypt(f *testing.F) {
	idp, _ := newIdP(f)
	_, metadata := newIdP(f) // the same issuer with another key
	key, _ := testidp.NewEncryptionKey()
	for _, e := range []testidp.Encryption{{KeyBytes: 16}, {KeyBytes: 32, GCM: true, Transport11: true, Mask: crypto.SHA256}} {
		m := idp.Baseline(now, roleARN, providerARN)
		m.SignAssertion()
		m.Encrypt(&key.PublicKey, e)
		raw, err := base64.StdEncoding.DecodeString(m.Encode())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		response, err := saml.ParseResponse(base64.StdEncoding.EncodeToString(document), key)
		if err != nil {
			return
		}
		if a, err := response.Verify(metadata); err == nil {
			t.Fatalf("a response that the provider did not sign verifies: %+v", a)
		}
	})
}
