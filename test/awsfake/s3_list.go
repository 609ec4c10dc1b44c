package awsfake

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"

	"attache.dev/attache/test/awsfake/policy"
)

const maxListKeys = 1000

type listObjectsResult struct {
	XMLName               xml.Name       `xml:"ListBucketResult"`
	Namespace             string         `xml:"xmlns,attr"`
	Name                  string         `xml:"Name"`
	Prefix                string         `xml:"Prefix"`
	Delimiter             string         `xml:"Delimiter,omitempty"`
	StartAfter            string         `xml:"StartAfter,omitempty"`
	EncodingType          string         `xml:"EncodingType,omitempty"`
	MaxKeys               int            `xml:"MaxKeys"`
	KeyCount              int            `xml:"KeyCount"`
	IsTruncated           bool           `xml:"IsTruncated"`
	ContinuationToken     string         `xml:"ContinuationToken,omitempty"`
	NextContinuationToken string         `xml:"NextContinuationToken,omitempty"`
	Contents              []listedObject `xml:"Contents"`
	CommonPrefixes        []listedPrefix `xml:"CommonPrefixes"`
}

type listedObject struct {
	Key          string `xml:"Key"`
	LastModified string `xml:"LastModified"`
	ETag         string `xml:"ETag"`
	Size         int    `xml:"Size"`
	StorageClass string `xml:"StorageClass"`
}

type listedPrefix struct {
	Prefix string `xml:"Prefix"`
}

// listRequest is a call of ListObjectsV2 with its parameters checked.
type listRequest struct {
	prefix, delimiter, after string
	max                      int
}

func listObjects(s *s3Call) (*answer, error) {
	request, err := s.readListRequest()
	if err != nil {
		return nil, err
	}
	keys := policy.Context{}
	for _, name := range []string{"prefix", "delimiter", "max-keys"} {
		if s.query.Has(name) {
			keys.Set("s3:"+name, s.query.Get(name))
		}
	}
	if err := s.authorizeS3("s3:ListBucket", bucketARN(s.state.partition, s.bucket), conditionKeys{call: keys}); err != nil {
		return nil, err
	}
	result := s.list(request)
	if s.query.Get("encoding-type") == "url" {
		result.encode()
	}
	body, err := xml.Marshal(result)
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, body: append([]byte(xml.Header), body...)}, nil
}

func (s *s3Call) readListRequest() (listRequest, error) {
	request := listRequest{prefix: s.query.Get("prefix"), delimiter: s.query.Get("delimiter"), after: s.query.Get("start-after"), max: maxListKeys}
	if s.query.Has("max-keys") {
		asked, err := strconv.Atoi(s.query.Get("max-keys"))
		if err != nil || asked < 0 {
			return request, errorf(http.StatusBadRequest, "InvalidArgument", "Provided max-keys not an integer or within integer range")
		}
		request.max = min(asked, maxListKeys)
	}
	if s.settings.PageSize > 0 {
		request.max = min(request.max, s.settings.PageSize)
	}
	if s.query.Has("continuation-token") {
		last, err := base64.URLEncoding.DecodeString(s.query.Get("continuation-token"))
		if err != nil {
			return request, errorf(http.StatusBadRequest, "InvalidArgument", "The continuation token provided is incorrect")
		}
		request.after = string(last)
	}
	if kind := s.query.Get("encoding-type"); kind != "" && kind != "url" {
		return request, errorf(http.StatusBadRequest, "InvalidArgument", "Invalid Encoding Method specified in Request")
	}
	return request, nil
}

// list cuts a page; a token is the last key or common prefix of the page before.
func (s *s3Call) list(request listRequest) *listObjectsResult {
	result := &listObjectsResult{
		Namespace: s3Service.namespace, Name: s.bucket, Prefix: request.prefix, Delimiter: request.delimiter,
		StartAfter: s.query.Get("start-after"), EncodingType: s.query.Get("encoding-type"), MaxKeys: request.max,
		ContinuationToken: s.query.Get("continuation-token"),
	}
	last := ""
	for _, entry := range s.buckets.list(s.bucket, request.prefix) {
		group := commonPrefix(entry.key, request)
		if entry.key <= request.after || (group != "" && (group == last || group == request.after)) {
			continue
		}
		if result.KeyCount == request.max {
			result.IsTruncated = request.max > 0
			break
		}
		result.KeyCount++
		last = entry.key
		if group != "" {
			last = group
			result.CommonPrefixes = append(result.CommonPrefixes, listedPrefix{group})
			continue
		}
		result.Contents = append(result.Contents, listedObject{
			Key: entry.key, LastModified: entry.modified.UTC().Format("2006-01-02T15:04:05.000Z"),
			ETag: entry.etag, Size: len(entry.body), StorageClass: "STANDARD",
		})
	}
	if result.IsTruncated {
		result.NextContinuationToken = base64.URLEncoding.EncodeToString([]byte(last))
	}
	return result
}

// commonPrefix returns the key up to the first delimiter behind the prefix, or "".
func commonPrefix(key string, request listRequest) string {
	if request.delimiter == "" {
		return ""
	}
	head, _, found := strings.Cut(key[len(request.prefix):], request.delimiter)
	if !found {
		return ""
	}
	return request.prefix + head + request.delimiter
}

// encode escapes what encoding-type=url covers.
func (r *listObjectsResult) encode() {
	r.Prefix, r.Delimiter, r.StartAfter = escapePath(r.Prefix), escapePath(r.Delimiter), escapePath(r.StartAfter)
	for i := range r.Contents {
		r.Contents[i].Key = escapePath(r.Contents[i].Key)
	}
	for i := range r.CommonPrefixes {
		r.CommonPrefixes[i].Prefix = escapePath(r.CommonPrefixes[i].Prefix)
	}
}
