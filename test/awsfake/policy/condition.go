package policy

import (
	"strconv"
	"strings"
)

// quantifier says how an operator treats a key with several values.
type quantifier int

const (
	anyValue  quantifier = iota // no prefix: some value, absent does not hold
	forAny                      // ForAnyValue:
	forAllQty                   // ForAllValues: also holds for an absent key
)

type condition struct {
	operator   operator
	quantifier quantifier
	ifExists   bool
	key        string
	values     []string
}

// operator is one of IAM's condition operators. A negated operator holds when
// none of its values matches.
type operator struct {
	null    bool
	negated bool
	match   func(want string, got string, ctx Context, variables bool) bool
	valid   func(want string) bool
}

var operators = map[string]operator{
	"StringEquals":              {match: stringMatcher(false, false)},
	"StringNotEquals":           {match: stringMatcher(false, false), negated: true},
	"StringEqualsIgnoreCase":    {match: stringMatcher(false, true)},
	"StringNotEqualsIgnoreCase": {match: stringMatcher(false, true), negated: true},
	"StringLike":                {match: stringMatcher(true, false)},
	"StringNotLike":             {match: stringMatcher(true, false), negated: true},
	"ArnEquals":                 {match: arnMatcher},
	"ArnNotEquals":              {match: arnMatcher, negated: true},
	"ArnLike":                   {match: arnMatcher},
	"ArnNotLike":                {match: arnMatcher, negated: true},
	"Bool":                      {match: boolMatcher, valid: isBool},
	"Null":                      {null: true, valid: isBool},
	"DateEquals":                {match: dateMatcher(func(order int) bool { return order == 0 }), valid: isDate},
	"DateNotEquals":             {match: dateMatcher(func(order int) bool { return order == 0 }), valid: isDate, negated: true},
	"DateLessThan":              {match: dateMatcher(func(order int) bool { return order < 0 }), valid: isDate},
	"DateLessThanEquals":        {match: dateMatcher(func(order int) bool { return order <= 0 }), valid: isDate},
	"DateGreaterThan":           {match: dateMatcher(func(order int) bool { return order > 0 }), valid: isDate},
	"DateGreaterThanEquals":     {match: dateMatcher(func(order int) bool { return order >= 0 }), valid: isDate},
	"NumericEquals":             {match: numberMatcher(func(got, want float64) bool { return got == want }), valid: isNumber},
	"NumericNotEquals":          {match: numberMatcher(func(got, want float64) bool { return got == want }), valid: isNumber, negated: true},
	"NumericLessThan":           {match: numberMatcher(func(got, want float64) bool { return got < want }), valid: isNumber},
	"NumericLessThanEquals":     {match: numberMatcher(func(got, want float64) bool { return got <= want }), valid: isNumber},
	"NumericGreaterThan":        {match: numberMatcher(func(got, want float64) bool { return got > want }), valid: isNumber},
	"NumericGreaterThanEquals":  {match: numberMatcher(func(got, want float64) bool { return got >= want }), valid: isNumber},
}

// unsupportedOperators are IAM's, but need keys that awsfake does not set.
var unsupportedOperators = map[string]bool{
	"IpAddress": true, "NotIpAddress": true, "BinaryEquals": true,
}

// newCondition reads an operator's name with its prefix and suffix.
func newCondition(name, key string, values []string) (condition, error) {
	c := condition{key: key, values: values}
	base := name
	if rest, found := strings.CutPrefix(base, "ForAllValues:"); found {
		base, c.quantifier = rest, forAllQty
	} else if rest, found := strings.CutPrefix(base, "ForAnyValue:"); found {
		base, c.quantifier = rest, forAny
	}
	base, c.ifExists = strings.CutSuffix(base, "IfExists")
	if unsupportedOperators[base] {
		return c, &UnsupportedError{Element: "the condition operator " + name}
	}
	op, known := operators[base]
	if !known || (op.null && (c.ifExists || c.quantifier != anyValue)) {
		return c, malformed("Invalid Condition type : %s.", name)
	}
	c.operator = op
	vendor, rest, found := strings.Cut(key, ":")
	if !found || vendor == "" || rest == "" {
		return c, malformed("Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
	}
	if len(values) == 0 {
		return c, malformed("Missing value in the condition %s.", name)
	}
	for _, value := range values {
		if op.valid != nil && !op.valid(value) {
			return c, malformed("Invalid value %q in the condition %s.", value, name)
		}
	}
	return c, nil
}

// holds follows IAM User Guide, "IAM JSON policy elements: Condition operators"
// and "Multivalued context keys".
func (c condition) holds(ctx Context, variables bool) bool {
	got, present := ctx.Get(c.key)
	if c.operator.null {
		return c.nullHolds(present)
	}
	if !present {
		return c.ifExists || c.quantifier == forAllQty || (c.operator.negated && c.quantifier == anyValue)
	}
	satisfied := func(value string) bool {
		for _, want := range c.values {
			if c.operator.match(want, value, ctx, variables) {
				return !c.operator.negated
			}
		}
		return c.operator.negated
	}
	// Without a set operator a negated condition must hold for every value:
	// otherwise a second value would defeat a deny.
	all := c.quantifier == forAllQty || (c.quantifier == anyValue && c.operator.negated)
	for _, value := range got {
		if satisfied(value) != all {
			return !all
		}
	}
	return all
}

func (c condition) nullHolds(present bool) bool {
	for _, want := range c.values {
		if strings.EqualFold(want, "true") == !present {
			return true
		}
	}
	return false
}

func stringMatcher(wild, fold bool) func(string, string, Context, bool) bool {
	return func(want, got string, ctx Context, variables bool) bool {
		tokens, ok := expand(want, ctx, wild, variables)
		return ok && glob(tokens, got, fold)
	}
}

func arnMatcher(want, got string, ctx Context, variables bool) bool {
	tokens, ok := expand(want, ctx, true, variables)
	return ok && matchARN(tokens, got)
}

func boolMatcher(want, got string, _ Context, _ bool) bool { return strings.EqualFold(want, got) }

func numberMatcher(compare func(got, want float64) bool) func(string, string, Context, bool) bool {
	return func(want, got string, _ Context, _ bool) bool {
		w, err := strconv.ParseFloat(want, 64)
		if err != nil {
			return false
		}
		g, err := strconv.ParseFloat(got, 64)
		return err == nil && compare(g, w)
	}
}

func isBool(s string) bool { return strings.EqualFold(s, "true") || strings.EqualFold(s, "false") }

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}
