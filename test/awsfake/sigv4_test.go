package awsfake_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"
)

// signedCall is a call of GetCallerIdentity, taken apart so that each part can be
// wrong.
type signedCall struct {
	credentials     aws.Credentials
	service, region string
	at              time.Time
	body            string
	// change is made after the signature.
	change func(*http.Request)
}

// answer is an error answer as XML, read without an SDK.
type answer struct {
	Namespace string `xml:"xmlns,attr"`
	Error     struct{ Type, Code, Message string }
	RequestID string `xml:"RequestId"`
}

func (w *world) send(t *testing.T, c signedCall) (*http.Response, answer) {
	t.Helper()
	response, raw := w.exchange(t, c)
	var a answer
	NewWithT(t).Expect(xml.Unmarshal(raw, &a)).To(Succeed(), string(raw))
	return response, a
}

// raw sends a call of IAM as the root user and returns the answer's body.
func (w *world) raw(t *testing.T, body string) string {
	t.Helper()
	root := aws.Credentials{AccessKeyID: adminKey, SecretAccessKey: adminSecret}
	_, raw := w.exchange(t, signedCall{credentials: root, service: "iam", region: w.iamRegion, at: w.now(), body: body})
	return string(raw)
}

func (w *world) exchange(t *testing.T, c signedCall) (*http.Response, []byte) {
	t.Helper()
	g := NewWithT(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/", strings.NewReader(c.body))
	g.Expect(err).NotTo(HaveOccurred())
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	sum := sha256.Sum256([]byte(c.body))
	err = v4.NewSigner().SignHTTP(context.WithoutCancel(t.Context()), c.credentials, request, hex.EncodeToString(sum[:]), c.service, c.region, c.at)
	g.Expect(err).NotTo(HaveOccurred())
	if c.change != nil {
		c.change(request)
	}
	response, err := http.DefaultClient.Do(request)
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	g.Expect(err).NotTo(HaveOccurred())
	return response, raw
}

const callerIdentity = "Action=GetCallerIdentity&Version=2011-06-15"

func TestSignatures(t *testing.T) {
	for name, row := range map[string]struct {
		edit func(*signedCall)
		code string // "" for success
		want string
	}{
		"a right signature is taken":             {},
		"four minutes of skew are taken":         {edit: func(c *signedCall) { c.at = c.at.Add(-4 * time.Minute) }},
		"six minutes late is refused":            {edit: func(c *signedCall) { c.at = c.at.Add(-6 * time.Minute) }, code: "SignatureDoesNotMatch", want: "Signature expired"},
		"six minutes early is refused":           {edit: func(c *signedCall) { c.at = c.at.Add(6 * time.Minute) }, code: "SignatureDoesNotMatch", want: "Signature not yet current"},
		"another secret is refused":              {edit: func(c *signedCall) { c.credentials.SecretAccessKey = "other" }, code: "SignatureDoesNotMatch", want: "The request signature we calculated"},
		"a key that was never issued is refused": {edit: func(c *signedCall) { c.credentials.AccessKeyID = "AKIANOBODY" }, code: "InvalidClientTokenId", want: "security token included in the request is invalid"},
		"a long-term key takes no session token": {edit: func(c *signedCall) { c.credentials.SessionToken = "x" }, code: "InvalidClientTokenId"},
		"another region is refused":              {edit: func(c *signedCall) { c.region = "us-west-2" }, code: "SignatureDoesNotMatch", want: "valid region"},
		"another service is refused":             {edit: func(c *signedCall) { c.service = "iam" }, code: "SignatureDoesNotMatch", want: "correct service: 'sts'"},
		"no signature is refused": {edit: func(c *signedCall) {
			c.change = func(r *http.Request) { r.Header.Del("Authorization") }
		}, code: "MissingAuthenticationToken"},
		"a header of another algorithm is refused": {edit: func(c *signedCall) {
			c.change = func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }
		}, code: "IncompleteSignature"},
		"a header without a part is refused": {edit: func(c *signedCall) {
			c.change = func(r *http.Request) {
				r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "SignedHeaders=", "Signed=", 1))
			}
		}, code: "IncompleteSignature", want: "SignedHeaders"},
		"another body than the signed one is refused": {edit: func(c *signedCall) {
			c.change = func(r *http.Request) {
				body := callerIdentity + "&X=1"
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
			}
		}, code: "SignatureDoesNotMatch"},
		"a changed header is refused": {edit: func(c *signedCall) {
			c.change = func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }
		}, code: "SignatureDoesNotMatch"},
		"an x-amz header that is not signed is refused": {edit: func(c *signedCall) {
			c.change = func(r *http.Request) { r.Header.Set("X-Amz-Extra", "1") }
		}, code: "SignatureDoesNotMatch", want: "'x-amz-extra' must be a 'SignedHeader'"},
		"a date that is not the scope's is refused": {edit: func(c *signedCall) {
			c.change = func(r *http.Request) {
				r.Header.Set("X-Amz-Date", c.at.Add(24*time.Hour).Format("20060102T150405Z"))
			}
		}, code: "SignatureDoesNotMatch", want: "Date in Credential scope"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			// Noon, so that minutes of skew stay within the scope's day.
			*w.time = w.time.Truncate(24 * time.Hour).Add(12 * time.Hour)
			c := signedCall{
				credentials: aws.Credentials{AccessKeyID: adminKey, SecretAccessKey: adminSecret},
				service:     "sts", region: region, at: w.now(), body: callerIdentity,
			}
			if row.edit != nil {
				row.edit(&c)
			}
			response, a := w.send(t, c)
			g.Expect(a.Error.Code).To(Equal(row.code))
			g.Expect(a.Error.Message).To(ContainSubstring(row.want))
			switch row.code {
			case "":
				g.Expect(response.StatusCode).To(Equal(http.StatusOK))
			case "IncompleteSignature":
				g.Expect(response.StatusCode).To(Equal(http.StatusBadRequest))
			default:
				g.Expect(response.StatusCode).To(Equal(http.StatusForbidden))
			}
		})
	}
}

