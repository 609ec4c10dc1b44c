package assertion

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"attache.dev/attache/idp"
)

// Limits of session tags (IAM User Guide, "Pass session tags in AWS STS"; AWS STS API Reference, Tag).
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
	reservedTag = "aws:"
)

var tagTexts = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// checkTags refuses tags that STS would not take, and names the tag. How large STS packs them
// together cannot be known before it has done so.
func checkTags(tags []idp.Tag) *idp.Refusal {
	if len(tags) > maxTags {
		return denied(ReasonInvalidGrant, "the session has %d tags and AWS takes %d: write fewer", len(tags), maxTags)
	}
	for i, t := range tags {
		if n := utf8.RuneCountInString(t.Key); n == 0 || n > maxTagKey || !tagTexts.MatchString(t.Key) {
			return denied(ReasonInvalidGrant, "the tag key %q must be 1 to %d letters, digits, spaces and _.:/=+-@", t.Key, maxTagKey)
		}
		if len(t.Key) >= len(reservedTag) && strings.EqualFold(t.Key[:len(reservedTag)], reservedTag) {
			return denied(ReasonInvalidGrant, "the tag key %q must not begin with %s, which AWS keeps for itself", t.Key, reservedTag)
		}
		if utf8.RuneCountInString(t.Value) > maxTagValue || !tagTexts.MatchString(t.Value) {
			return denied(ReasonInvalidGrant, "the value %q of tag %q must be at most %d letters, digits, spaces and _.:/=+-@", t.Value, t.Key, maxTagValue)
		}
		for _, other := range tags[:i] {
			if strings.EqualFold(t.Key, other.Key) {
				return denied(ReasonInvalidGrant, "the tag keys %q and %q are the same to AWS, which does not regard case: leave one out", other.Key, t.Key)
			}
		}
	}
	return nil
}
