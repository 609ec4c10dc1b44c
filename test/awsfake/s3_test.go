package awsfake_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake"
	"attache.dev/attache/test/awsfake/internal/testidp"
)

const testBucket = "reports"

func (w *world) s3As(key, secret, token string) *s3.Client {
	return s3.New(s3.Options{
		Region: region, BaseEndpoint: &w.url, Retryer: aws.NopRetryer{}, UsePathStyle: true,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		Credentials:                credentials.NewStaticCredentialsProvider(key, secret, token),
	})
}

// newBucket makes the bucket with the root user's client, which it returns.
func (w *world) newBucket(t *testing.T) *s3.Client {
	t.Helper()
	admin := w.s3As(adminKey, adminSecret, "")
	_, err := admin.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket:                    aws.String(testBucket),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: region},
	})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return admin
}

func put(t *testing.T, client *s3.Client, key, body string) error {
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(testBucket), Key: &key, Body: strings.NewReader(body)})
	return err
}

func TestAnObjectComesBackAsItWasPut(t *testing.T) {
	for name, key := range map[string]string{
		"a plain key":                       "a.txt",
		"a key with slashes":                "a//b/c/",
		"a key that is base64":              "bm90IGEg/+hhc2g=/system:serviceaccount:reports:uploader",
		"a key with spaces and signs":       "a b+c%d&e=f?g#h",
		"a key beyond ASCII":                "grüße/日本",
		"a key that looks like a traversal": "../a/./b",
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			client := w.newBucket(t)
			_, err := client.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: aws.String(testBucket), Key: &key, Body: strings.NewReader("content"), ContentType: aws.String("text/plain"),
				Metadata: map[string]string{"owner": "a"},
			})
			g.Expect(err).NotTo(HaveOccurred())
			got, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(testBucket), Key: &key})
			g.Expect(err).NotTo(HaveOccurred())
			body, err := io.ReadAll(got.Body)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(string(body)).To(Equal("content"))
			g.Expect(*got.ContentType).To(Equal("text/plain"))
			g.Expect(got.Metadata).To(Equal(map[string]string{"owner": "a"}))
			g.Expect(*got.ETag).To(Equal(`"9a0364b9e99bb480dd25e1f0284c8555"`))
			head, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(testBucket), Key: &key})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(*head.ContentLength).To(Equal(int64(len("content"))))
			listed, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(testBucket)})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(*listed.Contents[0].Key).To(Equal(key))
			_, err = client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(testBucket), Key: &key})
			g.Expect(err).NotTo(HaveOccurred())
			_, err = client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(testBucket), Key: &key})
			var missing *types.NoSuchKey
			g.Expect(errors.As(err, &missing)).To(BeTrue(), "got %v", err)
		})
	}
}

func TestEachWayThatSDKsSendABodyIsVerified(t *testing.T) {
	content := make([]byte, 200<<10)
	_, err := rand.Read(content)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for name, row := range map[string]struct {
		tls       bool
		body      func() io.Reader
		algorithm types.ChecksumAlgorithm
	}{
		"signed, over HTTP":                   {false, func() io.Reader { return bytes.NewReader(content) }, ""},
		"with a trailer, over HTTPS":          {true, func() io.Reader { return bytes.NewReader(content) }, ""},
		"a stream with a trailer, over HTTPS": {true, func() io.Reader { return io.MultiReader(bytes.NewReader(content)) }, types.ChecksumAlgorithmSha256},
		"with SHA-1 in a trailer":             {true, func() io.Reader { return bytes.NewReader(content) }, types.ChecksumAlgorithmSha1},
		"with CRC-64 in a trailer":            {true, func() io.Reader { return bytes.NewReader(content) }, types.ChecksumAlgorithmCrc64nvme},
		"with CRC-32C in a header":            {false, func() io.Reader { return bytes.NewReader(content) }, types.ChecksumAlgorithmCrc32c},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			w.newBucket(t)
			options := w.s3As(adminKey, adminSecret, "").Options()
			if row.tls {
				server := httptest.NewTLSServer(w.fake)
				t.Cleanup(server.Close)
				options.BaseEndpoint, options.HTTPClient = &server.URL, server.Client()
			}
			client := s3.New(options)
			_, err := client.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: aws.String(testBucket), Key: aws.String("a"), Body: row.body(), ContentLength: aws.Int64(int64(len(content))),
				ChecksumAlgorithm: row.algorithm,
			})
			g.Expect(err).NotTo(HaveOccurred())
			got, err := client.GetObject(t.Context(), &s3.GetObjectInput{
				Bucket: aws.String(testBucket), Key: aws.String("a"), ChecksumMode: types.ChecksumModeEnabled,
			})
			g.Expect(err).NotTo(HaveOccurred())
			body, err := io.ReadAll(got.Body)
			g.Expect(err).NotTo(HaveOccurred(), "the SDK checks the checksum that came back")
			g.Expect(body).To(Equal(content))
			g.Expect(got.ChecksumType).To(Equal(types.ChecksumTypeFullObject))
		})
	}
}

