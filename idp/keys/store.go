package keys

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// Store keeps private keys. The key Secret has an entry of the Store's for each of them, beside the
// certificate: the private key itself, or where to find it.
type Store interface {
	// Suffix of the Store's entries, such as .key. No two Stores of a Ring have the same, and none has .crt.
	Suffix() string
	// Generate makes an RSA key of that many bits, and the entry by which it is found again.
	Generate(ctx context.Context, bits int) (crypto.Signer, []byte, error)
	// Open finds the private key of an entry. Its error holds nothing secret.
	Open(ctx context.Context, entry []byte) (crypto.Signer, error)
	// Destroy makes the private key useless wherever it is, after its entry has gone from the Secret. It
	// succeeds if that has been done already.
	Destroy(ctx context.Context, entry []byte) error
}

// InSecret is the Store that has the private keys in the key Secret: PKCS#8 in PEM. Who may read the
// Secret may sign.
type InSecret struct{}

var _ Store = InSecret{}

// Suffix implements Store.
func (InSecret) Suffix() string { return keySuffix }

// Generate implements Store.
func (InSecret) Generate(_ context.Context, bits int) (crypto.Signer, []byte, error) {
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, nil, fmt.Errorf("making an RSA key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("writing the private key: %w", err)
	}
	return private, pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der}), nil
}

// Open implements Store.
func (InSecret) Open(_ context.Context, entry []byte) (crypto.Signer, error) { return parseKey(entry) }

// Destroy implements Store. The key went with its entry.
func (InSecret) Destroy(context.Context, []byte) error { return nil }
