package awsfake

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// params are the parameters of one call. Member names in messages are those of
// the parameters with a small first letter, as AWS prints them.
type params struct {
	form   url.Values
	paging paging
}

// rule bounds a text parameter, in characters.
type rule struct {
	min, max int
	pattern  *regexp.Regexp
	// sensitive keeps the value out of the message.
	sensitive bool
}

func member(name string) string { return strings.ToLower(name[:1]) + name[1:] }

// required returns a parameter that must be there.
func (p params) required(name string, r rule) (string, error) {
	if !p.form.Has(name) {
		return "", constraintError(nil, member(name), "Member must not be null")
	}
	value, _, err := p.optional(name, r)
	return value, err
}

// optional returns a parameter and whether it is there.
func (p params) optional(name string, r rule) (value string, present bool, err error) {
	if !p.form.Has(name) {
		return "", false, nil
	}
	value = p.form.Get(name)
	shown := &value
	if r.sensitive {
		shown = nil
	}
	switch length := utf8.RuneCountInString(value); {
	case length < r.min:
		return "", true, constraintError(shown, member(name), fmt.Sprintf("Member must have length greater than or equal to %d", r.min))
	case length > r.max:
		return "", true, constraintError(shown, member(name), fmt.Sprintf("Member must have length less than or equal to %d", r.max))
	case r.pattern != nil && !r.pattern.MatchString(value):
		return "", true, constraintError(shown, member(name), "Member must satisfy regular expression pattern: "+r.pattern.String())
	}
	return value, true, nil
}

// integer returns a number from least to most and whether it is there.
func (p params) integer(name string, least, most int) (value int, present bool, err error) {
	if !p.form.Has(name) {
		return 0, false, nil
	}
	text := p.form.Get(name)
	value, err = strconv.Atoi(text)
	switch {
	case err != nil:
		return 0, true, errorf(400, "MalformedInput", "%s is not a number", name)
	case value < least:
		return 0, true, constraintError(&text, member(name), fmt.Sprintf("Member must have value greater than or equal to %d", least))
	case value > most:
		return 0, true, constraintError(&text, member(name), fmt.Sprintf("Member must have value less than or equal to %d", most))
	}
	return value, true, nil
}

// list returns name.member.1, name.member.2 and so on up to the first gap.
func (p params) list(name string) []string {
	var values []string
	for i := 1; ; i++ {
		key := fmt.Sprintf("%s.member.%d", name, i)
		if !p.form.Has(key) {
			return values
		}
		values = append(values, p.form.Get(key))
	}
}

// tags returns the parameter Tags, checked.
func (p params) tags() ([]tag, error) {
	var tags []tag
	for i := 1; ; i++ {
		prefix := fmt.Sprintf("Tags.member.%d.", i)
		if !p.form.Has(prefix+"Key") || !p.form.Has(prefix+"Value") {
			break
		}
		tags = append(tags, tag{Key: p.form.Get(prefix + "Key"), Value: p.form.Get(prefix + "Value")})
	}
	if problem := tagProblem(tags); problem != "" {
		return nil, invalidInput("%s", problem)
	}
	if len(tags) > maxTags {
		return nil, limitExceeded("TagsPerResource", maxTags)
	}
	return tags, nil
}

// requiredTags is tags for a call that must carry some.
func (p params) requiredTags() ([]tag, error) {
	tags, err := p.tags()
	if err == nil && len(tags) == 0 {
		return nil, constraintError(nil, "tags", "Member must not be null")
	}
	return tags, err
}

// tagKeys returns the parameter TagKeys of a call that must carry some.
func (p params) tagKeys() ([]string, error) {
	keys := p.list("TagKeys")
	if len(keys) == 0 {
		return nil, constraintError(nil, "tagKeys", "Member must not be null")
	}
	return keys, nil
}

// unknown returns a parameter that is not one of allowed, or "".
func (p params) unknown(allowed []string) string {
	for key := range p.form {
		name, _, _ := strings.Cut(key, ".")
		known := name == "Action" || name == "Version"
		for _, a := range allowed {
			known = known || name == a
		}
		if !known {
			return name
		}
	}
	return ""
}
