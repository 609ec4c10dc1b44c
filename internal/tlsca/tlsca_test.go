package tlsca

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

var epoch = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func authorities(t *testing.T, now time.Time) Authorities {
	t.Helper()
	a, err := Authorities{}.Take(MakeFirst, now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func withNext(t *testing.T, a Authorities, now time.Time) Authorities {
	t.Helper()
	a, err := a.Take(MakeNext, now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestPlan(t *testing.T) {
	end := epoch.Add(AuthorityLifetime)
	rotation := end.Add(-NextAuthorityBefore)
	fresh := authorities(t, epoch)
	overlapping := withNext(t, fresh, rotation)
	promoted, err := overlapping.Take(Promote, rotation.Add(BundleLead))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name  string
		a     Authorities
		now   time.Time
		step  Step
		again time.Time
	}{
		{"without an authority the first is made", Authorities{}, epoch, MakeFirst, epoch},
		{"a fresh authority is kept until a year before its end", fresh, epoch, Keep, rotation},
		{"a year before its end the next is made", fresh, rotation, MakeNext, rotation},
		{"an authority that ended without successor is replaced", fresh, end, MakeFirst, end},
		{"the next does not sign before clients have it", overlapping, rotation.Add(BundleLead - time.Second), Keep, rotation.Add(BundleLead)},
		{"the next signs after a day in the bundle", overlapping, rotation.Add(BundleLead), Promote, rotation.Add(BundleLead)},
		{"the next signs at once when the current one has ended", withNext(t, fresh, end.Add(-time.Hour)), end, Promote, end},
		{"the previous stays in the bundle until it ends", promoted, end.Add(-time.Second), Keep, end},
		{"the previous leaves the bundle when it ended", promoted, end, Prune, end},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			step, again := row.a.Plan(row.now)
			g.Expect(step).To(Equal(row.step))
			g.Expect(again).To(Equal(row.again))
		})
	}
}

func TestARotationNeverLeavesAClientWithoutTrust(t *testing.T) {
	g := NewWithT(t)
	now := epoch
	a := authorities(t, now)
	// Three lives of an authority, in steps of half a day: a client whose bundle is a day old
	// must verify every certificate that is signed.
	old := [2][]*x509.Certificate{a.Bundle(), a.Bundle()}
	first := a.Current
	for now.Before(epoch.Add(AuthorityLifetime + 48*time.Hour)) {
		for {
			step, again := a.Plan(now)
			if step == Keep {
				if next := again.Add(-2 * BundleLead); next.After(now) {
					now = next // nothing happens in between
				}
				break
			}
			var err error
			a, err = a.Take(step, now)
			g.Expect(err).NotTo(HaveOccurred())
		}
		pool := x509.NewCertPool()
		for _, c := range old[0] {
			pool.AddCert(c)
		}
		s, err := a.Current.Issue([]string{"attache-corp.attache-system.svc"}, now)
		g.Expect(err).NotTo(HaveOccurred())
		_, err = s.Certificate.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: now, DNSName: "attache-corp.attache-system.svc"})
		g.Expect(err).NotTo(HaveOccurred(), "at %s", now)
		old[0], old[1] = old[1], a.Bundle()
		now = now.Add(BundleLead / 2)
	}
	g.Expect(a.Current).NotTo(BeIdenticalTo(first), "the authority was rotated")
	g.Expect(a.Bundle()).To(HaveLen(1), "the first authority has left the bundle")
}

func TestRenew(t *testing.T) {
	a := authorities(t, epoch)
	names := []string{"attache-corp.attache-system.svc", "attache-corp"}
	s, err := a.Current.Issue(names, epoch)
	if err != nil {
		t.Fatal(err)
	}
	other := authorities(t, epoch)
	for _, row := range []struct {
		name   string
		s      *Serving
		signer *Authority
		names  []string
		now    time.Time
		reason string
	}{
		{"a fresh certificate is kept", s, a.Current, names, epoch, ""},
		{"it is kept until two thirds of its life", s, a.Current, names, epoch.Add(60*24*time.Hour - time.Second), ""},
		{"it is renewed after two thirds of its life", s, a.Current, names, epoch.Add(60 * 24 * time.Hour), "it is due for renewal"},
		{"it is made anew when there is none", nil, a.Current, names, epoch, "there is no readable certificate"},
		{"it is made anew when another authority signs", s, other.Current, names, epoch, "another authority signs now"},
		{"it is made anew for other names", s, a.Current, names[:1], epoch, "the names differ"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			reason, renew := Renew(row.s, row.signer, row.names, row.now)
			g.Expect(reason).To(Equal(row.reason))
			g.Expect(renew).To(Equal(row.reason != ""))
		})
	}
}

