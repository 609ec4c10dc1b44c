package awsfake

import (
	"maps"
	"regexp"
	"slices"
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

func (b *buckets) names() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Sorted(maps.Keys(b.byName))
}

// create makes a bucket or returns the one that has the name.
func (b *buckets) create(name, accountID string) (made *bucket, created bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if existing := b.byName[name]; existing != nil {
		return existing, false
	}
	b.byName[name] = &bucket{accountID: accountID, objects: map[string]*object{}}
	return b.byName[name], true
}
