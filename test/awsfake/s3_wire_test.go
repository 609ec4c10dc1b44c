package awsfake_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
	. "github.com/onsi/gomega"
)

// rawS3 makes a call as it is given, after prepare has signed it, and returns the
// error that it got, or nil.
func rawS3(t *testing.T, method, url string, body []byte, prepare func(*http.Request)) error {
	t.Helper()
	g := NewWithT(t)
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(string(body)))
	g.Expect(err).NotTo(HaveOccurred())
	if prepare != nil {
		prepare(request)
	}
	response, err := http.DefaultClient.Do(request)
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	var answer struct {
		XMLName       xml.Name `xml:"Error"`
		Code, Message string
		RequestID     string `xml:"RequestId"`
	}
	g.Expect(xml.NewDecoder(response.Body).Decode(&answer)).To(Succeed())
	g.Expect(answer.RequestID).To(Equal(response.Header.Get("X-Amz-Request-Id")))
	return &smithy.GenericAPIError{Code: answer.Code, Message: answer.Message}
}

// sign signs the request's head by the SDK's signer; payload is what it says of
// the body. It returns what signs chunks.
func sign(t *testing.T, r *http.Request, payload string, now time.Time) *chunks {
	t.Helper()
	if payload != "" {
		r.Header.Set("X-Amz-Content-Sha256", payload)
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	key := aws.Credentials{AccessKeyID: adminKey, SecretAccessKey: adminSecret}
	NewWithT(t).Expect(signer.SignHTTP(t.Context(), key, r, payload, "s3", region, now)).To(Succeed())
	_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	return &chunks{previous: signature, now: now.UTC()}
}

// chunks signs chunks; it is written apart from the server's code.
type chunks struct {
	previous string
	now      time.Time
}

func (c *chunks) sign(kind string, hashes ...string) string {
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	day := c.now.Format("20060102")
	key := mac(mac(mac(mac([]byte("AWS4"+adminSecret), day), region), "s3"), "aws4_request")
	head := fmt.Sprintf("AWS4-HMAC-SHA256-%s\n%s\n%s/%s/s3/aws4_request\n%s", kind, c.now.Format("20060102T150405Z"), day, region, c.previous)
	c.previous = hex.EncodeToString(mac(key, strings.Join(append([]string{head}, hashes...), "\n")))
	return c.previous
}

func (c *chunks) chunk(data string) string {
	return fmt.Sprintf("%x;chunk-signature=%s\r\n%s\r\n", len(data), c.sign("PAYLOAD", sum(""), sum(data)), data)
}

// last is the empty chunk with what follows it.
func (c *chunks) last(trailer string) string {
	end := fmt.Sprintf("0;chunk-signature=%s\r\n", c.sign("PAYLOAD", sum(""), sum("")))
	if trailer != "" {
		end += fmt.Sprintf("%s\r\nx-amz-trailer-signature:%s\r\n", trailer, c.sign("TRAILER", sum(trailer+"\n")))
	}
	return end + "\r\n"
}

func sum(text string) string {
	hash := sha256.Sum256([]byte(text))
	return hex.EncodeToString(hash[:])
}

func TestPayloadsOnTheWire(t *testing.T) {
	const text = "the content"
	const streamed, trailed = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	crc := func(text string) string {
		sum := crc32.ChecksumIEEE([]byte(text))
		return base64.StdEncoding.EncodeToString([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
	}
	md5Of := func(text string) string {
		sum := md5.Sum([]byte(text))
		return base64.StdEncoding.EncodeToString(sum[:])
	}
	for name, row := range map[string]struct {
		payload string
		headers map[string]string
		body    func(*chunks) string
		code    string
	}{
		"a hash that holds":              {payload: sum(text)},
		"a hash of something else":       {payload: sum("other"), code: "XAmzContentSHA256Mismatch"},
		"no word about the payload":      {payload: "", code: "InvalidRequest"},
		"a word that nobody knows":       {payload: "TRUST-ME", code: "InvalidArgument"},
		"a payload that is not signed":   {payload: "UNSIGNED-PAYLOAD"},
		"chunks signed by another curve": {payload: "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", code: "NotImplemented"},
		"a checksum that holds":          {payload: sum(text), headers: map[string]string{"X-Amz-Checksum-Crc32": crc(text)}},
		"a checksum of something else":   {payload: sum(text), headers: map[string]string{"X-Amz-Checksum-Crc32": crc("other")}, code: "BadDigest"},
		"a checksum that is unknown":     {payload: sum(text), headers: map[string]string{"X-Amz-Checksum-Xor": "AA=="}, code: "NotImplemented"},
		"a Content-MD5 that holds":       {payload: sum(text), headers: map[string]string{"Content-Md5": md5Of(text)}},
		"a Content-MD5 of another":       {payload: sum(text), headers: map[string]string{"Content-Md5": md5Of("other")}, code: "BadDigest"},
		"signed chunks": {payload: streamed, headers: decodedLength(text), body: func(c *chunks) string {
			return c.chunk(text[:4]) + c.chunk(text[4:]) + c.last("")
		}},
		"signed chunks in another order": {payload: streamed, headers: decodedLength(text), body: func(c *chunks) string {
			first, second := c.chunk(text[:4]), c.chunk(text[4:])
			return second + first + c.last("")
		}, code: "SignatureDoesNotMatch"},
		"signed chunks, one of them missing": {payload: streamed, headers: decodedLength(text), body: func(c *chunks) string {
			return c.chunk(text[:4]) + c.last("")
		}, code: "IncompleteBody"},
		"chunks of no declared length": {payload: streamed, body: func(c *chunks) string { return c.chunk(text) + c.last("") }, code: "MissingContentLength"},
		"signed chunks and a trailer": {payload: trailed, headers: withTrailer(text), body: func(c *chunks) string {
			return c.chunk(text) + c.last("x-amz-checksum-crc32:"+crc(text))
		}},
		"a signed trailer of something else": {payload: trailed, headers: withTrailer(text), body: func(c *chunks) string {
			return c.chunk(text) + c.last("x-amz-checksum-crc32:"+crc("other"))
		}, code: "BadDigest"},
		"a trailer that was changed": {payload: trailed, headers: withTrailer(text), body: func(c *chunks) string {
			return strings.Replace(c.chunk(text)+c.last("x-amz-checksum-crc32:"+crc("other")), crc("other"), crc(text), 1)
		}, code: "SignatureDoesNotMatch"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			w.newBucket(t)
			url := w.url + "/" + testBucket + "/a"
			g.Expect(rawCode(g, rawS3Signed(t, url, row.payload, row.headers, row.body, text, w.now()))).To(Equal(row.code))
		})
	}
}

func decodedLength(text string) map[string]string {
	return map[string]string{"X-Amz-Decoded-Content-Length": strconv.Itoa(len(text)), "Content-Encoding": "aws-chunked"}
}

func withTrailer(text string) map[string]string {
	headers := decodedLength(text)
	headers["X-Amz-Trailer"] = "x-amz-checksum-crc32"
	return headers
}

// rawS3Signed puts an object whose body may depend on the signature of the head.
func rawS3Signed(t *testing.T, url, payload string, headers map[string]string, body func(*chunks) string, plain string, now time.Time) error {
	t.Helper()
	content := []byte(plain)
	head := func(r *http.Request) *chunks {
		for name, value := range headers {
			r.Header.Set(name, value)
		}
		return sign(t, r, payload, now)
	}
	if body != nil {
		// Content-Length is signed: sign once to learn the length.
		probe, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, http.NoBody)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		content = make([]byte, len(body(head(probe))))
		sized, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, strings.NewReader(string(content)))
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		content = []byte(body(head(sized)))
	}
	return rawS3(t, http.MethodPut, url, content, func(r *http.Request) { head(r) })
}

func rawCode(g *WithT, err error) string {
	if err == nil {
		return ""
	}
	return codeOf(g, err)
}

func TestSignedHeadersMustCoverWhatCounts(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.newBucket(t)
	err := rawS3(t, http.MethodPut, w.url+"/"+testBucket+"/a", []byte("x"), func(r *http.Request) {
		sign(t, r, "UNSIGNED-PAYLOAD", w.now())
		r.Header.Set("X-Amz-Meta-Owner", "another")
	})
	code, message := apiErrorOf(g, err)
	g.Expect(code).To(Equal("AccessDenied"))
	g.Expect(message).To(Equal("There were headers present in the request which were not signed"))
}

func TestAPathThatWasChangedDoesNotVerify(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.newBucket(t)
	err := rawS3(t, http.MethodPut, w.url+"/"+testBucket+"/a", []byte("x"), func(r *http.Request) {
		sign(t, r, "UNSIGNED-PAYLOAD", w.now())
		r.URL.Path += "b"
	})
	g.Expect(codeOf(g, err)).To(Equal("SignatureDoesNotMatch"))
}
