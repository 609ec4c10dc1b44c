package keys_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/idp/keys"
)

var now = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func generate(tb testing.TB, at time.Time) keys.Key {
	tb.Helper()
	k, err := keys.Generate(rand.Reader, "corp", at)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func TestGenerateMakesASelfSignedRSACertificate(t *testing.T) {
	g := NewWithT(t)
	k := generate(t, now.In(time.FixedZone("", 3600)).Add(700*time.Millisecond))

	c := k.Certificate
	g.Expect(c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)).To(Succeed())
	g.Expect(c.Subject.CommonName).To(Equal("corp"))
	g.Expect(c.NotBefore).To(Equal(now))
	g.Expect(c.NotAfter).To(Equal(now.AddDate(10, 0, 0)))
	g.Expect(c.KeyUsage).To(Equal(x509.KeyUsageDigitalSignature))
	g.Expect(c.IsCA).To(BeFalse())
	g.Expect(c.SerialNumber.BitLen()).To(BeNumerically(">", 64))
	g.Expect(k.Signer.Public().(*rsa.PublicKey).N.BitLen()).To(Equal(2048))
	sum := sha256.Sum256(c.Raw)
	g.Expect(k.ID).To(Equal(hex.EncodeToString(sum[:])[:16]))
}

func TestAKeyPrintsItsNameOnly(t *testing.T) {
	g := NewWithT(t)
	k := generate(t, now)
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		g.Expect(fmt.Sprintf(format, k)).To(Equal("key " + k.ID))
	}
}

func TestKeysComeBackFromTheirSecretNewestFirst(t *testing.T) {
	g := NewWithT(t)
	old, middle, young := generate(t, now), generate(t, now.Add(time.Hour)), generate(t, now.Add(2*time.Hour))

	data, err := keys.ToSecretData([]keys.Key{middle, old, young})
	g.Expect(err).NotTo(HaveOccurred())
	data["notes"] = []byte("entries of other names are left alone")
	back, err := keys.FromSecretData(data)
	g.Expect(err).NotTo(HaveOccurred())

	g.Expect(ids(back)).To(Equal([]string{young.ID, middle.ID, old.ID}))
	for _, k := range back {
		g.Expect(data).To(HaveKey(k.ID + ".key"))
		g.Expect(data).To(HaveKey(k.ID + ".crt"))
	}
	digest := sha256.Sum256([]byte("said"))
	signature, err := back[2].Signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(old.Certificate.CheckSignature(x509.SHA256WithRSA, []byte("said"), signature)).To(Succeed())

	found, ok := keys.Find(back, middle.ID)
	g.Expect(ok).To(BeTrue())
	g.Expect(found.Certificate.Equal(middle.Certificate)).To(BeTrue())
	_, ok = keys.Find(back, "0000000000000000")
	g.Expect(ok).To(BeFalse())
}

func ids(ks []keys.Key) []string {
	out := make([]string, 0, len(ks))
	for _, k := range ks {
		out = append(out, k.ID)
	}
	return out
}

func TestASecretWithoutKeysHoldsNone(t *testing.T) {
	g := NewWithT(t)
	ks, err := keys.FromSecretData(nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(ks).To(BeEmpty())
}

func TestSecretName(t *testing.T) {
	NewWithT(t).Expect(keys.SecretName("corp")).To(Equal("attache-corp-keys"))
}

func TestFromSecretDataSaysWhatIsWrong(t *testing.T) {
	a, b := generate(t, now), generate(t, now)
	good, err := keys.ToSecretData([]keys.Key{a})
	if err != nil {
		t.Fatal(err)
	}
	other, err := keys.ToSecretData([]keys.Key{b})
	if err != nil {
		t.Fatal(err)
	}
	key, crt := a.ID+".key", a.ID+".crt"
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}

	tests := []struct {
		name string
		data map[string][]byte
		want string
	}{
		{"a certificate without its key", map[string][]byte{crt: good[crt]}, `"` + crt + `" but no "` + key + `"`},
		{"a key without its certificate", map[string][]byte{key: good[key]}, `"` + key + `" but no "` + crt + `"`},
		{"a key of another certificate", map[string][]byte{key: other[b.ID+".key"], crt: good[crt]}, "does not match the certificate"},
		{"a pair under another id", map[string][]byte{"0123456789abcdef.key": good[key], "0123456789abcdef.crt": good[crt]}, "the certificate is that of key " + a.ID},
		{"an ECDSA key", selfSigned(t, curve), "not RSA"},
		{"an RSA key of 1024 bits", selfSigned(t, small), "1024 bits; at least 2048"},
		{"text that is not PEM", map[string][]byte{key: []byte("hello"), crt: good[crt]}, "is not PEM; write one -----BEGIN PRIVATE KEY----- block"},
		{"a certificate in the key's place", map[string][]byte{key: good[crt], crt: good[crt]}, `PEM block of type "CERTIFICATE"; write one of type "PRIVATE KEY"`},
		{"two blocks in one entry", map[string][]byte{key: good[key], crt: slices.Concat(good[crt], good[crt])}, "write one block only"},
		{"a key that is cut short", map[string][]byte{key: pemOf("PRIVATE KEY", []byte{0x30, 0x82}), crt: good[crt]}, "is not a PKCS#8 private key"},
		{"a certificate that is cut short", map[string][]byte{key: good[key], crt: pemOf("CERTIFICATE", a.Certificate.Raw[:99])}, "is not an X.509 certificate"},
		{"one bad pair beside a good one", merge(other, map[string][]byte{crt: good[crt]}), "half a pair"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			ks, err := keys.FromSecretData(tt.data)
			g.Expect(err).To(MatchError(ContainSubstring(tt.want)))
			g.Expect(ks).To(BeNil())
			expectNoKeyMaterial(g, err.Error(), tt.data)
		})
	}
}

