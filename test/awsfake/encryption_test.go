package awsfake_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake/internal/testidp"
)

func TestTheLifeOfAProvidersPrivateKeys(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	ctx := t.Context()
	_, first := testidp.NewEncryptionKey()
	_, second := testidp.NewEncryptionKey()
	_, third := testidp.NewEncryptionKey()
	created, err := w.iam.CreateSAMLProvider(ctx, &iam.CreateSAMLProviderInput{
		Name: aws.String("corp"), SAMLMetadataDocument: aws.String(newMetadata(t)), AddPrivateKey: &first, AssertionEncryptionMode: required,
	})
	g.Expect(err).NotTo(HaveOccurred())
	arn := created.SAMLProviderArn
	get := func() *iam.GetSAMLProviderOutput {
		got, err := w.iam.GetSAMLProvider(ctx, &iam.GetSAMLProviderInput{SAMLProviderArn: arn})
		g.Expect(err).NotTo(HaveOccurred())
		return got
	}
	update := func(input iam.UpdateSAMLProviderInput) error {
		input.SAMLProviderArn = arn
		_, err := w.iam.UpdateSAMLProvider(ctx, &input)
		return err
	}
	before := get()
	g.Expect(before.AssertionEncryptionMode).To(Equal(required))
	g.Expect(before.PrivateKeyList).To(HaveLen(1))
	g.Expect(*before.PrivateKeyList[0].Timestamp).To(Equal(w.now()))

	g.Expect(update(iam.UpdateSAMLProviderInput{AddPrivateKey: &second})).To(Succeed())
	code, message := apiErrorOf(g, update(iam.UpdateSAMLProviderInput{AddPrivateKey: &third}))
	g.Expect(code).To(Equal("LimitExceeded"))
	g.Expect(message).To(Equal("Private key limit of 2 is reached."))
	g.Expect(update(iam.UpdateSAMLProviderInput{RemovePrivateKey: before.PrivateKeyList[0].KeyId, AddPrivateKey: &third})).To(Succeed(), "one goes for the other")
	keys := get().PrivateKeyList
	g.Expect(keys).To(HaveLen(2))
	g.Expect(aws.ToString(get().SAMLMetadataDocument)).To(Equal(*before.SAMLMetadataDocument), "the metadata stays")

	g.Expect(update(iam.UpdateSAMLProviderInput{RemovePrivateKey: keys[0].KeyId})).To(Succeed())
	code, message = apiErrorOf(g, update(iam.UpdateSAMLProviderInput{RemovePrivateKey: keys[1].KeyId}))
	g.Expect(code).To(Equal("InvalidInput"))
	g.Expect(message).To(Equal("Failed to set assertion encryption mode to Required because no private key is present."))
	g.Expect(update(iam.UpdateSAMLProviderInput{RemovePrivateKey: keys[1].KeyId, AssertionEncryptionMode: allowed})).To(Succeed())
	g.Expect(get().AssertionEncryptionMode).To(Equal(allowed))
	g.Expect(get().PrivateKeyList).To(BeEmpty())
}

func TestEncryptionSettingsAreRefused(t *testing.T) {
	for name, row := range map[string]struct {
		input         iam.UpdateSAMLProviderInput
		code, message string
	}{
		"Required without a key":    {iam.UpdateSAMLProviderInput{AssertionEncryptionMode: required}, "InvalidInput", "Failed to set assertion encryption mode to Required because no private key is present."},
		"a mode that IAM lacks":     {iam.UpdateSAMLProviderInput{AssertionEncryptionMode: "Never"}, "ValidationError", "'assertionEncryptionMode'"},
		"a key that is no key":      {iam.UpdateSAMLProviderInput{AddPrivateKey: aws.String("secret")}, "InvalidInput", "Could not parse private key"},
		"the removal of no one key": {iam.UpdateSAMLProviderInput{RemovePrivateKey: aws.String("AAAAAAAAAAAAAAAAAAAAAA")}, "NoSuchEntity", "AAAAAAAAAAAAAAAAAAAAAA"},
		"an update of nothing":      {iam.UpdateSAMLProviderInput{}, "ValidationError", "Unable to update identity provider. No updates are defined for metadata or encryption assertion."},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			row.input.SAMLProviderArn = aws.String(w.createProvider(t, "corp", newMetadata(t)))
			_, err := w.iam.UpdateSAMLProvider(t.Context(), &row.input)
			code, message := apiErrorOf(g, err)
			g.Expect(code).To(Equal(row.code))
			g.Expect(message).To(ContainSubstring(row.message))
			g.Expect(message).NotTo(ContainSubstring("secret"), "a private key never stands in a message")
		})
	}
}

