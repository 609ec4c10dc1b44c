package awsfake

import (
	"encoding/xml"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds of what is kept in memory.
const (
	maxBuckets     = 100
	maxObjectBytes = 4 << 20
	maxAllObjects  = 64 << 20
)

// validBucketName checks the rules that do not look at words (Amazon S3 User
// Guide, "Bucket naming rules").
var validBucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`).MatchString

func bucketARN(partition, bucket string) string { return "arn:" + partition + ":s3:::" + bucket }

func objectARN(partition, bucket, key string) string {
	return bucketARN(partition, bucket) + "/" + key
}

// buckets are S3's; their names are unique in the whole partition.
type buckets struct {
	mu     sync.Mutex
	byName map[string]*bucket
	// bytes is the size of all objects together.
	bytes int
}

type bucket struct {
	accountID string
	objects   map[string]*object
}

// object is never changed, only replaced.
type object struct {
	body     []byte
	etag     string
	modified time.Time
	// headers are Content-Type and user metadata, checksums the headers that
	// x-amz-checksum-mode asks for.
	headers, checksums map[string]string
}

func newBuckets() *buckets { return &buckets{byName: map[string]*bucket{}} }

// names returns the names of the accounts' buckets, in order.
func (b *buckets) names(accountIDs []string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	names := []string{}
	for name, bucket := range b.byName {
		if slices.Contains(accountIDs, bucket.accountID) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// find returns the bucket or nil.
func (b *buckets) find(name string) *bucket {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.byName[name]
}

func (b *buckets) create(name, accountID string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	existing := b.byName[name]
	switch {
	case existing != nil && existing.accountID == accountID:
		return errBucketOwned
	case existing != nil:
		return errorf(http.StatusConflict, "BucketAlreadyExists", "The requested bucket name is not available.")
	case len(b.byName) >= maxBuckets:
		return errorf(http.StatusBadRequest, "TooManyBuckets", "You have attempted to create more buckets than allowed")
	}
	b.byName[name] = &bucket{accountID: accountID, objects: map[string]*object{}}
	return nil
}

var errBucketOwned = errorf(http.StatusConflict, "BucketAlreadyOwnedByYou",
	"Your previous request to create the named bucket succeeded and you already own it.")

// object returns the object or nil. The bucket is there.
func (b *buckets) object(bucket, key string) *object {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.byName[bucket].objects[key]
}

func (b *buckets) put(bucket, key string, o *object) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	objects := b.byName[bucket].objects
	bytes := b.bytes + len(o.body)
	if old := objects[key]; old != nil {
		bytes -= len(old.body)
	}
	if bytes > maxAllObjects {
		return errorf(http.StatusServiceUnavailable, "ServiceUnavailable", "awsfake keeps at most %d bytes of objects", maxAllObjects)
	}
	objects[key], b.bytes = o, bytes
	return nil
}

func (b *buckets) remove(bucket, key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	objects := b.byName[bucket].objects
	if old := objects[key]; old != nil {
		b.bytes -= len(old.body)
		delete(objects, key)
	}
}

// listed is an object with its key.
type listed struct {
	*object
	key string
}

// list returns the objects below a prefix, by key.
func (b *buckets) list(bucket, prefix string) []listed {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []listed
	for key, o := range b.byName[bucket].objects {
		if strings.HasPrefix(key, prefix) {
			found = append(found, listed{object: o, key: key})
		}
	}
	slices.SortFunc(found, func(x, y listed) int { return strings.Compare(x.key, y.key) })
	return found
}

type bucketConfiguration struct {
	LocationConstraint string `xml:"LocationConstraint"`
}

// createBucket wants the region in the body, except in us-east-1, which has no
// name there (Amazon S3 API Reference, CreateBucket).
func createBucket(s *s3Call) (*answer, error) {
	if err := s.authorize("s3:CreateBucket", bucketARN(s.state.partition, s.bucket), conditionKeys{}); err != nil {
		return nil, err
	}
	if !validBucketName(s.bucket) {
		return nil, errorf(http.StatusBadRequest, "InvalidBucketName", "The specified bucket is not valid.")
	}
	p, err := s.readPayload()
	if err != nil {
		return nil, err
	}
	var configuration bucketConfiguration
	if len(p.data) > 0 && xml.Unmarshal(p.data, &configuration) != nil {
		return nil, errorf(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
	}
	given, want := configuration.LocationConstraint, s.region
	if want == "us-east-1" {
		want = ""
	}
	if given != want {
		if given == "" {
			given = "unspecified"
		}
		return nil, errorf(http.StatusBadRequest, "IllegalLocationConstraintException",
			"The %s location constraint is incompatible for the region specific endpoint this request was sent to.", given)
	}
	if err := s.buckets.create(s.bucket, s.principal.account.id); err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, header: http.Header{"Location": {"/" + s.bucket}}}, nil
}
