package kms_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"maps"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/idp/keys"
	"attache.dev/attache/idp/keys/kms"
)

var now = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func store(t *testing.T, f *fakeKMS) *kms.Store {
	t.Helper()
	s, err := kms.New(kms.Options{Client: f.client, Region: region, Tags: map[string]string{"attache.dev/provider": "corp"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAKeyInKMSLivesFromItsCreationToItsEnd(t *testing.T) {
	g := NewWithT(t)
	f := newFakeKMS(t)
	ring := keys.Ring{store(t, f), keys.InSecret{}}

	made, added, err := ring.Generate(t.Context(), 2048, "corp", now)
	g.Expect(err).NotTo(HaveOccurred())
	arn := string(added[made.ID+".kms"])
	g.Expect(arn).To(Equal("arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-000000000001"))
	g.Expect(f.keys[arn].tags).To(HaveKeyWithValue("attache.dev/provider", "corp"))
	g.Expect(added).To(HaveLen(2), "an ARN and a certificate; nothing else is in the Secret")

	read, err := ring.Read(t.Context(), added)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(read).To(HaveLen(1))
	g.Expect(read[0].Certificate.CheckSignatureFrom(read[0].Certificate)).To(MatchError(ContainSubstring("parent certificate cannot sign")), "it is no CA")
	digest := sha256.Sum256([]byte("said"))
	signature, err := read[0].Signer.Sign(nil, digest[:], crypto.SHA256)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(rsa.VerifyPKCS1v15(made.Certificate.PublicKey.(*rsa.PublicKey), crypto.SHA256, digest[:], signature)).To(Succeed())

	rest, removed := ring.Remove(added, made.ID)
	g.Expect(rest).To(BeEmpty())
	for range 2 { // An operator that died after the first time does it again.
		g.Expect(ring.Destroy(t.Context(), removed)).To(Succeed())
	}
	g.Expect(f.keys[arn].state).To(Equal("PendingDeletion"))
	g.Expect(f.keys[arn].deletion).To(Equal(7))
	_, err = read[0].Signer.Sign(nil, digest[:], crypto.SHA256)
	g.Expect(err).To(MatchError(ContainSubstring("pending deletion")))
	delete(f.keys, arn)
	g.Expect(ring.Destroy(t.Context(), removed)).To(Succeed(), "KMS has forgotten it by now")
}

func TestAProviderMovesIntoKMSByARotation(t *testing.T) {
	g := NewWithT(t)
	f := newFakeKMS(t)
	_, data, err := keys.Ring{keys.InSecret{}}.Generate(t.Context(), 2048, "corp", now)
	g.Expect(err).NotTo(HaveOccurred())
	ring := keys.Ring{store(t, f), keys.InSecret{}}
	young, added, err := ring.Generate(t.Context(), 3072, "corp", now.Add(time.Hour))
	g.Expect(err).NotTo(HaveOccurred())
	maps.Copy(data, added)

	both, err := ring.Read(t.Context(), data)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(both).To(HaveLen(2))
	g.Expect(both[0].ID).To(Equal(young.ID))
	g.Expect(both[0].Signer.Public().(*rsa.PublicKey).N.BitLen()).To(Equal(3072))
}

func TestAKeyThatCannotSignIsRefusedWhenItIsRead(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(f *fakeKMS, data map[string][]byte, id string)
		want   string
	}{
		{"it is gone", func(f *fakeKMS, _ map[string][]byte, _ string) { clear(f.keys) }, "NotFoundException"},
		{"it is disabled", func(f *fakeKMS, data map[string][]byte, id string) { f.keys[string(data[id])].state = "Disabled" }, "DisabledException"},
		{"it encrypts", func(f *fakeKMS, data map[string][]byte, id string) {
			f.keys[string(data[id])].usage = "ENCRYPT_DECRYPT"
		}, "create a key of usage SIGN_VERIFY"},
		{"it is another one", func(f *fakeKMS, data map[string][]byte, id string) { f.keys[string(data[id])].private = private }, "does not match the certificate"},
		{"KMS throttles", func(f *fakeKMS, _ map[string][]byte, _ string) { f.throttled = 1 }, "ThrottlingException"},
		{"an alias", func(_ *fakeKMS, data map[string][]byte, id string) {
			data[id] = []byte("arn:aws:kms:eu-west-1:111122223333:alias/signing")
		}, "is not the ARN of a KMS key; write one such as arn:aws:kms:"},
		{"an ARN of something else", func(_ *fakeKMS, data map[string][]byte, id string) {
			data[id] = []byte("arn:aws:iam::111122223333:role/key/x")
		}, "is not the ARN of a KMS key"},
		{"no ARN", func(_ *fakeKMS, data map[string][]byte, id string) { data[id] = []byte("hello") }, "is not the ARN of a KMS key"},
		{"a private key beside it", func(_ *fakeKMS, data map[string][]byte, id string) {
			data[id[:len(id)-4]+".key"] = []byte("-----BEGIN")
		}, "remove the one that is not true"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			f := newFakeKMS(t)
			ring := keys.Ring{store(t, f), keys.InSecret{}}
			k, data, err := ring.Generate(t.Context(), 2048, "corp", now)
			g.Expect(err).NotTo(HaveOccurred())
			tt.change(f, data, k.ID+".kms")
			_, err = ring.Read(t.Context(), data)
			g.Expect(err).To(MatchError(ContainSubstring(tt.want)))
			g.Expect(err).To(MatchError(ContainSubstring(k.ID)))
		})
	}
}

func TestASignatureThatIsWrongIsNotGivenAway(t *testing.T) {
	digest := sha256.Sum256([]byte("said"))
	tests := []struct {
		name   string
		fake   func(*fakeKMS)
		digest []byte
		opts   crypto.SignerOpts
		want   string
	}{
		{"KMS answers with another", func(f *fakeKMS) { f.garbled = true }, digest[:], crypto.SHA256, "does not verify with its own public key"},
		{"KMS throttles", func(f *fakeKMS) { f.throttled = 1 }, digest[:], crypto.SHA256, "ThrottlingException"},
		{"KMS does not answer in time", func(f *fakeKMS) { f.mute = true }, digest[:], crypto.SHA256, "deadline exceeded"},
		{"another hash", nil, digest[:], crypto.SHA384, "SHA-256 digests with PKCS #1 v1.5 only"},
		{"PSS", nil, digest[:], &rsa.PSSOptions{Hash: crypto.SHA256}, "SHA-256 digests with PKCS #1 v1.5 only"},
		{"a message that is not hashed", nil, []byte("said"), crypto.SHA256, "SHA-256 digests with PKCS #1 v1.5 only"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			f := newFakeKMS(t)
			s, err := kms.New(kms.Options{Client: f.client, Region: region, Timeout: 500 * time.Millisecond})
			g.Expect(err).NotTo(HaveOccurred())
			signer, _, err := s.Generate(t.Context(), 2048)
			g.Expect(err).NotTo(HaveOccurred())
			if tt.fake != nil {
				tt.fake(f)
			}
			signature, err := signer.Sign(rand.Reader, tt.digest, tt.opts)
			g.Expect(err).To(MatchError(ContainSubstring(tt.want)))
			g.Expect(signature).To(BeNil())
		})
	}
}

func TestAKeyThatCannotBeOpenedIsNotLeftBehind(t *testing.T) {
	g := NewWithT(t)
	f := newFakeKMS(t)
	f.garbled = true // The certificate cannot be signed.
	_, _, err := keys.Ring{store(t, f)}.Generate(t.Context(), 2048, "corp", now)
	g.Expect(err).To(MatchError(ContainSubstring("does not verify")))
	for _, k := range f.keys {
		g.Expect(k.state).To(Equal("PendingDeletion"))
	}
	g.Expect(f.calls).To(Equal([]string{"CreateKey", "GetPublicKey", "Sign", "ScheduleKeyDeletion"}))
}

func TestGenerateSaysWhatKMSCannotMake(t *testing.T) {
	g := NewWithT(t)
	f := newFakeKMS(t)
	_, _, err := store(t, f).Generate(t.Context(), 1024)
	g.Expect(err).To(MatchError("KMS makes no RSA keys of 1024 bits: write 2048, 3072 or 4096"))
	nowhere, err := kms.New(kms.Options{Client: f.client})
	g.Expect(err).NotTo(HaveOccurred())
	_, _, err = nowhere.Generate(t.Context(), 2048)
	g.Expect(err).To(MatchError("no region to make a KMS key in"))
	g.Expect(f.calls).To(BeEmpty())
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	g := NewWithT(t)
	_, err := kms.New(kms.Options{})
	g.Expect(err).To(MatchError("a KMS store needs a client"))
	_, err = kms.New(kms.Options{Client: newFakeKMS(t).client, Timeout: -time.Second})
	g.Expect(err).To(MatchError(ContainSubstring("write one above zero")))
}

// FuzzOpen gives the store entries as anybody might write them into the Secret.
func FuzzOpen(f *testing.F) {
	for _, entry := range []string{"", "arn:aws:kms:eu-west-1:111122223333:key/x", "arn:aws:kms:::key/", "arn:aws:kms:eu-west-1:111122223333:alias/x", "arn:::::::", "\x00"} {
		f.Add([]byte(entry))
	}
	f.Fuzz(func(t *testing.T, entry []byte) {
		g := NewWithT(t)
		fake := newFakeKMS(t)
		_, err := store(t, fake).Open(t.Context(), entry)
		g.Expect(err).To(HaveOccurred(), "there is no such key")
		g.Expect(slices.Compact(fake.calls)).To(Or(BeEmpty(), Equal([]string{"GetPublicKey"})))
	})
}