func TestEncryptedAssertions(t *testing.T) {
	gcm := testidp.Encryption{KeyBytes: 32, GCM: true}
	stranger, _ := testidp.NewEncryptionKey()
	for name, row := range map[string]struct {
		send    func(*testidp.Message)
		message string // part of it; "" for one that STS takes
	}{
		"an encrypted assertion is taken": {send: func(m *testidp.Message) {
			m.SignAssertion()
			m.Encrypt(&encryptionKey.PublicKey, gcm)
		}},
		"a response that is signed over the encrypted form is taken": {send: func(m *testidp.Message) {
			m.SignAssertion()
			m.Encrypt(&encryptionKey.PublicKey, gcm)
			m.SignResponse()
		}},
		"a response that was changed after it was signed is not": {send: func(m *testidp.Message) {
			m.SignAssertion()
			m.Encrypt(&encryptionKey.PublicKey, gcm)
			m.SignResponse()
			m.Response.CreateAttr("Destination", "https://other.example.test")
		}, message: "Response signature invalid"},
		"encryption does not stand for a signature": {send: func(m *testidp.Message) {
			m.Encrypt(&encryptionKey.PublicKey, gcm)
		}, message: "must contain an assertion with a mandatory signature"},
		"a change before encryption is seen": {send: func(m *testidp.Message) {
			m.SignAssertion()
			m.Find("saml:NameID").SetText("subject-456")
			m.Encrypt(&encryptionKey.PublicKey, gcm)
		}, message: "Response signature invalid"},
		"an assertion for another key is not read": {send: func(m *testidp.Message) {
			m.SignAssertion()
			m.Encrypt(&stranger.PublicKey, gcm)
		}, message: "Invalid base64 SAMLResponse"},
		"an assertion in clear beside the encrypted one is not read": {send: func(m *testidp.Message) {
			m.SignAssertion()
			inClear := m.Assertion.Copy()
			m.Encrypt(&encryptionKey.PublicKey, gcm)
			m.Response.AddChild(inClear)
		}, message: "Invalid base64 SAMLResponse"},
		"a cipher text that was changed is not read": {send: func(m *testidp.Message) {
			m.SignAssertion()
			m.Encrypt(&encryptionKey.PublicKey, gcm)
			value := m.Find("xenc:EncryptedData/xenc:CipherData/xenc:CipherValue")
			value.SetText("AAAA" + value.Text()[4:])
		}, message: "Invalid base64 SAMLResponse"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			f := newFederation(t, "")
			_, err := f.iam.UpdateSAMLProvider(t.Context(), &iam.UpdateSAMLProviderInput{SAMLProviderArn: &f.providerARN, AddPrivateKey: &encryptionPEM})
			g.Expect(err).NotTo(HaveOccurred())
			message := f.idp.Baseline(f.now(), f.roleARN, f.providerARN)
			row.send(message)
			_, err = f.redeem(t, message)
			if row.message == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			code, text := apiErrorOf(g, err)
			g.Expect(code).To(Equal("InvalidIdentityToken"))
			g.Expect(text).To(ContainSubstring(row.message))
		})
	}
}

func TestAnEncryptedAssertionNeedsAKeyOfTheProvider(t *testing.T) {
	g := NewWithT(t)
	f := newFederation(t, "")
	message := f.idp.Baseline(f.now(), f.roleARN, f.providerARN)
	message.SignAssertion()
	message.Encrypt(&encryptionKey.PublicKey, testidp.Encryption{KeyBytes: 16})
	_, err := f.redeem(t, message)
	code, _ := apiErrorOf(g, err)
	g.Expect(code).To(Equal("InvalidIdentityToken"))
}
