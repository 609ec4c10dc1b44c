package mapping

import (
	"regexp"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestMatchARN(t *testing.T) {
	for _, tt := range []struct {
		name, pattern, arn string
		want               bool
	}{
		{"a pattern without a star matches itself", "arn:aws:iam::1:role/a", "arn:aws:iam::1:role/a", true},
		{"a pattern without a star matches nothing longer", "arn:aws:iam::1:role/a", "arn:aws:iam::1:role/ab", false},
		{"a star matches the rest of a name", "role/reports-*", "role/reports-uploader", true},
		{"a star matches nothing at all", "role/reports-*", "role/reports-", true},
		{"a star does not match a slash", "role/*", "role/admin/root", false},
		{"a star in a path does not match a slash", "role/a*/x", "role/a/b/x", false},
		{"a star in the resource matches a colon", "role/*", "role/a:b", true},
		{"two stars match one path element each", "role/*/*", "role/team/uploader", true},
		{"stars in the middle take the first place that fits", "role/*a*b*", "role/xaybzb", true},
		{"the piece after the last star stands at the end", "role/*-ro", "role/a-ro-rw", false},
		{"pieces do not overlap", "role/ab*ba", "role/aba", false},
		{"a star does not reach into the fields before", "arn:aws:iam::*:role/a", "arn:aws:iam::1:role/a", false},
		{"a pattern of nothing but a star matches nothing", "*", "role/a", false},
		{"a star matches an element that is empty", "role/*/a", "role//a", true},
		{"case counts", "role/Reports", "role/reports", false},
		{"an empty pattern matches only nothing", "", "role/a", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			NewWithT(t).Expect(matchARN(tt.pattern, tt.arn)).To(Equal(tt.want))
		})
	}
}

// A matcher that tries again after each star would need ages for this one.
func TestMatchARNIsLinear(t *testing.T) {
	g := NewWithT(t)
	done := make(chan bool)
	go func() { done <- matchARN("role/"+strings.Repeat("a*", 1<<16)+"b", "role/"+strings.Repeat("a", 1<<20)) }()
	g.Eventually(done).WithTimeout(10 * time.Second).Should(Receive(BeFalse()))
}

// The oracle is the regexp package, which is linear too.
func FuzzMatchARN(f *testing.F) {
	f.Add("role/*a*b*", "role/xaybzb")
	f.Add("role/*/*", "role/team/uploader")
	f.Add("**", "")
	f.Fuzz(func(t *testing.T, pattern, arn string) {
		if len(pattern) > 200 {
			return
		}
		head, path, found := strings.Cut(pattern, "/")
		if !found {
			if matchARN(pattern, arn) {
				t.Errorf("matchARN(%q, %q) is true without a slash in the pattern", pattern, arn)
			}
			return
		}
		var re strings.Builder
		re.WriteString(`^(?s:` + regexp.QuoteMeta(head) + "/")
		for i, piece := range strings.Split(path, "*") {
			if i > 0 {
				re.WriteString(`[^/]*`)
			}
			re.WriteString(regexp.QuoteMeta(piece))
		}
		re.WriteString(`)$`)
		oracle, err := regexp.Compile(re.String())
		if err != nil {
			return // not UTF-8
		}
		if got, want := matchARN(pattern, arn), oracle.MatchString(arn); got != want {
			t.Errorf("matchARN(%q, %q) is %v, want %v", pattern, arn, got, want)
		}
	})
}
