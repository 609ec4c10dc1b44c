package mapping

import "strings"

// matchRole reports whether the pattern matches the whole ARN. `*` stands for any number of
// characters but `/` and `:`, so it can leave neither a path element nor an ARN field. The time is
// linear in the length of both.
func matchRole(pattern, arn string) bool {
	for {
		p, a := strings.IndexAny(pattern, "/:"), strings.IndexAny(arn, "/:")
		if p < 0 || a < 0 {
			return p == a && matchElement(pattern, arn)
		}
		if pattern[p] != arn[a] || !matchElement(pattern[:p], arn[:a]) {
			return false
		}
		pattern, arn = pattern[p+1:], arn[a+1:]
	}
}

// matchElement matches one element: each piece of the pattern is taken at its first place, and
// nothing is ever tried twice.
func matchElement(pattern, s string) bool {
	piece, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	s, found := strings.CutPrefix(s, piece)
	if !found {
		return false
	}
	for {
		piece, next, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(s, piece)
		}
		i := strings.Index(s, piece)
		if i < 0 {
			return false
		}
		s, rest = s[i+len(piece):], next
	}
}
