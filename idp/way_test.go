package idp_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	. "github.com/onsi/gomega/gstruct"

	"attache.dev/attache/idp"
	"attache.dev/attache/idp/assertion"
	"attache.dev/attache/idp/exchange"
	"attache.dev/attache/idp/mapping"
)

// One id_token walks through each package in the order of the picture in doc.go, and each arrow is
// looked at. What asks is real: the API server, the signature, and an STS that checks both.
func TestOneIDTokenWalksTheWholeWay(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)

	// token ──> authn
	token := w.token(t)
	g.Expect(strings.Count(token, ".")).To(Equal(2))

	// authn ──> Subject
	subject, err := reviewer(t).Authenticate(t.Context(), token, w.provider.Audience(), w.provider.RequiresBoundPod())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(subject).To(MatchFields(IgnoreExtras, Fields{
		"Kind":      Equal(idp.KindServiceAccount),
		"Namespace": Equal(w.pod.Namespace),
		"Name":      Equal("uploader"),
		"Pod":       Equal(idp.Pod{Name: w.pod.Name, UID: string(w.pod.UID)}),
	}))

	// Subject ──> mapping ──> Grant
	index := mapping.NewIndex()
	index.Set(w.mapping)
	grant, err := mapping.Decide(w.provider, index.Candidates(subject), index.Facts, subject, mapping.Want{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(grant).To(Equal(idp.Grant{
		Mapping: w.pod.Namespace + "/uploader", RoleARN: roleARN, ProviderARN: w.providerARN, AccountID: accountID,
		SessionName: w.pod.Name, Duration: time.Hour, Region: region, STSEndpoint: w.awsURL,
	}))

	// Grant ──> assertion
	statement, err := assertion.ForAWS(w.provider.Spec.Issuer, subject, grant)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(statement).To(MatchFields(IgnoreExtras, Fields{
		"Issuer":    Equal(issuer),
		"NameID":    Equal("system:serviceaccount:" + w.pod.Namespace + ":uploader"),
		"Audience":  Equal("urn:amazon:webservices"),
		"Recipient": Equal("https://signin.aws.amazon.com/saml"),
		"Attributes": ContainElements(
			idp.Attribute{Name: "https://aws.amazon.com/SAML/Attributes/Role", Values: []string{roleARN + "," + w.providerARN}},
			idp.Attribute{Name: "https://aws.amazon.com/SAML/Attributes/RoleSessionName", Values: []string{w.pod.Name}},
		),
	}))
	asserted := 0
	assert := func(context.Context) (string, error) {
		asserted++
		response, err := assertion.Response(statement, w.key, time.Now(), rand.Reader)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(string(response)).To(And(ContainSubstring(roleARN), ContainSubstring("SignatureValue")))
		return assertion.Encode(response)
	}

	// assertion ──> exchange ──> Credentials
	exchanger, err := exchange.New(exchange.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	credentials, cached, err := exchanger.Credentials(t.Context(), grant, subject, assert)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(cached).To(BeFalse())
	g.Expect(asserted).To(Equal(1))
	sessionARN := "arn:aws:sts::" + accountID + ":assumed-role/" + roleName + "/" + w.pod.Name
	g.Expect(credentials).To(MatchFields(IgnoreExtras, Fields{
		"AccessKeyID":     HavePrefix("ASIA"),
		"SecretAccessKey": Not(BeEmpty()),
		"SessionToken":    Not(BeEmpty()),
		"Expiration":      BeTemporally("~", time.Now().Add(time.Hour), time.Minute),
		"AssumedRoleID":   HaveSuffix(":" + w.pod.Name),
		"AssumedRoleARN":  Equal(sessionARN),
		"Subject":         Equal(statement.NameID),
		"SubjectType":     Equal("persistent"),
		"Issuer":          Equal(issuer),
		"Audience":        Equal("https://signin.aws.amazon.com/saml"),
		"NameQualifier":   Not(BeEmpty()),
		"RequestID":       Not(BeEmpty()),
	}))

	// Credentials ──> AWS
	identity := w.identity(t, credentials.AccessKeyID, credentials.SecretAccessKey, credentials.SessionToken)
	g.Expect(*identity.Arn).To(Equal(sessionARN))
	g.Expect(*identity.Account).To(Equal(accountID))
	g.Expect(*identity.UserId).To(Equal(credentials.AssumedRoleID))

	again, cached, err := exchanger.Credentials(t.Context(), grant, subject, assert)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(cached).To(BeTrue())
	g.Expect(asserted).To(Equal(1), "what is remembered is not asserted again")
	g.Expect(again).To(Equal(credentials))
}
