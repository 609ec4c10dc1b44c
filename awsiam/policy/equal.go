package policy

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Equal tells whether two documents say the same although they are written differently.
func Equal(a, b string) bool { return a == b || Canonical(a) == Canonical(b) }

// Canonical returns a form of the document that is the same for documents that differ in nothing but
// white space, escapes, the order of keys, statements and values, values that stand twice, and in
// whether a single value is in a list. What is not a policy is returned as it is. Documents of
// different meaning never have the same form.
func Canonical(document string) string {
	o, err := decode(document)
	if err != nil {
		return document
	}
	if statement, found := o["Statement"]; found {
		o["Statement"] = canonicalStatements(statement)
	}
	out, err := json.Marshal(o)
	// encoding/json reads what is not Unicode as this rune, so that different strings look the same.
	if err != nil || strings.ContainsRune(string(out), utf8.RuneError) {
		return document
	}
	return string(out)
}

// canonicalStatements sorts: the order of statements has no meaning (IAM User Guide, "Policy
// evaluation logic").
func canonicalStatements(value any) any {
	items := list(value)
	statements := make([]string, 0, len(items))
	for _, item := range items {
		if s, ok := item.(object); ok {
			canonicalStatement(s)
		}
		out, err := json.Marshal(item)
		if err != nil {
			return value
		}
		statements = append(statements, string(out))
	}
	slices.Sort(statements)
	sorted := make([]json.RawMessage, 0, len(statements))
	for _, s := range statements {
		sorted = append(sorted, json.RawMessage(s))
	}
	return sorted
}

func canonicalStatement(s object) {
	for _, element := range []string{"Action", "NotAction", "Resource", "NotResource"} {
		if value, found := s[element]; found {
			s[element] = canonicalSet(value, textOf)
		}
	}
	for _, element := range []string{"Principal", "NotPrincipal"} {
		if byType, ok := s[element].(object); ok {
			for name, value := range byType {
				byType[name] = canonicalSet(value, textOf)
			}
		}
	}
	byOperator, ok := s["Condition"].(object)
	if !ok {
		return
	}
	for _, byKey := range byOperator {
		if conditions, ok := byKey.(object); ok {
			for key, value := range conditions {
				conditions[key] = canonicalSet(value, scalarOf)
			}
		}
	}
}

// canonicalSet returns a single value or a list as a sorted list of different strings. A value that
// text does not know is returned as it is.
func canonicalSet(value any, text func(any) (string, bool)) any {
	items := list(value)
	set := make([]string, 0, len(items))
	for _, item := range items {
		s, ok := text(item)
		if !ok {
			return value
		}
		set = append(set, s)
	}
	slices.Sort(set)
	return slices.Compact(set)
}

func textOf(value any) (string, bool) {
	s, ok := value.(string)
	return s, ok
}

// wholeNumber has one way to be written only; of 1.0 and 1e2 nobody says which string they are.
var wholeNumber = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)

// scalarOf knows that conditions compare strings: true is "true" and 5 is "5" (IAM User Guide,
// "Grammar of the IAM JSON policy language", condition values).
func scalarOf(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case bool:
		if v {
			return "true", true
		}
		return "false", true
	case json.Number:
		return v.String(), wholeNumber.MatchString(v.String())
	default:
		return "", false
	}
}

// anyScalarOf is scalarOf for reading, where no two ways of writing are compared.
func anyScalarOf(value any) (string, bool) {
	if n, ok := value.(json.Number); ok {
		return n.String(), true
	}
	return scalarOf(value)
}
