package policy

import (
	"fmt"
	"maps"
	"slices"
)

// Effects of a statement.
const (
	Allow = "Allow"
	Deny  = "Deny"
)

// Anybody is the principal type under which the principal "*" is found.
const Anybody = "*"

// Statement is one statement of a document. Elements that it does not have are nil.
type Statement struct {
	Sid, Effect string
	// Principal and NotPrincipal hold principals by type, such as Federated.
	Principal, NotPrincipal map[string][]string
	Action, NotAction       []string
	Resource, NotResource   []string
	// Condition holds values by operator and key, both as they are written.
	Condition map[string]map[string][]string
}

var (
	documentElements  = []string{"Version", "Id", "Statement"}
	statementElements = []string{"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)

// Parse reads a document of any type. The error says where it leaves the grammar and what to write.
func Parse(document string) ([]Statement, error) {
	o, err := decode(document)
	if err != nil {
		return nil, err
	}
	if err := o.onlyHas(documentElements); err != nil {
		return nil, err
	}
	if version, found := o["Version"]; found && version != "2012-10-17" && version != "2008-10-17" {
		return nil, at("Version", `write "2012-10-17"`)
	}
	if _, err := o.text("Id"); err != nil {
		return nil, err
	}
	items := list(o["Statement"])
	if len(items) == 0 || items[0] == nil {
		return nil, at("Statement", "write a list of at least one statement")
	}
	statements := make([]Statement, 0, len(items))
	for i, item := range items {
		s, err := parseStatement(item)
		if err != nil {
			return nil, within(statementAt(i), err)
		}
		statements = append(statements, s)
	}
	return statements, nil
}

func statementAt(i int) string { return fmt.Sprintf("Statement[%d]", i) }

func parseStatement(value any) (s Statement, err error) {
	o, ok := value.(object)
	if !ok {
		return s, at("", "write an object")
	}
	if err := o.onlyHas(statementElements); err != nil {
		return s, err
	}
	if s.Sid, err = o.text("Sid"); err != nil {
		return s, err
	}
	if s.Effect, err = o.text("Effect"); err != nil {
		return s, err
	}
	if s.Effect != Allow && s.Effect != Deny {
		return s, at("Effect", "write %q or %q", Allow, Deny)
	}
	for _, e := range []struct {
		element string
		into    *[]string
	}{{"Action", &s.Action}, {"NotAction", &s.NotAction}, {"Resource", &s.Resource}, {"NotResource", &s.NotResource}} {
		if *e.into, err = o.texts(e.element, textOf); err != nil {
			return s, err
		}
	}
	if (s.Action == nil) == (s.NotAction == nil) {
		return s, at("Action", "write either Action or NotAction")
	}
	if s.Principal, err = parsePrincipals(o, "Principal"); err != nil {
		return s, err
	}
	if s.NotPrincipal, err = parsePrincipals(o, "NotPrincipal"); err != nil {
		return s, err
	}
	s.Condition, err = parseConditions(o)
	return s, err
}

func parsePrincipals(o object, element string) (map[string][]string, error) {
	if o[element] == Anybody {
		return map[string][]string{Anybody: {Anybody}}, nil
	}
	byType, err := o.member(element)
	if err != nil || byType == nil {
		return nil, err
	}
	principals := map[string][]string{}
	for _, name := range byType.keys() {
		if principals[name], err = byType.texts(name, textOf); err != nil {
			return nil, within(element, err)
		}
	}
	return principals, nil
}

func parseConditions(o object) (map[string]map[string][]string, error) {
	byOperator, err := o.member("Condition")
	if err != nil || byOperator == nil {
		return nil, err
	}
	conditions := map[string]map[string][]string{}
	for _, operator := range byOperator.keys() {
		byKey, err := byOperator.member(operator)
		if err != nil {
			return nil, within("Condition", err)
		}
		conditions[operator] = map[string][]string{}
		for _, key := range byKey.keys() {
			if conditions[operator][key], err = byKey.texts(key, anyScalarOf); err != nil {
				return nil, within("Condition."+operator, err)
			}
		}
	}
	return conditions, nil
}

func (o object) keys() []string { return slices.Sorted(maps.Keys(o)) }

func (o object) onlyHas(known []string) error {
	for _, key := range o.keys() {
		if !slices.Contains(known, key) {
			return at("", "%q is not an element of the policy grammar: write one of %q", key, known)
		}
	}
	return nil
}

// text returns a string that may be missing.
func (o object) text(key string) (string, error) {
	value, found := o[key]
	if !found {
		return "", nil
	}
	s, ok := value.(string)
	if !ok {
		return "", at(key, "write a string")
	}
	return s, nil
}

// texts returns a value or a list of them, nil if it is missing.
func (o object) texts(key string, text func(any) (string, bool)) ([]string, error) {
	value, found := o[key]
	if !found {
		return nil, nil
	}
	items := list(value)
	if len(items) == 0 {
		return nil, at(key, "write at least one value")
	}
	texts := make([]string, 0, len(items))
	for _, item := range items {
		s, ok := text(item)
		if !ok {
			return nil, at(key, "write a string or a list of strings")
		}
		texts = append(texts, s)
	}
	return texts, nil
}

// member returns an object inside this one, nil if it is missing.
func (o object) member(key string) (object, error) {
	value, found := o[key]
	if !found {
		return nil, nil
	}
	inner, ok := value.(object)
	if !ok {
		return nil, at(key, "write an object")
	}
	return inner, nil
}

func list(value any) []any {
	if items, isList := value.([]any); isList {
		return items
	}
	return []any{value}
}
