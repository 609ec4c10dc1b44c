package policy

import "strings"

// Covers tells whether the statement speaks of an action, such as sts:TagSession. Actions are
// compared without regard to case (IAM User Guide, "IAM JSON policy elements: Action").
func (s Statement) Covers(action string) bool {
	for _, pattern := range s.Action {
		if Match(strings.ToLower(pattern), strings.ToLower(action)) {
			return true
		}
	}
	for _, pattern := range s.NotAction {
		if Match(strings.ToLower(pattern), strings.ToLower(action)) {
			return false
		}
	}
	return s.NotAction != nil
}

// Match tells whether a pattern, in which `*` stands for any characters and `?` for one byte,
// matches all of s. The time is at most the product of the lengths.
func Match(pattern, s string) bool {
	p, i := 0, 0
	star, resume := -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0: // let the last star take one more
			resume++
			p, i = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