func TestListObjectsV2(t *testing.T) {
	for name, row := range map[string]struct {
		input    s3.ListObjectsV2Input
		settings awsfake.Settings
		keys     []string
		prefixes []string
		pages    int
	}{
		"all of it":               {s3.ListObjectsV2Input{}, awsfake.Settings{}, []string{"a/1", "a/2", "a/b/3", "c"}, nil, 1},
		"below a prefix":          {s3.ListObjectsV2Input{Prefix: aws.String("a/b")}, awsfake.Settings{}, []string{"a/b/3"}, nil, 1},
		"by folder":               {s3.ListObjectsV2Input{Delimiter: aws.String("/")}, awsfake.Settings{}, []string{"c"}, []string{"a/"}, 1},
		"one folder":              {s3.ListObjectsV2Input{Prefix: aws.String("a/"), Delimiter: aws.String("/")}, awsfake.Settings{}, []string{"a/1", "a/2"}, []string{"a/b/"}, 1},
		"behind a key":            {s3.ListObjectsV2Input{StartAfter: aws.String("a/2")}, awsfake.Settings{}, []string{"a/b/3", "c"}, nil, 1},
		"page by page":            {s3.ListObjectsV2Input{MaxKeys: aws.Int32(3)}, awsfake.Settings{}, []string{"a/1", "a/2", "a/b/3", "c"}, nil, 2},
		"folders page by page":    {s3.ListObjectsV2Input{MaxKeys: aws.Int32(1), Delimiter: aws.String("/")}, awsfake.Settings{}, []string{"c"}, []string{"a/"}, 2},
		"in pages that are short": {s3.ListObjectsV2Input{}, awsfake.Settings{PageSize: 1}, []string{"a/1", "a/2", "a/b/3", "c"}, nil, 4},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			client := w.newBucket(t)
			for _, key := range []string{"c", "a/b/3", "a/2", "a/1"} {
				g.Expect(put(t, client, key, "x")).To(Succeed())
			}
			g.Expect(w.fake.Control().Configure(t.Context(), row.settings)).To(Succeed())
			row.input.Bucket = aws.String(testBucket)
			var keys, prefixes []string
			pages := 0
			for list := s3.NewListObjectsV2Paginator(client, &row.input); list.HasMorePages(); pages++ {
				page, err := list.NextPage(t.Context())
				g.Expect(err).NotTo(HaveOccurred())
				for _, o := range page.Contents {
					keys = append(keys, *o.Key)
				}
				for _, p := range page.CommonPrefixes {
					prefixes = append(prefixes, *p.Prefix)
				}
			}
			g.Expect(keys).To(Equal(row.keys))
			g.Expect(prefixes).To(Equal(row.prefixes))
			g.Expect(pages).To(Equal(row.pages))
		})
	}
}

// ownPrefix is the policy that gives each subject a prefix of its own.
const ownPrefix = `{"Version":"2012-10-17","Statement":[
	{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject","s3:DeleteObject"],"Resource":"arn:aws:s3:::reports/${saml:namequalifier}/${saml:sub}/*"},
	{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::reports","Condition":{"StringLike":{"s3:prefix":"${saml:namequalifier}/${saml:sub}/*"}}}]}`

