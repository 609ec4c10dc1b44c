package awsfake

import (
	"errors"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
)

func TestBucketsAreBounded(t *testing.T) {
	code := func(err error) string {
		var refused *apiError
		if errors.As(err, &refused) {
			return refused.code
		}
		return ""
	}
	g := NewWithT(t)
	b := newBuckets()
	for i := range maxBuckets {
		g.Expect(b.create(fmt.Sprintf("bucket-%d", i), "111122223333")).To(Succeed())
	}
	g.Expect(code(b.create("bucket-0", "111122223333"))).To(Equal("BucketAlreadyOwnedByYou"))
	g.Expect(code(b.create("bucket-0", "444455556666"))).To(Equal("BucketAlreadyExists"))
	g.Expect(code(b.create("one-more", "111122223333"))).To(Equal("TooManyBuckets"))

	full := &object{body: make([]byte, maxObjectBytes)}
	for i := range maxAllObjects / maxObjectBytes {
		g.Expect(b.put("bucket-0", fmt.Sprint(i), full)).To(Succeed())
	}
	g.Expect(code(b.put("bucket-1", "one-more", &object{body: []byte("x")}))).To(Equal("ServiceUnavailable"))
	g.Expect(b.put("bucket-0", "0", full)).To(Succeed(), "what is replaced does not count twice")
	b.remove("bucket-0", "0")
	b.remove("bucket-0", "0")
	g.Expect(b.put("bucket-1", "one-more", &object{body: []byte("x")})).To(Succeed())
}

func TestBucketNames(t *testing.T) {
	for name, want := range map[string]bool{
		"reports": true, "a.b-c": true, "abc": true,
		"ab": false, "Reports": false, "-abc": false, "abc.": false, "a_bc": false, "": false,
	} {
		NewWithT(t).Expect(validBucketName(name)).To(Equal(want), name)
	}
}
