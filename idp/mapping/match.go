package mapping

import "strings"

// matchARN reports whether the pattern matches the whole ARN. `*` stands for any number of characters
// but `/`, and only behind the first `/`: it can neither leave a path element nor reach into the
// fields of the ARN before its resource. The time is linear in the length of both.
func matchARN(pattern, arn string) bool {
	wantHead, pattern, isPattern := strings.Cut(pattern, "/")
	head, path, isPath := strings.Cut(arn, "/")
	if !isPattern || !isPath || head != wantHead {
		return false
	}
	for {
		wanted, restWanted, more := strings.Cut(pattern, "/")
		element, rest, moreElements := strings.Cut(path, "/")
		if more != moreElements || !matchElement(wanted, element) {
			return false
		}
		if !more {
			return true
		}
		pattern, path = restWanted, rest
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
