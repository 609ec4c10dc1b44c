package policy

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// Quotas in characters, white space not counted (IAM User Guide, "IAM and AWS STS quotas"). The
// first is for all inline policies of a role together. The second can be raised in an account.
const (
	MaxRoleInlinePolicies = 10240
	MaxTrustPolicy        = 2048
)

// Size counts the characters of a document as IAM's quotas do.
func Size(document string) int {
	n := 0
	for _, r := range document {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

var sidPattern = regexp.MustCompile(`^[A-Za-z0-9]*$`)

// Check says what IAM would refuse in an identity policy, such as an inline policy of a role, as far
// as that can be known without asking: an error names the place and what to write. What it takes
// IAM may still refuse.
func Check(document string) error {
	// IAM API reference, PutRolePolicy, PolicyDocument.
	for i, r := range document {
		if r > 0xFF || r < ' ' && r != '\t' && r != '\n' && r != '\r' {
			line, column := position(document, int64(i)+1)
			return fmt.Errorf("line %d, column %d: %q is not a character that a policy can have: write Latin-1, and others as \\uXXXX", line, column, r)
		}
	}
	statements, err := Parse(document)
	if err != nil {
		return err
	}
	sids := map[string]bool{}
	for i, s := range statements {
		if err := s.checkIdentity(); err != nil {
			return within(statementAt(i), err)
		}
		if s.Sid != "" && sids[s.Sid] {
			return within(statementAt(i), at("Sid", "another statement is called %q already", s.Sid))
		}
		sids[s.Sid] = true
	}
	return nil
}

func (s Statement) checkIdentity() error {
	switch {
	case s.Principal != nil || s.NotPrincipal != nil:
		return at("Principal", "leave it out, the role is the principal of its policies")
	case (s.Resource == nil) == (s.NotResource == nil):
		return at("Resource", "write either Resource or NotResource")
	case !sidPattern.MatchString(s.Sid):
		return at("Sid", "%q has characters other than letters and digits", s.Sid)
	}
	for _, action := range append(s.Action, s.NotAction...) {
		if action != "*" && !strings.Contains(action, ":") {
			return at("Action", "%q names no service: write SERVICE:ACTION, such as s3:GetObject", action)
		}
	}
	for _, resource := range append(s.Resource, s.NotResource...) {
		if resource != "*" && !strings.Contains(resource, ":") {
			return at("Resource", "%q is not an ARN: write \"*\" or an ARN, such as arn:aws:s3:::bucket/*", resource)
		}
	}
	return nil
}