func TestToSecretDataRefusesWhatCouldNotBeReadBack(t *testing.T) {
	a, b := generate(t, now), generate(t, now)
	tests := []struct {
		name string
		keys []keys.Key
		want string
	}{
		{"the same key twice", []keys.Key{a, a}, "listed twice"},
		{"another key's certificate", []keys.Key{{ID: a.ID, Signer: b.Signer, Certificate: a.Certificate}}, "does not match"},
		{"a wrong id", []keys.Key{{ID: b.ID, Signer: a.Signer, Certificate: a.Certificate}}, "is that of key " + a.ID},
		{"an empty key", []keys.Key{{}}, "is missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := keys.ToSecretData(tt.keys)
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(tt.want)))
		})
	}
}

func FuzzFromSecretData(f *testing.F) {
	good, err := keys.ToSecretData([]keys.Key{generate(f, now)})
	if err != nil {
		f.Fatal(err)
	}
	var id string
	for entry := range good {
		id = strings.TrimSuffix(strings.TrimSuffix(entry, ".key"), ".crt")
	}
	f.Add(id, good[id+".key"], good[id+".crt"])
	f.Add("", []byte(nil), []byte(nil))
	f.Add(".key", []byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----"), []byte("x"))
	f.Fuzz(func(t *testing.T, id string, key, crt []byte) {
		g := NewWithT(t)
		data := map[string][]byte{id + ".key": key, id + ".crt": crt}
		ks, err := keys.FromSecretData(data)
		if err != nil {
			expectNoKeyMaterial(g, err.Error(), data)
			return
		}
		again, err := keys.ToSecretData(ks)
		g.Expect(err).NotTo(HaveOccurred())
		back, err := keys.FromSecretData(again)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(ids(back)).To(Equal(ids(ks)))
	})
}

// expectNoKeyMaterial looks for lines of the private key's text and for its bytes.
func expectNoKeyMaterial(g Gomega, message string, data map[string][]byte) {
	for entry, text := range data {
		block, _ := pem.Decode(text)
		if !strings.HasSuffix(entry, ".key") || block == nil || block.Type != "PRIVATE KEY" || len(block.Bytes) < 16 {
			continue
		}
		g.Expect(message).NotTo(ContainSubstring(base64.StdEncoding.EncodeToString(block.Bytes)[:20]))
		g.Expect(message).NotTo(ContainSubstring(string(block.Bytes)))
		g.Expect(message).NotTo(ContainSubstring(hex.EncodeToString(block.Bytes[:16])))
	}
}

// selfSigned returns the Secret data of a key that Generate would not make.
func selfSigned(t *testing.T, signer crypto.Signer) map[string][]byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now, NotAfter: now.AddDate(1, 0, 0)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(certificate)
	id := hex.EncodeToString(sum[:])[:16]
	return map[string][]byte{id + ".key": pemOf("PRIVATE KEY", private), id + ".crt": pemOf("CERTIFICATE", certificate)}
}

func pemOf(blockType string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: der})
}

func merge(all ...map[string][]byte) map[string][]byte {
	out := map[string][]byte{}
	for _, m := range all {
		maps.Copy(out, m)
	}
	return out
}
