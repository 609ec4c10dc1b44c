package assertion

import (
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"attache.dev/attache/idp"
)

// maxEntityID is the length of an entity identifier (SAML 2.0 core, section 8.3.6).
const maxEntityID = 1024

// check refuses a statement that cannot be said in XML, and names the field.
func check(st idp.Statement) *idp.Refusal {
	for _, field := range []struct{ name, value string }{
		{"issuer", st.Issuer},
		{"NameID", st.NameID},
		{"NameID format", st.NameIDFormat},
		{"audience", st.Audience},
		{"recipient", st.Recipient},
	} {
		if field.value == "" {
			return denied(ReasonInvalidStatement, "the %s is empty", field.name)
		}
		if r := checkText(field.name, field.value); r != nil {
			return r
		}
	}
	if utf8.RuneCountInString(st.Issuer) > maxEntityID {
		return denied(ReasonInvalidStatement, "the issuer has more than %d characters", maxEntityID)
	}
	for i, a := range st.Attributes {
		if a.Name == "" {
			return denied(ReasonInvalidStatement, "the name of attribute %d is empty", i)
		}
		if r := checkText(fmt.Sprintf("name of attribute %d", i), a.Name); r != nil {
			return r
		}
		for _, v := range a.Values {
			if r := checkText(fmt.Sprintf("value of attribute %q", a.Name), v); r != nil {
				return r
			}
		}
	}
	// SAML's times are written in whole seconds here.
	if st.Lifetime < time.Second || st.SessionLifetime < time.Second {
		return denied(ReasonInvalidStatement, "the lifetimes of assertion and session must be at least a second, not %s and %s", st.Lifetime, st.SessionLifetime)
	}
	return nil
}

// checkText refuses what XML 1.0 cannot hold (section 2.2) and, beyond that, control characters,
// which nobody means to write. TAB, CR and LF are written as they are.
func checkText(field, s string) *idp.Refusal {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return denied(ReasonInvalidStatement, "the %s is not UTF-8 at byte %d", field, i)
			}
		}
		if r == '\t' || r == '\r' || r == '\n' {
			continue
		}
		if unicode.IsControl(r) || r == 0xFFFE || r == 0xFFFF {
			return denied(ReasonInvalidStatement, "the %s holds %U at byte %d, which an assertion cannot: leave it out", field, r, i)
		}
	}
	return nil
}
