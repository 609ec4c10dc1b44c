package tlsca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// Keys of the Secrets' data. The serving Secret is of type kubernetes.io/tls.
const (
	CertificateKey     = "tls.crt"
	PrivateKeyKey      = "tls.key"
	BundleKey          = "ca.crt"
	nextCertificateKey = "next.crt"
	nextPrivateKeyKey  = "next.key"
)

const (
	certificateBlock = "CERTIFICATE"
	privateKeyBlock  = "PRIVATE KEY"
)

// SecretData writes the authorities as a Secret's data.
func (a Authorities) SecretData() (map[string][]byte, error) {
	if a.Current == nil {
		return nil, errors.New("there is no authority to write")
	}
	data := map[string][]byte{BundleKey: EncodeCertificates(a.Bundle())}
	if err := putPair(data, CertificateKey, PrivateKeyKey, a.Current.Certificate, a.Current.Key); err != nil {
		return nil, err
	}
	if a.Next == nil {
		return data, nil
	}
	return data, putPair(data, nextCertificateKey, nextPrivateKeyKey, a.Next.Certificate, a.Next.Key)
}

// ParseAuthorities reads what SecretData wrote. Its errors name the entry that is wrong and hold
// nothing of its contents.
func ParseAuthorities(data map[string][]byte) (Authorities, error) {
	certificate, key, err := pair(data, CertificateKey, PrivateKeyKey)
	if err != nil {
		return Authorities{}, err
	}
	a := Authorities{Current: &Authority{Certificate: certificate, Key: key}}
	if len(data[nextCertificateKey]) > 0 {
		certificate, key, err := pair(data, nextCertificateKey, nextPrivateKeyKey)
		if err != nil {
			return Authorities{}, err
		}
		a.Next = &Authority{Certificate: certificate, Key: key}
	}
	bundle, err := decodeCertificates(data[BundleKey])
	if err != nil {
		return Authorities{}, fmt.Errorf("%s: %w", BundleKey, err)
	}
	for _, c := range bundle {
		if !c.Equal(a.Current.Certificate) && (a.Next == nil || !c.Equal(a.Next.Certificate)) {
			a.Previous = append(a.Previous, c)
		}
	}
	return a, nil
}

// SecretData writes the serving certificate and the bundle as the data of a Secret of type
// kubernetes.io/tls.
func (s Serving) SecretData(bundle []*x509.Certificate) (map[string][]byte, error) {
	data := map[string][]byte{BundleKey: EncodeCertificates(bundle)}
	return data, putPair(data, CertificateKey, PrivateKeyKey, s.Certificate, s.Key)
}

// ParseServing reads what SecretData wrote. Its errors name the entry that is wrong and hold
// nothing of its contents.
func ParseServing(data map[string][]byte) (*Serving, error) {
	certificate, key, err := pair(data, CertificateKey, PrivateKeyKey)
	if err != nil {
		return nil, err
	}
	return &Serving{Certificate: certificate, Key: key}, nil
}

// EncodeCertificates writes certificates one after another in PEM.
func EncodeCertificates(certificates []*x509.Certificate) []byte {
	var out []byte
	for _, c := range certificates {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: c.Raw})...)
	}
	return out
}

func putPair(data map[string][]byte, certificateName, keyName string, certificate *x509.Certificate, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("%s: write the key: %w", keyName, err)
	}
	data[certificateName] = EncodeCertificates([]*x509.Certificate{certificate})
	data[keyName] = pem.EncodeToMemory(&pem.Block{Type: privateKeyBlock, Bytes: der})
	return nil
}

func pair(data map[string][]byte, certificateName, keyName string) (*x509.Certificate, crypto.Signer, error) {
	certificates, err := decodeCertificates(data[certificateName])
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", certificateName, err)
	}
	if len(certificates) == 0 {
		return nil, nil, fmt.Errorf("%s: no certificate in PEM", certificateName)
	}
	block, _ := pem.Decode(data[keyName])
	if block == nil || block.Type != privateKeyBlock {
		return nil, nil, fmt.Errorf("%s: no PKCS #8 key in PEM", keyName)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: not a PKCS #8 key", keyName)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(certificates[0].PublicKey) {
		return nil, nil, fmt.Errorf("%s: not the key of %s", keyName, certificateName)
	}
	return certificates[0], key, nil
}

func decodeCertificates(in []byte) ([]*x509.Certificate, error) {
	var certificates []*x509.Certificate
	for {
		var block *pem.Block
		block, in = pem.Decode(in)
		if block == nil {
			return certificates, nil
		}
		if block.Type != certificateBlock {
			return nil, errors.New("holds PEM that is not a certificate")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("holds a certificate that cannot be read")
		}
		certificates = append(certificates, c)
	}
}
