package awsfake

import (
	"crypto/md5" // an ETag is the MD5 of an object that came in one piece
	"encoding/hex"
	"maps"
	"net/http"
	"strings"
)

const maxKeyBytes = 1024

// storedHeaders are system metadata that come back as they were given (Amazon S3
// User Guide, "Working with object metadata").
var storedHeaders = []string{"Content-Type", "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language"}

const metadataPrefix = "X-Amz-Meta-"

func putObject(s *s3Call) (*answer, error) {
	if len(s.key) > maxKeyBytes {
		return nil, errorf(http.StatusBadRequest, "KeyTooLongError", "Your key is too long")
	}
	if err := s.authorizeS3("s3:PutObject", s.objectARN(), conditionKeys{}); err != nil {
		return nil, err
	}
	p, err := s.readPayload()
	if err != nil {
		return nil, err
	}
	sum := md5.Sum(p.data)
	o := &object{
		body: p.data, etag: `"` + hex.EncodeToString(sum[:]) + `"`, modified: s.now,
		headers: objectHeaders(s.r.Header), checksums: p.checksums,
	}
	if err := s.buckets.put(s.bucket, s.key, o); err != nil {
		return nil, err
	}
	a := &answer{status: http.StatusOK, header: http.Header{"Etag": {o.etag}}}
	o.addChecksums(a.header)
	return a, nil
}

func objectHeaders(sent http.Header) map[string]string {
	kept := map[string]string{"Content-Type": "binary/octet-stream"}
	for _, name := range storedHeaders {
		if value := sent.Get(name); value != "" {
			kept[name] = value
		}
	}
	encoding := strings.TrimPrefix(strings.TrimPrefix(kept["Content-Encoding"], "aws-chunked"), ",")
	if kept["Content-Encoding"] = encoding; encoding == "" {
		delete(kept, "Content-Encoding")
	}
	for name := range sent {
		if strings.HasPrefix(name, metadataPrefix) {
			kept[name] = sent.Get(name)
		}
	}
	return kept
}

func (o *object) addChecksums(header http.Header) {
	for name, value := range o.checksums {
		header.Set(name, value)
		header.Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	}
}

// getObject answers HeadObject too. A missing key is told to those who may list
// the bucket only (Amazon S3 API Reference, GetObject, "Permissions").
func getObject(s *s3Call) (*answer, error) {
	if err := s.authorizeS3("s3:GetObject", s.objectARN(), conditionKeys{}); err != nil {
		return nil, err
	}
	o := s.buckets.object(s.bucket, s.key)
	if o == nil {
		if err := s.authorize("s3:ListBucket", bucketARN(s.state.partition, s.bucket), conditionKeys{}); err != nil {
			return nil, err
		}
		return nil, errorf(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
	}
	a := &answer{status: http.StatusOK, body: o.body, header: http.Header{
		"Etag":          {o.etag},
		"Last-Modified": {o.modified.UTC().Format(http.TimeFormat)},
	}}
	for name, value := range maps.All(o.headers) {
		a.header.Set(name, value)
	}
	if strings.EqualFold(s.r.Header.Get("X-Amz-Checksum-Mode"), "ENABLED") {
		o.addChecksums(a.header)
	}
	return a, nil
}

// deleteObject succeeds for a key that is not there.
func deleteObject(s *s3Call) (*answer, error) {
	if err := s.authorizeS3("s3:DeleteObject", s.objectARN(), conditionKeys{}); err != nil {
		return nil, err
	}
	s.buckets.remove(s.bucket, s.key)
	return &answer{status: http.StatusNoContent}, nil
}
