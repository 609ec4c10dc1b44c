package assertion

import (
	"crypto/rand"
	"encoding/xml"
	"testing"
	"time"

	"github.com/crewjam/saml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	. "github.com/onsi/gomega"

	"attache.dev/attache/idp"
	"attache.dev/attache/idp/keys"
)

// The writer knows the parts of SAML that build fills. This fails when build fills one that the
// writer does not write.
func TestTheWriterWritesAllThatWasBuilt(t *testing.T) {
	g := NewWithT(t)
	key, err := keys.Generate(rand.Reader, "corp", time.Now())
	g.Expect(err).NotTo(HaveOccurred())
	st := idp.Statement{
		Issuer: "issuer", NameID: "name", NameIDFormat: "format", Audience: "audience", Recipient: "recipient",
		Attributes: []idp.Attribute{{Name: "a", Values: []string{"1", "2"}}, {Name: "b", Values: []string{""}}},
		Lifetime:   time.Minute, SessionLifetime: time.Hour,
	}
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	want, err := build(st, now, zeros{})
	g.Expect(err).NotTo(HaveOccurred())

	document, err := Response(st, key, now, zeros{})
	g.Expect(err).NotTo(HaveOccurred())
	var got saml.Response
	g.Expect(xml.Unmarshal(document, &got)).To(Succeed())

	// The XML decoder adds the names of elements, and the signature was not built.
	g.Expect(cmp.Diff(want, &got, cmpopts.IgnoreTypes(xml.Name{}), cmpopts.IgnoreFields(saml.Assertion{}, "Signature"))).To(BeEmpty())
}

// zeros make the IDs of two responses the same.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
