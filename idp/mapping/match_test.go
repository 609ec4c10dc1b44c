package mapping

import (
	"regexp"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestMatchRole(t *testing.T) {
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
		{"a star does not match a colon", "role/*", "role/a:b", false},
		{"two stars match one path element each", "role/*/*", "role/team/uploader", true},
		{"stars in the middle take the first place that fits", "role/*a*b*", "role/xaybzb", true},
		{"the piece after the last star stands at the end", "role/*-ro", "role/a-ro-rw", false},
		{"pieces do not overlap", "role/ab*ba", "role/aba", false},
		{"case counts", "role/Reports", "role/reports", false},
		{"an empty pattern matches only nothing", "", "role/a", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			NewWithT(t).Expect(matchRole(tt.pattern, tt.arn)).To(Equal(tt.want))
		})
	}
}

// A matcher that tries again after each star would need ages for this one.
func TestMatchRoleIsLinear(t *testing.T) {
	g := NewWithT(t)
	done := make(chan bool)
	go func() { done <- matchRole("role/"+strings.Repeat("a*", 1<<16)+"b", "role/"+strings.Repeat("a", 1<<20)) }()
	g.Eventually(done).WithTimeout(10 * time.Second).Should(Receive(BeFalse()))
}

// The oracle is the regexp package, which is linear too.
func FuzzMatchRole(f *testing.F) {
	f.Add("role/*a*b*", "role/xaybzb")
	f.Add("role/*/*", "role/team/uploader")
	f.Add("**", "")
	f.Fuzz(func(t *testing.T, pattern, arn string) {
		if len(pattern) > 200 {
			return
		}
		var re strings.Builder
		re.WriteString(`^(?s:`)
		for i, piece := range strings.Split(pattern, "*") {
			if i > 0 {
				re.WriteString(`[^/:]*`)
			}
			re.WriteString(regexp.QuoteMeta(piece))
		}
		re.WriteString(`)$`)
		oracle, err := regexp.Compile(re.String())
		if err != nil {
			return // not UTF-8
		}
		if got, want := matchRole(pattern, arn), oracle.MatchString(arn); got != want {
			t.Errorf("matchRole(%q, %q) is %v, want %v", pattern, arn, got, want)
		}
	})
}