func TestEachSubjectReachesItsOwnPrefixOnly(t *testing.T) {
	g := NewWithT(t)
	f := newFederation(t, "")
	f.newBucket(t)
	_, err := f.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: aws.String("reports"), PolicyName: aws.String("own-prefix"), PolicyDocument: aws.String(ownPrefix),
	})
	g.Expect(err).NotTo(HaveOccurred())
	as := func(subject string) (*s3.Client, string) {
		answer, err := f.assume(t, func(m *testidp.Message) { m.Find("saml:NameID").SetText(subject) }, nil)
		g.Expect(err).NotTo(HaveOccurred())
		return f.s3As(*answer.Credentials.AccessKeyId, *answer.Credentials.SecretAccessKey, *answer.Credentials.SessionToken),
			*answer.NameQualifier + "/" + subject + "/"
	}
	first, firstPrefix := as("system:serviceaccount:reports:uploader")
	second, secondPrefix := as("system:serviceaccount:reports:reader")
	g.Expect(firstPrefix).NotTo(Equal(secondPrefix))

	g.Expect(put(t, first, firstPrefix+"report", "of the first")).To(Succeed())
	err = put(t, second, firstPrefix+"report", "of the second")
	code, message := apiErrorOf(g, err)
	g.Expect(code).To(Equal("AccessDenied"))
	g.Expect(message).To(Equal("User: arn:aws:sts::111122223333:assumed-role/reports/session-123 is not authorized to perform: s3:PutObject" +
		` on resource: "arn:aws:s3:::reports/` + firstPrefix + `report" because no identity-based policy allows the s3:PutObject action`))
	get := func(client *s3.Client, key string) error {
		_, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(testBucket), Key: &key})
		return err
	}
	g.Expect(get(first, firstPrefix+"report")).To(Succeed())
	g.Expect(codeOf(g, get(second, firstPrefix+"report"))).To(Equal("AccessDenied"))
	g.Expect(codeOf(g, get(first, firstPrefix+"nothing"))).To(Equal("AccessDenied"), "who may not list learns not what is there")
	list := func(client *s3.Client, prefix string) error {
		_, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(testBucket), Prefix: &prefix})
		return err
	}
	g.Expect(list(first, firstPrefix)).To(Succeed())
	g.Expect(codeOf(g, list(second, firstPrefix))).To(Equal("AccessDenied"))
	g.Expect(codeOf(g, list(first, ""))).To(Equal("AccessDenied"))
	calls, err := f.fake.Control().Calls(t.Context(), "GetObject")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(calls).To(HaveLen(3))
}

