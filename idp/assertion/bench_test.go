package assertion_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"testing"
	"time"

	"attache.dev/attache/idp"
	"attache.dev/attache/idp/assertion"
)

// BenchmarkResponse tells how much more a response costs than the signature that it cannot do
// without. Both are measured in turns, so that a busy machine slows both.
func BenchmarkResponse(b *testing.B) {
	for name, tags := range map[string][]idp.Tag{
		"without tags":         nil,
		"with the mapping tag": {{Key: idp.MappingTag, Value: "reports/uploader"}},
		"with 50 tags":         manyTags(50),
	} {
		b.Run(name, func(b *testing.B) { benchmarkResponse(b, tags) })
	}
}

func benchmarkResponse(b *testing.B, tags []idp.Tag) {
	wanted := grant()
	wanted.Tags = tags
	st, err := assertion.ForAWS(issuer, subject(), wanted)
	if err != nil {
		b.Fatal(err)
	}
	key := signingKey()
	digest := sha256.Sum256([]byte("said"))
	var responding, signing time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		if _, err := assertion.Response(st, key, now, rand.Reader); err != nil {
			b.Fatal(err)
		}
		responded := time.Now()
		if _, err := key.Signer.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
			b.Fatal(err)
		}
		responding += responded.Sub(start)
		signing += time.Since(responded)
	}
	b.ReportMetric(float64(responding)/float64(signing), "signatures/response")
}
