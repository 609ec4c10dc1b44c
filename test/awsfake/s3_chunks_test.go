package awsfake

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// exampleSigner signs as the example of the Amazon S3 API Reference, "Transferring
// payload in multiple chunks", whose head has the signature seed.
func exampleSigner(seed string) *chunkSigner {
	s := signatureV4{scope: scope{date: "20130524", region: "us-east-1", service: "s3"}}
	return &chunkSigner{
		key:  s.signingKey("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
		date: "20130524T000000Z", scope: s.scope.String(), previous: seed,
	}
}

const exampleSeed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"

func exampleBody() []byte {
	return []byte("10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" + strings.Repeat("a", 65536) + "\r\n" +
		"400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" + strings.Repeat("a", 1024) + "\r\n" +
		"0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n")
}

func TestTheDocumentedChunksVerify(t *testing.T) {
	g := NewWithT(t)
	data, trailers, err := decodeChunks(exampleBody(), exampleSigner(exampleSeed), nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(data).To(Equal(bytes.Repeat([]byte("a"), 66560)))
	g.Expect(trailers).To(BeEmpty())
}

func TestChunksThatDoNotVerifyAreRefused(t *testing.T) {
	const crc = "x-amz-checksum-crc32c"
	for name, row := range map[string]struct {
		body     func() []byte
		signer   *chunkSigner
		trailers []string
		want     string
	}{
		"a byte that was changed":       {func() []byte { return bytes.Replace(exampleBody(), []byte("aa\r\n0"), []byte("ab\r\n0"), 1) }, exampleSigner(exampleSeed), nil, "SignatureDoesNotMatch"},
		"another seed":                  {exampleBody, exampleSigner("another"), nil, "SignatureDoesNotMatch"},
		"chunks without signatures":     {text("1\r\na\r\n0\r\n\r\n"), exampleSigner(exampleSeed), nil, "SignatureDoesNotMatch"},
		"signatures nobody asked for":   {exampleBody, nil, nil, "SignatureDoesNotMatch"},
		"no chunk at all":               {text(""), nil, nil, "IncompleteBody"},
		"a length that is none":         {text("x\r\n"), nil, nil, "IncompleteBody"},
		"a negative length":             {text("-1\r\na\r\n0\r\n\r\n"), nil, nil, "IncompleteBody"},
		"a length beyond the body":      {text("ff\r\na\r\n0\r\n\r\n"), nil, nil, "IncompleteBody"},
		"a length beyond all bodies":    {text("ffffffffffff\r\na\r\n0\r\n\r\n"), nil, nil, "IncompleteBody"},
		"an extension that is unknown":  {text("1;color=red\r\na\r\n0\r\n\r\n"), nil, nil, "IncompleteBody"},
		"data without its end":          {text("1\r\nab\r\n0\r\n\r\n"), nil, nil, "IncompleteBody"},
		"no last chunk":                 {text("1\r\na\r\n"), nil, nil, "IncompleteBody"},
		"no end of the trailers":        {text("0\r\n"), nil, nil, "IncompleteBody"},
		"more behind the end":           {text("0\r\n\r\nmore"), nil, nil, "MalformedTrailerError"},
		"a trailer that was not named":  {text("0\r\nx-amz-checksum-crc32c:AAAAAA==\r\n\r\n"), nil, nil, "MalformedTrailerError"},
		"a trailer that is missing":     {text("0\r\n\r\n"), nil, []string{crc}, "MalformedTrailerError"},
		"a trailer that comes twice":    {text("0\r\n" + crc + ":A\r\n" + crc + ":B\r\n\r\n"), nil, []string{crc, "x-amz-checksum-sha1"}, "MalformedTrailerError"},
		"a trailer without a value":     {text("0\r\n" + crc + "\r\n\r\n"), nil, []string{crc}, "MalformedTrailerError"},
		"a trailer without a signature": {text("0;chunk-signature=" + exampleSigner(exampleSeed).chunk(nil) + "\r\n" + crc + ":A\r\n\r\n"), exampleSigner(exampleSeed), []string{crc}, "SignatureDoesNotMatch"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := decodeChunks(row.body(), row.signer, row.trailers)
			var refused *apiError
			g := NewWithT(t)
			g.Expect(errors.As(err, &refused)).To(BeTrue(), "got %v", err)
			g.Expect(refused.code).To(Equal(row.want))
		})
	}
}

func text(body string) func() []byte { return func() []byte { return []byte(body) } }

func TestTrailersAreSignedAfterTheLastChunk(t *testing.T) {
	g := NewWithT(t)
	s := exampleSigner(exampleSeed)
	body := "3;chunk-signature=" + s.chunk([]byte("abc")) + "\r\nabc\r\n0;chunk-signature=" + s.chunk(nil) + "\r\n" +
		"x-amz-checksum-crc32c:Nks/tw==\r\nx-amz-trailer-signature:" + s.trailer("x-amz-checksum-crc32c:Nks/tw==\n") + "\r\n\r\n"
	data, trailers, err := decodeChunks([]byte(body), exampleSigner(exampleSeed), []string{"x-amz-checksum-crc32c"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(data)).To(Equal("abc"))
	g.Expect(trailers).To(Equal(map[string]string{"x-amz-checksum-crc32c": "Nks/tw=="}))
	g.Expect(checkChecksums(nil, trailers, data)).To(Equal(trailers))
	_, _, err = decodeChunks([]byte(strings.Replace(body, "Nks/tw", "Nks/tx", 1)), exampleSigner(exampleSeed), []string{"x-amz-checksum-crc32c"})
	g.Expect(err).To(MatchError(ContainSubstring("SignatureDoesNotMatch")))
}

// FuzzDecodeChunks finds bodies that break the decoder, or that come out longer
// than they were.
func FuzzDecodeChunks(f *testing.F) {
	s := exampleSigner(exampleSeed)
	signed := []byte("3;chunk-signature=" + s.chunk([]byte("abc")) + "\r\nabc\r\n0;chunk-signature=" + s.chunk(nil) + "\r\n\r\n")
	f.Add([]byte("3\r\nabc\r\n0\r\nx-amz-checksum-crc32c:Nks/tw==\r\n\r\n"), true)
	f.Add(signed, false)
	f.Fuzz(func(t *testing.T, body []byte, trailer bool) {
		var trailers []string
		if trailer {
			trailers = []string{"x-amz-checksum-crc32c"}
		}
		data, sent, err := decodeChunks(body, nil, trailers)
		if err == nil && (len(data) > len(body) || len(sent) != len(trailers)) {
			t.Fatalf("%d bytes and %d trailers from %d bytes", len(data), len(sent), len(body))
		}
		if data, _, err := decodeChunks(body, exampleSigner(exampleSeed), trailers); err == nil && string(data) != "abc" {
			t.Fatalf("%q verifies, which nobody signed", data)
		}
	})
}