func TestAnswersCarryWhatSDKsRead(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	response, a := w.send(t, signedCall{service: "sts", region: region, at: w.now(), body: callerIdentity,
		credentials: aws.Credentials{AccessKeyID: "AKIANOBODY", SecretAccessKey: "x"}})
	g.Expect(a.Namespace).To(Equal("https://sts.amazonaws.com/doc/2011-06-15/"))
	g.Expect(a.Error.Type).To(Equal("Sender"))
	g.Expect(a.RequestID).To(MatchRegexp(`^[0-9a-f-]{36}$`))
	g.Expect(response.Header.Get("x-amzn-RequestId")).To(Equal(a.RequestID))
	g.Expect(response.Header.Get("Date")).To(Equal(w.now().Format(http.TimeFormat)))
}

func TestSessionsEnd(t *testing.T) {
	for name, row := range map[string]struct {
		end  func(*testing.T, *federation)
		code string
	}{
		"when their time is over": {end: func(_ *testing.T, f *federation) { f.advance(time.Hour) }, code: "ExpiredToken"},
		"when their role is gone": {end: func(t *testing.T, f *federation) {
			_, err := f.iam.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: aws.String("reports")})
			NewWithT(t).Expect(err).NotTo(HaveOccurred())
		}, code: "InvalidClientTokenId"},
		"not before that": {end: func(_ *testing.T, f *federation) { f.advance(time.Hour - time.Second) }},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			f := newFederation(t, "")
			session, err := f.assume(t, nil, nil)
			g.Expect(err).NotTo(HaveOccurred())
			row.end(t, f)
			_, a := f.send(t, signedCall{service: "sts", region: region, at: f.now(), body: callerIdentity, credentials: aws.Credentials{
				AccessKeyID:     *session.Credentials.AccessKeyId,
				SecretAccessKey: *session.Credentials.SecretAccessKey,
				SessionToken:    *session.Credentials.SessionToken,
			}})
			g.Expect(a.Error.Code).To(Equal(row.code))
		})
	}
}

func TestIAMIsSignedForItsOwnRegion(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	_, err := iam.New(w.iam.Options(), func(o *iam.Options) { o.Region = region }).ListRoles(t.Context(), nil)
	code, message := apiErrorOf(g, err)
	g.Expect(code).To(Equal("SignatureDoesNotMatch"))
	g.Expect(message).To(ContainSubstring("not 'eu-west-1': iam takes 'us-east-1' here"))
}

func TestCallsOfAnotherFormAreRefused(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	for name, row := range map[string]struct {
		method, path, contentType, body string
		status                          int
		code                            string
	}{
		"an unknown action":            {http.MethodPost, "/", form, "Action=Dance&Version=2010-05-08", 400, "InvalidAction"},
		"an action of another version": {http.MethodPost, "/", form, "Action=ListRoles&Version=2011-06-15", 400, "InvalidAction"},
		"no action":                    {http.MethodPost, "/", form, "Version=2011-06-15", 400, "MissingAction"},
		"another path":                 {http.MethodPost, "/iam", form, "Action=ListRoles&Version=2010-05-08", 404, "UnknownOperationException"},
		"JSON":                         {http.MethodPost, "/", "application/json", "{}", 400, "MalformedInput"},
		"a body that is not a form":    {http.MethodPost, "/", form, "%zz", 400, "MalformedInput"},
		"GET":                          {http.MethodGet, "/", form, "", 501, "NotImplemented"},
		"a body of 40 MB":              {http.MethodPost, "/", form, strings.Repeat("a", 40<<20), 413, "RequestEntityTooLarge"},
		"a parameter that awsfake does not honour": {http.MethodPost, "/", form, url.Values{
			"Action": {"AssumeRoleWithSAML"}, "Version": {"2011-06-15"}, "Surprise": {"1"},
		}.Encode(), 501, "NotImplemented"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			request, err := http.NewRequestWithContext(t.Context(), row.method, w.url+row.path, strings.NewReader(row.body))
			g.Expect(err).NotTo(HaveOccurred())
			request.Header.Set("Content-Type", row.contentType)
			response, err := http.DefaultClient.Do(request)
			g.Expect(err).NotTo(HaveOccurred())
			defer func() { _ = response.Body.Close() }()
			var a answer
			g.Expect(xml.NewDecoder(response.Body).Decode(&a)).To(Succeed())
			g.Expect(response.StatusCode).To(Equal(row.status))
			g.Expect(a.Error.Code).To(Equal(row.code))
		})
	}
}
