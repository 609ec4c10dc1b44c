// Package policy parses and evaluates IAM policy documents: the identity
// policies of users and roles, session policies, and the trust policies of
// roles. It is pure: a document and a request go in, a decision comes out.
//
// It is strict about what it reads: an element or an operator that IAM does not
// know is a *MalformedError, one that IAM knows and this package does not
// evaluate is an *UnsupportedError. Nothing is skipped in silence.
package policy

import "fmt"

// Effect is what a statement that applies does.
type Effect string

// The effects of the policy grammar.
const (
	Allow Effect = "Allow"
	Deny  Effect = "Deny"
)

// Principal types of a trust policy (IAM User Guide, "AWS JSON policy elements:
// Principal").
const (
	AWS       = "AWS"
	Federated = "Federated"
	Service   = "Service"
)

// Document is a parsed policy document.
type Document struct {
	Statements []Statement
	// variables says whether ${key} is replaced: only version 2012-10-17 does so.
	variables bool
}

// Statement is one statement of a Document.
type Statement struct {
	Sid    string
	Effect Effect
	// Principals holds the principals by type; nil in an identity policy.
	Principals map[string][]string

	actions     []string
	notActions  bool
	resources   []string
	notResource bool
	conditions  []condition
}

// MalformedError is a document that IAM refuses as MalformedPolicyDocument.
type MalformedError struct{ Message string }

// Error returns IAM's message.
func (e *MalformedError) Error() string { return e.Message }

func malformed(format string, args ...any) error {
	return &MalformedError{Message: fmt.Sprintf(format, args...)}
}

// UnsupportedError names an element that IAM takes and this package cannot
// evaluate: better refused than decided wrongly.
type UnsupportedError struct{ Element string }

// Error names the element.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("awsfake does not evaluate %s in a policy document", e.Element)
}

// Request is what a document is asked about.
type Request struct {
	// Action in the form "iam:CreateRole".
	Action string
	// Resource is an ARN or "*"; ignored by trust policies.
	Resource string
	// PrincipalType and Principal say who asks; ignored by identity policies.
	PrincipalType, Principal string
	// Context holds the condition keys.
	Context Context
}

// Decision is the outcome of an evaluation.
type Decision int

// The decisions, in the order of IAM's evaluation logic: an explicit deny wins
// over any allow, and what nothing allows is denied.
const (
	ImplicitDeny Decision = iota
	Allowed
	ExplicitDeny
)

// Evaluate decides r by all documents together (IAM User Guide, "Policy
// evaluation logic").
func Evaluate(r Request, documents ...*Document) Decision {
	decision := ImplicitDeny
	for _, d := range documents {
		for i := range d.Statements {
			s := &d.Statements[i]
			if !s.applies(r, d.variables) {
				continue
			}
			if s.Effect == Deny {
				return ExplicitDeny
			}
			decision = Allowed
		}
	}
	return decision
}

func (s *Statement) applies(r Request, variables bool) bool {
	if s.Principals != nil && !s.namesPrincipal(r) {
		return false
	}
	if s.namesAction(r.Action) == s.notActions {
		return false
	}
	if s.resources != nil && s.namesResource(r, variables) == s.notResource {
		return false
	}
	for _, c := range s.conditions {
		if !c.holds(r.Context, variables) {
			return false
		}
	}
	return true
}

func (s *Statement) namesPrincipal(r Request) bool {
	for _, p := range s.Principals[r.PrincipalType] {
		if p == r.Principal {
			return true
		}
	}
	return false
}

func (s *Statement) namesAction(action string) bool {
	for _, pattern := range s.actions {
		if glob(literalTokens(pattern, true), action, true) {
			return true
		}
	}
	return false
}

func (s *Statement) namesResource(r Request, variables bool) bool {
	for _, pattern := range s.resources {
		tokens, ok := expand(pattern, r.Context, true, variables)
		if ok && glob(tokens, r.Resource, false) {
			return true
		}
	}
	return false
}
