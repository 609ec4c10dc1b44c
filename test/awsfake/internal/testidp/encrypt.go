package testidp

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// Namespaces of XML Encryption 1.0 and 1.1.
const (
	nsEncryption   = "http://www.w3.org/2001/04/xmlenc#"
	nsEncryption11 = "http://www.w3.org/2009/xmlenc11#"
)

// Encryption names the algorithms of an EncryptedAssertion.
type Encryption struct {
	// KeyBytes is of AES; GCM is its mode instead of CBC.
	KeyBytes int
	GCM      bool
	// Digest and Mask are of OAEP: SHA-1 if 0. Another mask than SHA-1 needs the key
	// transport of XML Encryption 1.1, which Transport11 asks for.
	Digest, Mask crypto.Hash
	Transport11  bool
}

// NewEncryptionKey makes the key that a provider decrypts with, and its PEM form.
func NewEncryptionKey() (*rsa.PrivateKey, string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // the size is one that RSA takes
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err) // RSA keys are always taken
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// Encrypt puts an EncryptedAssertion in the place of the Assertion; call it after
// SignAssertion and before SignResponse.
func (m *Message) Encrypt(to *rsa.PublicKey, e Encryption) {
	doc := etree.NewDocument()
	doc.SetRoot(m.Assertion.Copy())
	plain, err := doc.WriteToBytes()
	if err != nil {
		panic(err) // writing to memory
	}
	secret := random(e.KeyBytes)
	encrypted := etree.NewDocument()
	if err := encrypted.ReadFromString(e.document(e.seal(secret, plain), e.wrap(secret, to))); err != nil {
		panic(err) // the template is constant
	}
	index := m.Assertion.Index()
	m.Response.RemoveChildAt(index)
	m.Response.InsertChildAt(index, encrypted.Root())
}

func (e Encryption) document(sealed, wrapped []byte) string {
	mode, namespace := "cbc", nsEncryption
	if e.GCM {
		mode, namespace = "gcm", nsEncryption11
	}
	transport, mask := nsEncryption+"rsa-oaep-mgf1p", ""
	if e.Transport11 {
		transport = nsEncryption11 + "rsa-oaep"
		mask = fmt.Sprintf(`<xenc11:MGF Algorithm="%smgf1%s"/>`, nsEncryption11, hashName(e.Mask))
	}
	digest := nsEncryption + hashName(e.Digest)
	if orSHA1(e.Digest) == crypto.SHA1 {
		digest = dsig.Namespace + "sha1"
	}
	return fmt.Sprintf(`<saml:EncryptedAssertion xmlns:saml="%s"><xenc:EncryptedData xmlns:xenc="%s" Type="http://www.w3.org/2001/04/xmlenc#Element">`+
		`<xenc:EncryptionMethod Algorithm="%saes%d-%s"/><ds:KeyInfo xmlns:ds="%s"><xenc:EncryptedKey>`+
		`<xenc:EncryptionMethod Algorithm="%s"><ds:DigestMethod Algorithm="%s"/>%s</xenc:EncryptionMethod>`+
		`<xenc:CipherData><xenc:CipherValue>%s</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo>`+
		`<xenc:CipherData><xenc:CipherValue>%s</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></saml:EncryptedAssertion>`,
		nsAssertion, nsEncryption+`" xmlns:xenc11="`+nsEncryption11, namespace, 8*e.KeyBytes, mode, dsig.Namespace,
		transport, digest, mask, base64.StdEncoding.EncodeToString(wrapped), base64.StdEncoding.EncodeToString(sealed))
}

func (e Encryption) seal(secret, plain []byte) []byte {
	block, err := aes.NewCipher(secret)
	if err != nil {
		panic(err) // the caller names a size of AES
	}
	if e.GCM {
		aead, err := cipher.NewGCM(block)
		if err != nil {
			panic(err) // AES has GCM's block size
		}
		nonce := random(aead.NonceSize())
		return aead.Seal(nonce, nonce, plain, nil)
	}
	padding := block.BlockSize() - len(plain)%block.BlockSize()
	plain = append(plain, bytes.Repeat([]byte{byte(padding)}, padding)...)
	sealed := append(random(block.BlockSize()), plain...)
	cipher.NewCBCEncrypter(block, sealed[:block.BlockSize()]).CryptBlocks(sealed[block.BlockSize():], plain)
	return sealed
}

func (e Encryption) wrap(secret []byte, to *rsa.PublicKey) []byte {
	wrapped, err := rsa.EncryptOAEPWithOptions(rand.Reader, to, secret, &rsa.OAEPOptions{Hash: orSHA1(e.Digest), MGFHash: orSHA1(e.Mask)})
	if err != nil {
		panic(err) // a key of AES is short enough
	}
	return wrapped
}

func orSHA1(h crypto.Hash) crypto.Hash {
	if h == 0 {
		return crypto.SHA1
	}
	return h
}

func hashName(h crypto.Hash) string {
	return map[crypto.Hash]string{crypto.SHA1: "sha1", crypto.SHA256: "sha256", crypto.SHA512: "sha512"}[orSHA1(h)]
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return b
}
