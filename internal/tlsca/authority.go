package tlsca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"
)

const (
	// AuthorityLifetime is long because people copy the bundle to where the operator cannot reach.
	AuthorityLifetime = 10 * 365 * 24 * time.Hour
	// NextAuthorityBefore is how long before an authority's end its successor is made.
	NextAuthorityBefore = 365 * 24 * time.Hour
	// BundleLead is how long a successor stands in the bundle before it signs, so that every
	// client has read the bundle in which it stands.
	BundleLead = 24 * time.Hour

	// backdate is for clients whose clock is behind.
	backdate = 5 * time.Minute
	// maxSerialBits keeps serial numbers positive and within 20 octets (RFC 5280 section 4.1.2.2).
	maxSerialBits = 128
)

// Authority is a certificate that signs others, with its key (ECDSA P-256).
type Authority struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
}

// publishedAt is when the authority was made, which is when it entered the bundle.
func (a Authority) publishedAt() time.Time { return a.Certificate.NotBefore.Add(backdate) }

// Authorities are the authority that signs and those that clients trust beside it.
type Authorities struct {
	// Current signs. It is nil until the first one is made.
	Current *Authority
	// Next is trusted and will sign. It is nil most of the time.
	Next *Authority
	// Previous signed, and is trusted until it ends.
	Previous []*x509.Certificate
}

// Step is what a plan asks for.
type Step string

const (
	// Keep: nothing to do.
	Keep Step = "Keep"
	// MakeFirst: there is no usable authority; make one that signs at once.
	MakeFirst Step = "MakeFirst"
	// MakeNext: make the successor and put it into the bundle.
	MakeNext Step = "MakeNext"
	// Promote: the successor has been in the bundle long enough; it signs from now on.
	Promote Step = "Promote"
	// Prune: a previous authority has ended; take it out of the bundle.
	Prune Step = "Prune"
)

// Plan says what to do with the authorities now, and when to ask again if that is Keep.
func (a Authorities) Plan(now time.Time) (step Step, again time.Time) {
	if a.Current == nil {
		return MakeFirst, now
	}
	next, again := MakeNext, a.Current.Certificate.NotAfter.Add(-NextAuthorityBefore)
	ended := !now.Before(a.Current.Certificate.NotAfter)
	switch {
	case ended && a.Next == nil:
		return MakeFirst, now
	case ended:
		return Promote, now
	case a.Next != nil:
		next, again = Promote, a.Next.publishedAt().Add(BundleLead)
	}
	for _, p := range a.Previous {
		if p.NotAfter.Before(again) {
			next, again = Prune, p.NotAfter
		}
	}
	if now.Before(again) {
		return Keep, again
	}
	return next, now
}

// Take returns the authorities after a step. It changes nothing that a points to.
func (a Authorities) Take(step Step, now time.Time) (Authorities, error) {
	switch step {
	case MakeFirst:
		made, err := newAuthority(now)
		return Authorities{Current: made}, err
	case MakeNext:
		made, err := newAuthority(now)
		a.Next = made
		return a, err
	case Promote:
		previous := append([]*x509.Certificate{a.Current.Certificate}, a.Previous...)
		return Authorities{Current: a.Next, Previous: previous}, nil
	case Prune:
		var alive []*x509.Certificate
		for _, p := range a.Previous {
			if now.Before(p.NotAfter) {
				alive = append(alive, p)
			}
		}
		a.Previous = alive
		return a, nil
	case Keep:
		return a, nil
	}
	return a, fmt.Errorf("unknown step %q", step)
}

// Bundle returns what clients trust, the signing authority first.
func (a Authorities) Bundle() []*x509.Certificate {
	var bundle []*x509.Certificate
	if a.Current != nil {
		bundle = append(bundle, a.Current.Certificate)
	}
	if a.Next != nil {
		bundle = append(bundle, a.Next.Certificate)
	}
	return append(bundle, a.Previous...)
}

func newAuthority(now time.Time) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate the authority's key: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: fmt.Sprintf("Attache CA %x", serial.Bytes()[:4])},
		NotBefore:             now.Add(-backdate).UTC(),
		NotAfter:              now.Add(AuthorityLifetime).UTC(),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign the authority's certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read the authority's certificate: %w", err)
	}
	return &Authority{Certificate: certificate, Key: key}, nil
}

func newSerial() (*big.Int, error) {
	// The top bit is set so that the number always has its full length.
	limit := new(big.Int).Lsh(big.NewInt(1), maxSerialBits-1)
	serial, err := rand.Int(rand.Reader, limit)
	if err != nil {
		return nil, fmt.Errorf("draw a serial number: %w", err)
	}
	return serial.Add(serial, limit), nil
}
