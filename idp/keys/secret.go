package keys

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

const (
	keySuffix         = ".key" // PKCS#8 in PEM
	certificateSuffix = ".crt" // X.509 in PEM

	keyBlock         = "PRIVATE KEY"
	certificateBlock = "CERTIFICATE"
)

// SecretName returns the name of the Secret, in the operator's namespace, that holds the
// provider's signing keys.
func SecretName(provider string) string { return "attache-" + provider + "-keys" }

// ToSecretData returns the data of a key Secret: <id>.key and <id>.crt for each key. It refuses
// keys that FromSecretData would not take back.
func ToSecretData(ks []Key) (map[string][]byte, error) {
	data := make(map[string][]byte, 2*len(ks))
	for _, k := range ks {
		if err := k.check(); err != nil {
			return nil, fmt.Errorf("key %q: %w", k.ID, err)
		}
		if _, twice := data[k.ID+keySuffix]; twice {
			return nil, fmt.Errorf("key %q: is listed twice", k.ID)
		}
		der, err := x509.MarshalPKCS8PrivateKey(k.Signer)
		if err != nil {
			return nil, fmt.Errorf("key %q: writing the private key: %w", k.ID, err)
		}
		data[k.ID+keySuffix] = pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der})
		data[k.ID+certificateSuffix] = pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: k.Certificate.Raw})
	}
	return data, nil
}

// FromSecretData reads a key Secret that holds the private keys itself; see Ring.Read.
func FromSecretData(data map[string][]byte) ([]Key, error) {
	return Ring{InSecret{}}.Read(context.Background(), data)
}

func parseKey(text []byte) (crypto.Signer, error) {
	der, err := onlyBlock(text, keyBlock)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("is not a PKCS#8 private key: %w", err)
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("holds a private key of type %T, which cannot sign", parsed)
	}
	return signer, nil
}

func parseCertificate(text []byte) (*x509.Certificate, error) {
	der, err := onlyBlock(text, certificateBlock)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("is not an X.509 certificate: %w", err)
	}
	return certificate, nil
}

// onlyBlock returns the content of the one PEM block that the text must be.
func onlyBlock(text []byte, blockType string) ([]byte, error) {
	block, rest := pem.Decode(text)
	switch {
	case block == nil:
		return nil, fmt.Errorf("is not PEM; write one -----BEGIN %s----- block", blockType)
	case block.Type != blockType:
		return nil, fmt.Errorf("is a PEM block of type %q; write one of type %q", block.Type, blockType)
	case len(strings.TrimSpace(string(rest))) > 0:
		return nil, errors.New("has something after the first PEM block; write one block only")
	}
	return block.Bytes, nil
}
