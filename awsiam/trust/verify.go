package trust

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"attache.dev/attache/awsiam/policy"
)

const (
	federated   = "Federated"
	audienceKey = "SAML:aud"
)

// Need is what a mapping needs of the trust of an existing role.
type Need struct {
	// ProviderARN of the IAM SAML provider whose assertions are presented.
	ProviderARN string
	// Recipient of the assertions: what SAML:aud is compared with.
	Recipient string
	// Duration of the sessions.
	Duration time.Duration
	// TagSession and SourceIdentity tell whether assertions carry session tags and a source identity.
	TagSession, SourceIdentity bool
}

// Verify returns what keeps a role with that trust policy and maximum session duration (0 if it is
// not known) from serving the need, each with what to write, or nothing. A condition on anything but
// SAML:aud is taken to hold: whether it does depends on the assertion.
func Verify(document string, maxSession time.Duration, need Need) []string {
	statements, err := policy.Parse(document)
	if err != nil {
		return []string{fmt.Sprintf("the trust policy cannot be read: %v", err)}
	}
	var missing []string
	add := func(problem string) {
		if problem != "" {
			missing = append(missing, problem)
		}
	}
	add(need.assume(statements))
	if need.TagSession {
		add(need.further(statements, tagSession, "session tags"))
	}
	if need.SourceIdentity {
		add(need.further(statements, setSourceIdentity, "a source identity"))
	}
	if maxSession > 0 && maxSession < need.Duration {
		add(fmt.Sprintf("the role's maximum session duration is %s and sessions of %s are asked for: raise the one or lower session.duration", maxSession, need.Duration))
	}
	return missing
}

func (n Need) assume(statements []policy.Statement) string {
	if n.denied(statements, assumeRole) {
		return fmt.Sprintf("a Deny statement refuses %s to %s: take it away", assumeRole, n.ProviderARN)
	}
	var audiences []string
	named, assumable := false, false
	for _, s := range statements {
		if s.Effect != policy.Allow || !n.named(s) {
			continue
		}
		named = true
		if !s.Covers(assumeRole) {
			continue
		}
		assumable = true
		holds, demanded, values := n.audience(s)
		if holds && demanded {
			return ""
		}
		audiences = append(audiences, values...)
	}
	switch {
	case !named:
		return fmt.Sprintf("no statement admits %s: add %s", n.ProviderARN, n.statement())
	case !assumable:
		return fmt.Sprintf("no statement allows %s to %s: add %q to the Action of the statement that names it", assumeRole, n.ProviderARN, assumeRole)
	case len(audiences) == 0:
		return fmt.Sprintf("the statement that admits %s does not demand %s, so that an assertion for any recipient would do: "+
			`add "Condition": {"StringEquals": {%q: %q}}`, n.ProviderARN, audienceKey, audienceKey, n.Recipient)
	default:
		return fmt.Sprintf("%s is compared with %q and is %q in assertions: add that to the values of the condition", audienceKey, audiences, n.Recipient)
	}
}

// further looks for an action that STS asks for beside AssumeRoleWithSAML.
func (n Need) further(statements []policy.Statement, action, what string) string {
	if n.denied(statements, action) {
		return fmt.Sprintf("a Deny statement refuses %s to %s, and assertions carry %s: take it away", action, n.ProviderARN, what)
	}
	for _, s := range statements {
		if s.Effect != policy.Allow || !n.named(s) || !s.Covers(action) {
			continue
		}
		if holds, _, _ := n.audience(s); holds {
			return ""
		}
	}
	return fmt.Sprintf("%s is not allowed to %s, and assertions carry %s: add %q to the Action of the statement that names it", action, n.ProviderARN, what, action)
}

// denied tells whether a statement is sure to deny: one with conditions on other keys may not apply.
func (n Need) denied(statements []policy.Statement, action string) bool {
	return slices.ContainsFunc(statements, func(s policy.Statement) bool {
		if s.Effect != policy.Deny || !s.Covers(action) || !n.named(s) && s.Principal[policy.Anybody] == nil {
			return false
		}
		for _, byKey := range s.Condition {
			for key := range byKey {
				if !strings.EqualFold(key, audienceKey) {
					return false
				}
			}
		}
		holds, _, _ := n.audience(s)
		return holds
	})
}

func (n Need) named(s policy.Statement) bool {
	return slices.Contains(s.Principal[federated], n.ProviderARN)
}

// audience tells whether the conditions on SAML:aud hold for the recipient, and whether one of them
// demands it rather than excludes others.
func (n Need) audience(s policy.Statement) (holds, demanded bool, values []string) {
	holds = true
	for _, name := range slices.Sorted(maps.Keys(s.Condition)) {
		for key, wanted := range s.Condition[name] {
			compare, negated, known := stringOperator(name)
			if !strings.EqualFold(key, audienceKey) || !known {
				continue
			}
			equal := slices.ContainsFunc(wanted, func(value string) bool { return compare(value, n.Recipient) })
			holds = holds && equal != negated
			if !negated {
				demanded = true
				values = append(values, wanted...)
			}
		}
	}
	return holds, demanded, values
}

// stringOperator returns how a condition operator compares a wanted value with the one of the
// request (IAM User Guide, "IAM JSON policy elements: Condition operators"). The set operators make
// no difference for a key that always has one value.
func stringOperator(name string) (compare func(wanted, got string) bool, negated, known bool) {
	name = strings.TrimSuffix(name, "IfExists")
	name = strings.TrimPrefix(strings.TrimPrefix(name, "ForAnyValue:"), "ForAllValues:")
	switch name {
	case "StringEquals", "StringNotEquals":
		compare = func(wanted, got string) bool { return wanted == got }
	case "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase":
		compare = strings.EqualFold
	case "StringLike", "StringNotLike":
		compare = policy.Match
	default:
		return nil, false, false
	}
	return compare, strings.HasPrefix(name, "StringNot"), true
}

// statement is what to add to a trust policy.
func (n Need) statement() string {
	actions := []string{assumeRole}
	if n.TagSession {
		actions = append(actions, tagSession)
	}
	if n.SourceIdentity {
		actions = append(actions, setSourceIdentity)
	}
	// A list of strings always has a JSON form.
	out, _ := json.Marshal(actions)
	return fmt.Sprintf(`{"Effect": "Allow", "Principal": {%q: %q}, "Action": %s, "Condition": {"StringEquals": {%q: %q}}}`,
		federated, n.ProviderARN, out, audienceKey, n.Recipient)
}
