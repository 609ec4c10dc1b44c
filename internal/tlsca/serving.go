package tlsca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// ServingLifetime of a serving certificate.
	ServingLifetime = 90 * 24 * time.Hour
	// renewAfter is two thirds of it: a month is left to notice that renewal fails.
	renewAfter = ServingLifetime * 2 / 3
)

// Serving is a certificate for TLS servers, with its key (ECDSA P-256).
type Serving struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
}

// RenewAt is when the certificate is due for renewal.
func (s Serving) RenewAt() time.Time { return s.Certificate.NotBefore.Add(backdate + renewAfter) }

// input is what the checks of a serving certificate look at.
type input struct {
	serving   *Serving
	authority *Authority
	names     []string
	now       time.Time
}

// check finds one reason to make the certificate anew.
type check func(input) (reason string, found bool)

// checks in the order in which they are asked; each may rely on those before it.
var checks = []check{missing, signedByAnother, namesDiffer, due}

// Renew tells whether a serving certificate must be made anew, and why. s may be nil.
func Renew(s *Serving, signer *Authority, names []string, now time.Time) (reason string, renew bool) {
	for _, c := range checks {
		if reason, found := c(input{serving: s, authority: signer, names: names, now: now}); found {
			return reason, true
		}
	}
	return "", false
}

func missing(in input) (string, bool) {
	return "there is no readable certificate", in.serving == nil
}

func signedByAnother(in input) (string, bool) {
	return "another authority signs now", in.serving.Certificate.CheckSignatureFrom(in.authority.Certificate) != nil
}

func namesDiffer(in input) (string, bool) {
	return "the names differ", !slices.Equal(in.serving.Certificate.DNSNames, in.names)
}

func due(in input) (string, bool) {
	return "it is due for renewal", !in.now.Before(in.serving.RenewAt())
}

// Issue makes a serving certificate for DNS names, the first of which is its common name.
func (a *Authority) Issue(names []string, now time.Time) (*Serving, error) {
	if len(names) == 0 {
		return nil, errors.New("a serving certificate needs at least one DNS name")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate the serving key: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: commonName(names)},
		DNSNames:              names,
		NotBefore:             now.Add(-backdate).UTC(),
		NotAfter:              now.Add(ServingLifetime).UTC(),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.Certificate, key.Public(), a.Key)
	if err != nil {
		return nil, fmt.Errorf("sign the serving certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read the serving certificate: %w", err)
	}
	return &Serving{Certificate: certificate, Key: key}, nil
}

// maxCommonName is the upper bound of a common name (RFC 5280, ub-common-name).
const maxCommonName = 64

// commonName returns the first name that fits. Clients look at the DNS names alone.
func commonName(names []string) string {
	for _, n := range names {
		if len(n) <= maxCommonName {
			return n
		}
	}
	return ""
}