func TestTagsOfASessionCountInItsPolicies(t *testing.T) {
	g := NewWithT(t)
	f := newFederation(t, "")
	f.newBucket(t)
	_, err := f.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: aws.String("reports"), PolicyName: aws.String("own-prefix"), PolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::reports/${aws:PrincipalTag/team}/*"}]}`),
	})
	g.Expect(err).NotTo(HaveOccurred())
	answer, err := f.assume(t, func(m *testidp.Message) { m.Attribute("PrincipalTag:team", "alpha") }, nil)
	g.Expect(err).NotTo(HaveOccurred())
	client := f.s3As(*answer.Credentials.AccessKeyId, *answer.Credentials.SecretAccessKey, *answer.Credentials.SessionToken)
	g.Expect(put(t, client, "alpha/a", "x")).To(Succeed())
	g.Expect(codeOf(g, put(t, client, "beta/a", "x"))).To(Equal("AccessDenied"))
}

func TestS3RefusesInItsOwnWords(t *testing.T) {
	get := func(client *s3.Client, t *testing.T) error {
		_, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(testBucket), Key: aws.String("a")})
		return err
	}
	for name, row := range map[string]struct {
		call func(*testing.T, *federation) error
		code string
	}{
		"a bucket that is not there": {func(t *testing.T, f *federation) error {
			_, err := f.s3As(adminKey, adminSecret, "").ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("nowhere")})
			return err
		}, "NoSuchBucket"},
		"a key that is not there":     {func(t *testing.T, f *federation) error { return get(f.s3As(adminKey, adminSecret, ""), t) }, "NoSuchKey"},
		"a key that nobody has":       {func(t *testing.T, f *federation) error { return get(f.s3As("AKIANOBODY", "x", ""), t) }, "InvalidAccessKeyId"},
		"a wrong secret":              {func(t *testing.T, f *federation) error { return get(f.s3As(adminKey, "x", ""), t) }, "SignatureDoesNotMatch"},
		"a token that is not its own": {func(t *testing.T, f *federation) error { return get(f.s3As(adminKey, adminSecret, "x"), t) }, "InvalidToken"},
		"another region": {func(t *testing.T, f *federation) error {
			options := f.s3As(adminKey, adminSecret, "").Options()
			options.Region = "us-west-2"
			return get(s3.New(options), t)
		}, "AuthorizationHeaderMalformed"},
		"a clock that is wrong": {func(t *testing.T, f *federation) error {
			f.advance(16 * time.Minute)
			return get(f.s3As(adminKey, adminSecret, ""), t)
		}, "RequestTimeTooSkewed"},
		"a session that is over": {func(t *testing.T, f *federation) error {
			g := NewWithT(t)
			g.Expect(f.fake.Control().Configure(t.Context(), awsfake.Settings{MaxExpiration: awsfake.Duration(time.Minute)})).To(Succeed())
			answer, err := f.assume(t, nil, nil)
			g.Expect(err).NotTo(HaveOccurred())
			f.advance(time.Minute)
			return get(f.s3As(*answer.Credentials.AccessKeyId, *answer.Credentials.SecretAccessKey, *answer.Credentials.SessionToken), t)
		}, "ExpiredToken"},
		"a bucket that is there": {func(t *testing.T, f *federation) error {
			_, err := f.s3As(adminKey, adminSecret, "").CreateBucket(t.Context(), &s3.CreateBucketInput{
				Bucket: aws.String(testBucket), CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: region},
			})
			return err
		}, "BucketAlreadyOwnedByYou"},
		"a bucket of no region": {func(t *testing.T, f *federation) error {
			_, err := f.s3As(adminKey, adminSecret, "").CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("other")})
			return err
		}, "IllegalLocationConstraintException"},
		"an object too large": {func(t *testing.T, f *federation) error {
			return put(t, f.s3As(adminKey, adminSecret, ""), "a", strings.Repeat("x", 4<<20+1))
		}, "EntityTooLarge"},
		"a key too long": {func(t *testing.T, f *federation) error {
			return put(t, f.s3As(adminKey, adminSecret, ""), strings.Repeat("x", 1025), "x")
		}, "KeyTooLongError"},
		"an operation that awsfake has not": {func(t *testing.T, f *federation) error {
			_, err := f.s3As(adminKey, adminSecret, "").ListBuckets(t.Context(), nil)
			return err
		}, "NotImplemented"},
		"a parameter that awsfake has not": {func(t *testing.T, f *federation) error {
			_, err := f.s3As(adminKey, adminSecret, "").PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: aws.String(testBucket), Key: aws.String("a"), Body: strings.NewReader("x"), ACL: types.ObjectCannedACLPublicRead,
			})
			return err
		}, "NotImplemented"},
		"a range": {func(t *testing.T, f *federation) error {
			_, err := f.s3As(adminKey, adminSecret, "").GetObject(t.Context(), &s3.GetObjectInput{
				Bucket: aws.String(testBucket), Key: aws.String("a"), Range: aws.String("bytes=0-1"),
			})
			return err
		}, "NotImplemented"},
		"a presigned URL": {func(t *testing.T, f *federation) error {
			signed, err := s3.NewPresignClient(f.s3As(adminKey, adminSecret, "")).PresignGetObject(t.Context(),
				&s3.GetObjectInput{Bucket: aws.String(testBucket), Key: aws.String("a")})
			NewWithT(t).Expect(err).NotTo(HaveOccurred())
			return rawS3(t, http.MethodGet, signed.URL, nil, nil)
		}, "NotImplemented"},
		"a call without a signature": {func(t *testing.T, f *federation) error {
			return rawS3(t, http.MethodGet, f.url+"/"+testBucket+"/a", nil, nil)
		}, "AccessDenied"},
		"a call under a deny fault": {func(t *testing.T, f *federation) error {
			NewWithT(t).Expect(f.fake.Control().AddFault(t.Context(), awsfake.Fault{
				Operation: "GetObject", Kind: awsfake.FaultDeny, Resource: testBucket + "/a",
			})).To(Succeed())
			return get(f.s3As(adminKey, adminSecret, ""), t)
		}, "AccessDenied"},
		"a call that the service fails": {func(t *testing.T, f *federation) error {
			NewWithT(t).Expect(f.fake.Control().AddFault(t.Context(), awsfake.Fault{
				Operation: "GetObject", Kind: awsfake.FaultFail, Status: 503, Code: "SlowDown", Message: "Please reduce your request rate.",
			})).To(Succeed())
			return get(f.s3As(adminKey, adminSecret, ""), t)
		}, "SlowDown"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			f := newFederation(t, "")
			f.newBucket(t)
			g.Expect(codeOf(g, row.call(t, f))).To(Equal(row.code))
		})
	}
}
