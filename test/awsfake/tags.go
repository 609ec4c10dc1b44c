package awsfake

import (
	"regexp"
	"sort"
	"strings"
	"unicode/utf8"

	"attache.dev/attache/test/awsfake/policy"
)

// Limits of tags (IAM User Guide, "IAM and AWS STS quotas").
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

type tag struct {
	Key   string `xml:"Key"`
	Value string `xml:"Value"`
}

// tagSet holds tags by key in lower case: keys are unique without regard to case.
type tagSet map[string]tag

func newTagSet(tags []tag) tagSet {
	set := tagSet{}
	set.put(tags)
	return set
}

func (s tagSet) put(tags []tag) {
	for _, t := range tags {
		s[strings.ToLower(t.Key)] = t
	}
}

// merged returns the set with tags put into it, or the quota's error.
func (s tagSet) merged(tags []tag, quota string) (tagSet, error) {
	both := newTagSet(s.sorted())
	both.put(tags)
	if len(both) > maxTags {
		return nil, limitExceeded(quota, maxTags)
	}
	return both, nil
}

func (s tagSet) sorted() []tag {
	tags := make([]tag, 0, len(s))
	for _, t := range s {
		tags = append(tags, t)
	}
	sort.Slice(tags, func(i, j int) bool { return tags[i].Key < tags[j].Key })
	return tags
}

// addTo sets the condition keys prefix/KEY.
func (s tagSet) addTo(ctx policy.Context, prefix string) {
	for _, t := range s {
		ctx.Set(prefix+"/"+t.Key, t.Value)
	}
}

// tagProblem says in AWS's words what is wrong with tags, or "".
func tagProblem(tags []tag) string {
	seen := map[string]bool{}
	for _, t := range tags {
		key := strings.ToLower(t.Key)
		switch {
		case t.Key == "" || utf8.RuneCountInString(t.Key) > maxTagKey || !tagText.MatchString(t.Key):
			return `Tag keys must be 1-128 characters of [\p{L}\p{Z}\p{N}_.:/=+\-@]`
		case utf8.RuneCountInString(t.Value) > maxTagValue || !tagText.MatchString(t.Value):
			return `Tag values must be 0-256 characters of [\p{L}\p{Z}\p{N}_.:/=+\-@]`
		case strings.HasPrefix(key, "aws:"):
			return "Tag keys must not begin with the reserved prefix aws:"
		case seen[key]:
			return "Duplicate tag keys found. Please note that Tag keys are case insensitive."
		}
		seen[key] = true
	}
	return ""
}
