// Package keys makes a provider's signing keys and carries them in and out of its key Secret. The
// Secret names them all; where their private halves are is a Store's business.
package keys

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

const (
	// Bits of the RSA modulus. RSA, because no source of AWS says that IAM takes ECDSA.
	Bits = 2048
	// validityYears is long because rotation, not expiry, ends a key: AWS honours an expired
	// certificate, but other service providers do not.
	validityYears = 10
)

// Key is a signing key with the certificate by which the world knows it.
type Key struct {
	// ID is the first 16 hexadecimal digits of the SHA-256 of the certificate's DER form.
	ID string
	// Signer holds the RSA private key, or asks who has it. It is safe for concurrent use.
	Signer crypto.Signer
	// Certificate is self-signed; its NotBefore is when the key was made.
	Certificate *x509.Certificate
}

// String names the key without what is in it, so that a stray %v prints no secret.
func (k Key) String() string { return "key " + k.ID }

// GoString hides the private key from %#v.
func (k Key) GoString() string { return k.String() }

// Generate makes an RSA-2048 key and a self-signed certificate with that common name, valid for
// ten years from now. Randomness comes from random; nil means crypto/rand.
func Generate(random io.Reader, commonName string, now time.Time) (Key, error) {
	if random == nil {
		random = rand.Reader
	}
	private, err := rsa.GenerateKey(random, Bits)
	if err != nil {
		return Key{}, fmt.Errorf("making an RSA key: %w", err)
	}
	return certify(random, private, commonName, now)
}

// certify makes the self-signed certificate of a private key.
func certify(random io.Reader, private crypto.Signer, commonName string, now time.Time) (Key, error) {
	from := now.UTC().Truncate(time.Second) // what a certificate can hold
	template := &x509.Certificate{
		// Without a SerialNumber, CreateCertificate draws a random one (RFC 5280 section 4.1.2.2).
		Subject:               pkix.Name{CommonName: commonName},
		NotBefore:             from,
		NotAfter:              from.AddDate(validityYears, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		SignatureAlgorithm:    x509.SHA256WithRSA,
	}
	der, err := x509.CreateCertificate(random, template, template, private.Public(), private)
	if err != nil {
		return Key{}, fmt.Errorf("making the certificate of a signing key: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return Key{}, fmt.Errorf("reading the certificate just made: %w", err)
	}
	return Key{ID: idOf(certificate), Signer: private, Certificate: certificate}, nil
}

// Find returns the key with that id.
func Find(ks []Key, id string) (Key, bool) {
	i := slices.IndexFunc(ks, func(k Key) bool { return k.ID == id })
	if i < 0 {
		return Key{}, false
	}
	return ks[i], true
}

func idOf(certificate *x509.Certificate) string {
	sum := sha256.Sum256(certificate.Raw)
	return hex.EncodeToString(sum[:8])
}

// check says what makes a key unfit to sign assertions.
func (k Key) check() error {
	if k.Signer == nil || k.Certificate == nil {
		return errors.New("the private key or the certificate is missing")
	}
	public, ok := k.Signer.Public().(*rsa.PublicKey)
	if !ok {
		return fmt.Errorf("the private key is not RSA but of type %T; AWS is known to take RSA only", k.Signer.Public())
	}
	if bits := public.N.BitLen(); bits < Bits {
		return fmt.Errorf("the RSA key has %d bits; at least %d are needed", bits, Bits)
	}
	if !public.Equal(k.Certificate.PublicKey) {
		return errors.New("the private key does not match the certificate")
	}
	if want := idOf(k.Certificate); k.ID != want {
		return fmt.Errorf("the certificate is that of key %s; name the pair by that id, such as %s%s", want, want, certificateSuffix)
	}
	return nil
}
