package awsiam_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/test/awsfake"
)

// metadataOf returns metadata that IAM takes.
func metadataOf(t *testing.T, issuer string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="` + issuer + `">` +
		`<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing">` +
		`<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>` + base64.StdEncoding.EncodeToString(certificate) +
		`</X509Certificate></X509Data></KeyInfo></KeyDescriptor>` +
		`<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://login.corp.example/login"/>` +
		`</IDPSSODescriptor></EntityDescriptor>`
}

func TestAProviderFromItsCreationToItsEnd(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	providers, ctx := w.api.Providers(), t.Context()
	first, second := metadataOf(t, "https://one.example"), metadataOf(t, "https://one.example")

	_, err := providers.Get(ctx, arn)
	g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.NotFound))
	g.Expect(providers.Create(ctx, arn, first, map[string]string{"a": "b", awsiam.TagAdopt: "corp"})).To(Succeed())
	g.Expect(awsiam.KindOf(providers.Create(ctx, arn, first, nil))).To(Equal(awsiam.AlreadyExists))
	g.Expect(providers.Get(ctx, arn)).To(Equal(awsiam.SAMLProvider{Metadata: first, Tags: map[string]string{"a": "b", awsiam.TagAdopt: "corp"}}))

	g.Expect(providers.AddTags(ctx, arn, map[string]string{"a": "c", awsiam.TagAdopted: "true"})).To(Succeed())
	g.Expect(providers.RemoveTags(ctx, arn, awsiam.TagAdopt, "never-there")).To(Succeed())
	g.Expect(providers.Update(ctx, arn, second)).To(Succeed())
	g.Expect(providers.Get(ctx, arn)).To(Equal(awsiam.SAMLProvider{Metadata: second, Tags: map[string]string{"a": "c", awsiam.TagAdopted: "true"}}))

	g.Expect(providers.Delete(ctx, arn)).To(Succeed())
	g.Expect(awsiam.KindOf(providers.Delete(ctx, arn))).To(Equal(awsiam.NotFound))
}

func TestAProviderWhoseAnswerIsLostIsFoundLater(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	document, tags := metadataOf(t, "https://one.example"), map[string]string{"a": "b"}
	w.fault(awsfake.Fault{Operation: "CreateSAMLProvider", Kind: awsfake.FaultReset, After: true, Count: 1})
	g.Expect(awsiam.KindOf(w.api.Providers().Create(t.Context(), arn, document, tags))).To(Equal(awsiam.Unavailable))
	g.Expect(w.api.Providers().Get(t.Context(), arn)).To(Equal(awsiam.SAMLProvider{Metadata: document, Tags: tags}))
}

func TestAProviderThatIsReadInHalfIsNone(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	g.Expect(w.api.Providers().Create(t.Context(), arn, metadataOf(t, "https://one.example"), nil)).To(Succeed())
	w.fault(awsfake.Fault{Operation: "GetSAMLProvider", Kind: awsfake.FaultTruncate, Count: 1})
	_, err := w.api.Providers().Get(t.Context(), arn)
	g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.Unavailable))
}
