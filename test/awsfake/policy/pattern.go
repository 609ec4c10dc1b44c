package policy

import (
	"strings"
	"unicode"
)

type tokenKind int

const (
	literal tokenKind = iota
	anyOne            // ?
	anyRun            // *
)

type token struct {
	kind tokenKind
	r    rune
}

// literalTokens turns pattern into tokens; wildcards count if wild is true.
func literalTokens(pattern string, wild bool) []token {
	tokens := make([]token, 0, len(pattern))
	for _, r := range pattern {
		switch {
		case wild && r == '*':
			tokens = append(tokens, token{kind: anyRun})
		case wild && r == '?':
			tokens = append(tokens, token{kind: anyOne})
		default:
			tokens = append(tokens, token{r: r})
		}
	}
	return tokens
}

// expand replaces policy variables and then reads wildcards, so that a wildcard
// inside a variable's value stays a plain character. ok is false if a variable
// has neither a single value nor a default: then the pattern matches nothing
// (IAM User Guide, "IAM policy elements: Variables and tags").
func expand(pattern string, ctx Context, wild, variables bool) (tokens []token, ok bool) {
	if !variables {
		return literalTokens(pattern, wild), true
	}
	for {
		before, rest, found := strings.Cut(pattern, "${")
		tokens = append(tokens, literalTokens(before, wild)...)
		if !found {
			return tokens, true
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, false
		}
		value, known := variable(name, ctx)
		if !known {
			return nil, false
		}
		tokens = append(tokens, literalTokens(value, false)...)
		pattern = after
	}
}

func variable(name string, ctx Context) (string, bool) {
	if name == "*" || name == "?" || name == "$" {
		return name, true
	}
	key, fallback, hasDefault := strings.Cut(name, ",")
	if values, ok := ctx.Get(strings.TrimSpace(key)); ok && len(values) == 1 {
		return values[0], true
	}
	if !hasDefault {
		return "", false
	}
	fallback = strings.TrimSpace(fallback)
	if len(fallback) < 2 || fallback[0] != '\'' || fallback[len(fallback)-1] != '\'' {
		return "", false
	}
	return fallback[1 : len(fallback)-1], true
}

// glob matches value in linear space with one point of backtracking: the last *.
func glob(pattern []token, value string, fold bool) bool {
	text := []rune(value)
	p, t, star, resume := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p].kind == anyRun:
			star, resume = p, t
			p++
		case p < len(pattern) && matchOne(pattern[p], text[t], fold):
			p++
			t++
		case star >= 0:
			resume++
			p, t = star+1, resume
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p].kind == anyRun {
		p++
	}
	return p == len(pattern)
}

func matchOne(want token, got rune, fold bool) bool {
	switch {
	case want.kind == anyOne:
		return true
	case want.kind != literal:
		return false
	case fold:
		return unicode.ToLower(want.r) == unicode.ToLower(got)
	default:
		return want.r == got
	}
}

// matchARN compares the six parts of an ARN one by one: a wildcard never
// reaches over a colon (IAM User Guide, "Amazon Resource Name condition
// operators").
func matchARN(pattern []token, value string) bool {
	wanted := splitTokens(pattern)
	got := strings.SplitN(value, ":", arnParts)
	if len(wanted) != len(got) || len(got) != arnParts {
		return false
	}
	for i := range wanted {
		if !glob(wanted[i], got[i], false) {
			return false
		}
	}
	return true
}

const arnParts = 6

func splitTokens(tokens []token) [][]token {
	parts := [][]token{{}}
	for _, t := range tokens {
		if t.kind == literal && t.r == ':' && len(parts) < arnParts {
			parts = append(parts, []token{})
			continue
		}
		last := len(parts) - 1
		parts[last] = append(parts[last], t)
	}
	return parts
}
