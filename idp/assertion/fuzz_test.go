package assertion_test

import (
	"crypto/rand"
	"encoding/xml"
	"errors"
	"strings"
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

// Whatever a grant holds, it is refused, or AWS reads one role and one provider of the grant's account.
func FuzzForAWS(f *testing.F) {
	good := grant()
	f.Add("reports", "uploader", good.RoleARN, good.ProviderARN, good.AccountID, good.SessionName, good.Region, int64(good.Duration), "attache.dev/mapping", "reports/uploader")
	f.Add("", "", good.RoleARN+","+good.ProviderARN, good.ProviderARN+",", "", "a,b", "cn-north-1", int64(0), "", "")
	for _, h := range hostile {
		f.Add("reports", "uploader", good.RoleARN, good.ProviderARN, good.AccountID, good.SessionName, good.Region, int64(good.Duration), "team", h.value)
		f.Add("reports", "uploader", good.RoleARN, good.ProviderARN, good.AccountID, good.SessionName, good.Region, int64(good.Duration), h.value, "reports")
	}
	f.Fuzz(func(t *testing.T, namespace, name, role, provider, account, session, region string, duration int64, tagKey, tagValue string) {
		g := NewWithT(t)
		wanted := idp.Grant{
			RoleARN: role, ProviderARN: provider, AccountID: account, SessionName: session, Region: region, Duration: time.Duration(duration),
			Tags: []idp.Tag{{Key: tagKey, Value: tagValue}},
		}
		st, err := assertion.ForAWS(issuer, idp.Subject{Kind: idp.KindServiceAccount, Namespace: namespace, Name: name}, wanted)
		if err != nil {
			var refusal *idp.Refusal
			g.Expect(errors.As(err, &refusal)).To(BeTrue(), "%v", err)
			return
		}
		pair := strings.Split(st.Attributes[0].Values[0], ",")
		g.Expect(pair).To(Equal([]string{role, provider}))
		g.Expect(st.Attributes[3:]).To(Equal([]idp.Attribute{{Name: assertion.AttributePrincipalTag + tagKey, Values: []string{tagValue}}}))
		g.Expect(pair).To(HaveEach(ContainSubstring(":iam::" + account + ":")))
		response, err := assertion.Response(st, signingKey(), now, rand.Reader)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(verified(response, signingKey().Certificate)).To(Equal(saidBy(st)))
	})
}
