package saml

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // OAEP's default digest
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/beevik/etree"
)

// XML Encryption's namespaces (XML Encryption 1.1, section 1.3).
const (
	nsEncryption   = "http://www.w3.org/2001/04/xmlenc#"
	nsEncryption11 = "http://www.w3.org/2009/xmlenc11#"
)

// Key transport algorithms (XML Encryption 1.1, section 5.5.2): the first has a
// fixed mask generation function, the second names it.
const (
	oaepMGF1P = nsEncryption + "rsa-oaep-mgf1p"
	oaep      = nsEncryption11 + "rsa-oaep"
)

var oaepDigests = map[string]crypto.Hash{
	nsSignature + "sha1":      crypto.SHA1,
	nsEncryption + "sha256":   crypto.SHA256,
	nsEncryption + "sha512":   crypto.SHA512,
	nsEncryption11 + "sha384": crypto.SHA384,
}

var maskFunctions = map[string]crypto.Hash{
	nsEncryption11 + "mgf1sha1":   crypto.SHA1,
	nsEncryption11 + "mgf1sha256": crypto.SHA256,
	nsEncryption11 + "mgf1sha384": crypto.SHA384,
	nsEncryption11 + "mgf1sha512": crypto.SHA512,
}

// blockAlgorithm is how the assertion itself is encrypted.
type blockAlgorithm struct {
	keyBytes int
	open     func(block cipher.Block, sealed []byte) ([]byte, error)
}

var blockAlgorithms = map[string]blockAlgorithm{
	nsEncryption + "aes128-cbc":   {16, openCBC},
	nsEncryption + "aes192-cbc":   {24, openCBC},
	nsEncryption + "aes256-cbc":   {32, openCBC},
	nsEncryption11 + "aes128-gcm": {16, openGCM},
	nsEncryption11 + "aes192-gcm": {24, openGCM},
	nsEncryption11 + "aes256-gcm": {32, openGCM},
}

var errDecrypt = errors.New("no key of the provider opens it")

// decryptAssertion opens an EncryptedAssertion with the first key that fits and
// returns the Assertion.
func decryptAssertion(encrypted *etree.Element, keys []*rsa.PrivateKey) (*etree.Element, error) {
	data, ok := only(encrypted, nsEncryption, "EncryptedData")
	if !ok {
		return nil, errors.New("want one EncryptedData")
	}
	algorithm, known := blockAlgorithms[algorithmOf(data)]
	if !known {
		return nil, fmt.Errorf("the algorithm %q is not AES in CBC or GCM mode", algorithmOf(data))
	}
	wrapped, err := encryptedKey(encrypted, data)
	if err != nil {
		return nil, err
	}
	sealed, err := cipherValue(data)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		secret, err := unwrap(wrapped, key)
		if err != nil || len(secret) != algorithm.keyBytes {
			continue
		}
		block, err := aes.NewCipher(secret)
		if err != nil {
			return nil, err
		}
		plain, err := algorithm.open(block, sealed)
		if err != nil {
			return nil, err
		}
		return parseXML(plain)
	}
	return nil, errDecrypt
}

func algorithmOf(e *etree.Element) string {
	method, ok := only(e, nsEncryption, "EncryptionMethod")
	if !ok {
		return ""
	}
	return method.SelectAttrValue("Algorithm", "")
}

// encryptedKey finds the one EncryptedKey: inside KeyInfo or beside EncryptedData
// (SAML core, section 2.2.4).
func encryptedKey(encrypted, data *etree.Element) (*etree.Element, error) {
	if info, ok := only(data, nsSignature, "KeyInfo"); ok {
		if key, ok := only(info, nsEncryption, "EncryptedKey"); ok {
			return key, nil
		}
	}
	if key, ok := only(encrypted, nsEncryption, "EncryptedKey"); ok {
		return key, nil
	}
	return nil, errors.New("want one EncryptedKey")
}

func cipherValue(e *etree.Element) ([]byte, error) {
	data, ok := only(e, nsEncryption, "CipherData")
	if !ok {
		return nil, errors.New("want one CipherData")
	}
	value, ok := only(data, nsEncryption, "CipherValue")
	if !ok {
		return nil, errors.New("want one CipherValue")
	}
	return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text(value)), ""))
}

// unwrap opens the assertion's key with RSA-OAEP.
func unwrap(wrapped *etree.Element, key *rsa.PrivateKey) ([]byte, error) {
	options, err := oaepOptions(wrapped)
	if err != nil {
		return nil, err
	}
	sealed, err := cipherValue(wrapped)
	if err != nil {
		return nil, err
	}
	return key.Decrypt(rand.Reader, sealed, options)
}

func oaepOptions(wrapped *etree.Element) (*rsa.OAEPOptions, error) {
	options := &rsa.OAEPOptions{Hash: crypto.SHA1, MGFHash: crypto.SHA1}
	method, ok := only(wrapped, nsEncryption, "EncryptionMethod")
	if !ok {
		return nil, errors.New("want one EncryptionMethod")
	}
	known := true
	if digest, ok := only(method, nsSignature, "DigestMethod"); ok {
		options.Hash, known = oaepDigests[digest.SelectAttrValue("Algorithm", "")]
	}
	if !known {
		return nil, errors.New("the digest of OAEP is not known")
	}
	switch algorithmOf(wrapped) {
	case oaepMGF1P:
		return options, nil
	case oaep:
		if mask, ok := only(method, nsEncryption11, "MGF"); ok {
			options.MGFHash, known = maskFunctions[mask.SelectAttrValue("Algorithm", "")]
		}
		if !known {
			return nil, errors.New("the mask generation function of OAEP is not known")
		}
		return options, nil
	default:
		return nil, fmt.Errorf("the key transport %q is not RSA-OAEP", algorithmOf(wrapped))
	}
}

// openCBC takes the padding of XML Encryption 1.1, section 5.2.2: the last byte
// counts, the others may be anything.
func openCBC(block cipher.Block, sealed []byte) ([]byte, error) {
	size := block.BlockSize()
	if len(sealed) < 2*size || len(sealed)%size != 0 {
		return nil, errDecrypt
	}
	plain := make([]byte, len(sealed)-size)
	cipher.NewCBCDecrypter(block, sealed[:size]).CryptBlocks(plain, sealed[size:])
	padding := int(plain[len(plain)-1])
	if padding == 0 || padding > size {
		return nil, errDecrypt
	}
	return plain[:len(plain)-padding], nil
}

func openGCM(block cipher.Block, sealed []byte) ([]byte, error) {
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize() {
		return nil, errDecrypt
	}
	return aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], nil)
}
