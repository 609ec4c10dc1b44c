package assertion_test

import (
	"crypto/rand"
	"encoding/xml"
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/idp"
	"attache.dev/attache/idp/assertion"
)

// Whatever a statement holds, it is refused, or a verifier reads exactly that.
func FuzzResponse(f *testing.F) {
	for _, h := range hostile {
		f.Add(h.value, "subject", h.value, "audience", h.value, "name", h.value, "two", int64(300), int64(3600))
		f.Add("issuer", h.value, "format", h.value, "recipient", h.value, "one", h.value, int64(0), int64(-1))
	}
	f.Fuzz(func(t *testing.T, issuer, nameID, format, audience, recipient, name, one, two string, lifetime, session int64) {
		g := NewWithT(t)
		st := idp.Statement{
			Issuer: issuer, NameID: nameID, NameIDFormat: format, Audience: audience, Recipient: recipient,
			Attributes: []idp.Attribute{{Name: name, Values: []string{one, two}}},
			// Years that a date cannot hold are not what a statement is about.
			Lifetime: time.Duration(lifetime%86400) * time.Second, SessionLifetime: time.Duration(session%86400) * time.Second,
		}
		response, err := assertion.Response(st, signingKey(), now, rand.Reader)
		if err != nil {
			var refusal *idp.Refusal
			g.Expect(errors.As(err, &refusal)).To(BeTrue(), "%v", err)
			return
		}
		var document struct{ XMLName xml.Name }
		g.Expect(xml.Unmarshal(response, &document)).To(Succeed())
		g.Expect(verified(response, signingKey().Certificate)).To(Equal(saidBy(st)))
	})
}
