package awsfake

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

var s3Service = &service{name: "s3", version: "2006-03-01", namespace: "http://s3.amazonaws.com/doc/2006-03-01/"}

// s3Operation is one operation of S3. query and headers list what it honours: a
// call with another query parameter or x-amz- header is refused.
type s3Operation struct {
	operation
	query, headers []string
	handle         func(*s3Call) (*answer, error)
}

// s3Operations are by name.
var s3Operations = func() map[string]*s3Operation {
	table := map[string]*s3Operation{}
	add := func(name string, handle func(*s3Call) (*answer, error), query, headers []string) {
		table[name] = &s3Operation{
			operation: operation{service: s3Service, name: name}, handle: handle,
			query: append(query, "x-id"), headers: append(headers, "date", "content-sha256", "security-token", "user-agent"),
		}
	}
	add("CreateBucket", createBucket, nil, []string{"sdk-checksum-algorithm", "checksum-"})
	add("ListObjectsV2", listObjects, []string{
		"list-type", "prefix", "delimiter", "max-keys", "continuation-token", "start-after", "encoding-type",
	}, nil)
	add("PutObject", putObject, nil, []string{"sdk-checksum-algorithm", "checksum-", "decoded-content-length", "trailer", "meta-"})
	add("GetObject", getObject, nil, []string{"checksum-mode"})
	add("HeadObject", getObject, nil, []string{"checksum-mode"})
	add("DeleteObject", deleteObject, nil, nil)
	return table
}()

// operationNamed finds an operation of any service, or nil.
func operationNamed(name string) *operation {
	if o := s3Operations[name]; o != nil {
		return &o.operation
	}
	return operations[name]
}

// isS3 tells S3's calls from those of the Query protocol, which are signed for
// another service and are all of them a POST to /.
func isS3(r *http.Request) bool {
	if authorization := r.Header.Get("Authorization"); authorization != "" {
		return strings.Contains(authorization, "/"+s3Service.name+"/"+scopeTerminator)
	}
	return r.URL.Path != "/" && r.Method != http.MethodPost
}

// s3Call is a call of S3 in path style: /BUCKET/KEY.
type s3Call struct {
	*call
	w           http.ResponseWriter
	r           *http.Request
	bucket, key string
	query       url.Values
	// chunks signs the chunks of a body that is sent in some.
	chunks *chunkSigner
}

// answerS3 answers a call of S3.
func (c *call) answerS3(w http.ResponseWriter, r *http.Request) answer {
	s := &s3Call{call: c, w: w, r: r}
	a, err := s.serve()
	if err != nil {
		e := asAPIError(err)
		a = &answer{status: e.status, code: e.code, body: renderS3Error(e, r.URL.Path, c.requestID)}
	}
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set("X-Amz-Request-Id", c.requestID)
	if a.header.Get("Content-Type") == "" && len(a.body) > 0 {
		a.header.Set("Content-Type", "application/xml")
	}
	a.header.Set("Content-Length", strconv.Itoa(len(a.body)))
	return *a
}

func (s *s3Call) serve() (*answer, error) {
	var err error
	if s.query, err = url.ParseQuery(s.r.URL.RawQuery); err != nil {
		return nil, errorf(http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI.")
	}
	s.bucket, s.key, _ = strings.Cut(strings.TrimPrefix(s.r.URL.Path, "/"), "/")
	operation := s3Operations[s.operationName()]
	if operation == nil {
		return nil, notImplemented("%s %s of S3", s.r.Method, s.r.URL.Path)
	}
	s.op = &operation.operation
	resources := []string{s.bucket, s.bucket + "/" + s.key}
	result, err := s.underFault(s.r, resources, func() (any, error) {
		if err := s.authenticateS3(s.r); err != nil {
			return nil, err
		}
		if err := operation.checkHonoured(s.r, s.query); err != nil {
			return nil, err
		}
		return operation.handle(s)
	})
	if err != nil {
		return nil, err
	}
	if a, ok := result.(*answer); ok {
		return a, nil
	}
	return &answer{status: http.StatusOK}, nil // what spoils the answer took the call's place
}

// operationName returns "" for what awsfake refuses with 501.
func (s *s3Call) operationName() string {
	switch {
	case s.bucket == "":
		return ""
	case s.key == "" && s.r.Method == http.MethodPut:
		return "CreateBucket"
	case s.key == "" && s.r.Method == http.MethodGet && s.query.Get("list-type") == "2":
		return "ListObjectsV2"
	case s.key == "":
		return ""
	}
	return map[string]string{
		http.MethodPut: "PutObject", http.MethodGet: "GetObject", http.MethodHead: "HeadObject", http.MethodDelete: "DeleteObject",
	}[s.r.Method]
}

// conditionalHeaders change what a call does, and are refused with 501.
var conditionalHeaders = []string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "Range"}

func (o *s3Operation) checkHonoured(r *http.Request, query url.Values) error {
	for name := range query {
		if !slices.Contains(o.query, name) {
			return notImplemented("the query parameter %s of %s", name, o.name)
		}
	}
	for header := range r.Header {
		name, amz := strings.CutPrefix(strings.ToLower(header), "x-amz-")
		honours := func(known string) bool {
			return name == known || (strings.HasSuffix(known, "-") && strings.HasPrefix(name, known))
		}
		if slices.Contains(conditionalHeaders, header) || (amz && !slices.ContainsFunc(o.headers, honours)) {
			return notImplemented("the header %s of %s", header, o.name)
		}
	}
	return nil
}

// authorizeS3 asks for action on a resource of the bucket, which must exist and
// be the caller's account's: awsfake has no bucket policies.
func (s *s3Call) authorizeS3(action, resource string, keys conditionKeys) error {
	b := s.buckets.find(s.bucket)
	if b == nil {
		return errorf(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
	}
	if b.accountID != s.principal.account.id {
		return accessDenied("Access Denied")
	}
	return s.authorize(action, resource, keys)
}

func (s *s3Call) objectARN() string { return objectARN(s.state.partition, s.bucket, s.key) }
