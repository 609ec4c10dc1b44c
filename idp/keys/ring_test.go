package keys_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"errors"
	"maps"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/idp/keys"
)

func TestARingAddsAndRemovesKeysOfASecret(t *testing.T) {
	g := NewWithT(t)
	ring := keys.Ring{keys.InSecret{}}
	data := map[string][]byte{"notes": []byte("entries of other names are left alone")}
	var made []string
	for i, bits := range []int{2048, 3072} {
		k, added, err := ring.Generate(t.Context(), bits, "corp", now.Add(time.Duration(i)*time.Hour))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(added).To(And(HaveLen(2), HaveKey(k.ID+".key"), HaveKey(k.ID+".crt")))
		g.Expect(k.Signer.Public().(*rsa.PublicKey).N.BitLen()).To(Equal(bits))
		g.Expect(k.Certificate.NotBefore).To(Equal(now.Add(time.Duration(i) * time.Hour)))
		maps.Copy(data, added)
		made = append(made, k.ID)
	}
	read, err := ring.Read(t.Context(), data)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(ids(read)).To(Equal([]string{made[1], made[0]}))

	rest, removed := ring.Remove(data, made[0])
	g.Expect(removed).To(And(HaveLen(2), HaveKey(made[0]+".key"), HaveKey(made[0]+".crt")))
	g.Expect(data).To(HaveLen(5), "what was given is left as it was")
	read, err = ring.Read(t.Context(), rest)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(ids(read)).To(Equal([]string{made[1]}))
	again, nothing := ring.Remove(rest, made[0])
	g.Expect(again).To(Equal(rest))
	g.Expect(nothing).To(BeEmpty())
	g.Expect(ring.Destroy(t.Context(), removed)).To(Succeed())
}

func TestARingKeepsNoKeyThatItCannotUse(t *testing.T) {
	tests := []struct {
		name string
		ring keys.Ring
		bits int
		want string
	}{
		{"no store", nil, 2048, "a ring without a store makes no keys"},
		{"a key that is too small", keys.Ring{keys.InSecret{}}, 1024, "1024 bits; at least 2048"},
		{"a store that cannot make one", keys.Ring{refusing{}}, 2048, "the token is locked"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			_, added, err := tt.ring.Generate(t.Context(), tt.bits, "corp", now)
			g.Expect(err).To(MatchError(ContainSubstring(tt.want)))
			g.Expect(added).To(BeEmpty())
		})
	}
}

func TestDestroyNamesTheKeysThatItCouldNotDestroy(t *testing.T) {
	g := NewWithT(t)
	err := keys.Ring{refusing{}}.Destroy(t.Context(), map[string][]byte{"0123456789abcdef.hsm": []byte("slot 3"), "0123456789abcdef.crt": nil})
	g.Expect(err).To(MatchError("destroying the private half of key 0123456789abcdef: the token is locked"))
}

// refusing is a store that does nothing.
type refusing struct{}

var errLocked = errors.New("the token is locked")

func (refusing) Suffix() string { return ".hsm" }
func (refusing) Generate(context.Context, int) (crypto.Signer, []byte, error) {
	return nil, nil, errLocked
}
func (refusing) Open(context.Context, []byte) (crypto.Signer, error) { return nil, errLocked }
func (refusing) Destroy(context.Context, []byte) error               { return errLocked }
