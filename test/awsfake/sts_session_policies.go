package awsfake

import (
	"fmt"
	"net/http"
	"unicode/utf8"

	"attache.dev/attache/test/awsfake/policy"
)

// Limits of session policies (STS API Reference, AssumeRoleWithSAML). The packed
// size has a limit of its own, which nobody outside of AWS can compute.
const (
	maxSessionPolicyARNs  = 10
	maxSessionPolicyPlain = 2048
)

var sessionPolicyRule = rule{min: 1, max: maxSessionPolicyPlain}

// sessionPolicies are the parameters Policy and PolicyArns.
type sessionPolicies struct {
	inline *policy.Document
	arns   []string
}

func (c *call) readSessionPolicies() (sessionPolicies, error) {
	var p sessionPolicies
	text, given, err := c.optional("Policy", sessionPolicyRule)
	if err != nil {
		return p, err
	}
	if given {
		if p.inline, err = policy.ParseIdentity(text); err != nil {
			return p, policyError(err)
		}
	}
	if p.arns, err = c.policyARNs(); err != nil {
		return p, err
	}
	plain := utf8.RuneCountInString(text)
	for _, arn := range p.arns {
		plain += utf8.RuneCountInString(arn)
	}
	if plain > maxSessionPolicyPlain {
		return p, errorf(http.StatusBadRequest, "PackedPolicyTooLarge",
			"Packed policy consumes %d%% of allotted space, please use smaller policy.", plain*100/maxSessionPolicyPlain)
	}
	return p, nil
}

// policyARNs returns PolicyArns.member.N.arn.
func (p params) policyARNs() ([]string, error) {
	var arns []string
	for i := 1; ; i++ {
		name := fmt.Sprintf("PolicyArns.member.%d.arn", i)
		arn, given, err := p.optional(name, arnRule)
		switch {
		case err != nil:
			return nil, err
		case !given && len(arns) > maxSessionPolicyARNs:
			return nil, constraintError(nil, "policyArns", fmt.Sprintf("Member must have length less than or equal to %d", maxSessionPolicyARNs))
		case !given:
			return arns, nil
		}
		arns = append(arns, arn)
	}
}

// documents finds the managed policies in the role's account. The result is nil if
// the call named no policy at all: then the session may do what its role may.
func (p sessionPolicies) documents(s *state, account *account) ([]*policy.Document, error) {
	var documents []*policy.Document
	if p.inline != nil {
		documents = append(documents, p.inline)
	}
	for _, arn := range p.arns {
		managed := s.managedPolicy(account, arn)
		if managed == nil {
			return nil, validationError("Policy %s does not exist or is not attachable.", arn)
		}
		documents = append(documents, managed.parsed)
	}
	return documents, nil
}