func TestAServingCertificateServesTLS(t *testing.T) {
	g := NewWithT(t)
	now := time.Now()
	a := authorities(t, now)
	s, err := a.Current.Issue([]string{"attache-corp.attache-system.svc"}, now)
	g.Expect(err).NotTo(HaveOccurred())
	data, err := s.SecretData(a.Bundle())
	g.Expect(err).NotTo(HaveOccurred())
	pair, err := tls.X509KeyPair(data[CertificateKey], data[PrivateKeyKey])
	g.Expect(err).NotTo(HaveOccurred())
	pool := x509.NewCertPool()
	g.Expect(pool.AppendCertsFromPEM(data[BundleKey])).To(BeTrue())

	near, far := net.Pipe()
	server := tls.Server(near, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13})
	done := make(chan error, 1)
	go func() { done <- server.HandshakeContext(t.Context()) }()
	client := tls.Client(far, &tls.Config{RootCAs: pool, ServerName: "attache-corp.attache-system.svc", MinVersion: tls.VersionTLS13})
	g.Expect(client.HandshakeContext(t.Context())).To(Succeed())
	g.Expect(<-done).To(Succeed())
}

func TestSecretData(t *testing.T) {
	full := withNext(t, authorities(t, epoch), epoch)
	full.Previous = authorities(t, epoch).Bundle()

	t.Run("authorities are read back as they were written", func(t *testing.T) {
		g := NewWithT(t)
		data, err := full.SecretData()
		g.Expect(err).NotTo(HaveOccurred())
		back, err := ParseAuthorities(data)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(back.Current.Certificate.Equal(full.Current.Certificate)).To(BeTrue())
		g.Expect(back.Next.Certificate.Equal(full.Next.Certificate)).To(BeTrue())
		g.Expect(back.Bundle()).To(HaveLen(3))
		g.Expect(back.Previous[0].Equal(full.Previous[0])).To(BeTrue())
	})

	for _, row := range []struct {
		name   string
		change func(map[string][]byte)
		says   string
	}{
		{"a missing certificate is named", func(d map[string][]byte) { delete(d, CertificateKey) }, "tls.crt: no certificate in PEM"},
		{"a missing key is named", func(d map[string][]byte) { delete(d, PrivateKeyKey) }, "tls.key: no PKCS #8 key in PEM"},
		{"a key of another certificate is named", func(d map[string][]byte) { d[PrivateKeyKey] = d[nextPrivateKeyKey] }, "tls.key: not the key of tls.crt"},
		{"a broken next key is named", func(d map[string][]byte) { d[nextPrivateKeyKey] = []byte("x") }, "next.key: no PKCS #8 key in PEM"},
		{"a key in the bundle is named", func(d map[string][]byte) { d[BundleKey] = d[PrivateKeyKey] }, "ca.crt: holds PEM that is not a certificate"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			data, err := full.SecretData()
			g.Expect(err).NotTo(HaveOccurred())
			row.change(data)
			_, err = ParseAuthorities(data)
			g.Expect(err).To(MatchError(row.says))
		})
	}
}

func FuzzParseAuthorities(f *testing.F) {
	a, err := Authorities{}.Take(MakeFirst, epoch)
	if err != nil {
		f.Fatal(err)
	}
	data, err := a.SecretData()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data[CertificateKey], data[PrivateKeyKey], data[BundleKey])
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"), []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, certificate, key, bundle []byte) {
		read, err := ParseAuthorities(map[string][]byte{CertificateKey: certificate, PrivateKeyKey: key, BundleKey: bundle})
		if err == nil && (read.Current == nil || read.Current.Key == nil) {
			t.Fatal("no error and no authority")
		}
	})
}
