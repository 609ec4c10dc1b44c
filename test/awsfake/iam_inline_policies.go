package awsfake

import (
	"sort"

	"attache.dev/attache/test/awsfake/policy"
)

var policyNameRule = rule{min: 1, max: 128, pattern: nameText}

// inlinePolicies are the policies inside a role or a user, by name.
type inlinePolicies map[string]inlinePolicy

type inlinePolicy struct {
	text   string
	parsed *policy.Document
}

func (p inlinePolicies) documents() []*policy.Document {
	documents := make([]*policy.Document, 0, len(p))
	for _, entry := range p {
		documents = append(documents, entry.parsed)
	}
	return documents
}

// policyOwner is a role or a user as the owner of inline policies.
type policyOwner struct {
	kind, name string
	policies   inlinePolicies
	// maxLength bounds all policies together, without white space.
	maxLength int
}

// ownerOf authorizes one of the four inline-policy actions and returns the owner.
type ownerOf struct {
	find func(c *call, action string) (policyOwner, error)
	kind string
}

var (
	roleOwner = ownerOf{kind: "Role", find: func(c *call, action string) (policyOwner, error) {
		r, err := c.roleFor(action)
		if err != nil {
			return policyOwner{}, err
		}
		return policyOwner{kind: "role", name: r.name, policies: r.policies, maxLength: maxRoleInlinePolicies}, nil
	}}
	userOwner = ownerOf{kind: "User", find: func(c *call, action string) (policyOwner, error) {
		u, err := c.userFor(action)
		if err != nil {
			return policyOwner{}, err
		}
		return policyOwner{kind: "user", name: u.name, policies: u.policies, maxLength: maxUserInlinePolicies}, nil
	}}
)

func putPolicy(of ownerOf) func(*call) (any, error) {
	return func(c *call) (any, error) {
		owner, err := of.find(c, "iam:Put"+of.kind+"Policy")
		if err != nil {
			return nil, err
		}
		name, err := c.required("PolicyName", policyNameRule)
		if err != nil {
			return nil, err
		}
		text, err := c.required("PolicyDocument", documentRule)
		if err != nil {
			return nil, err
		}
		parsed, err := policy.ParseIdentity(text)
		if err != nil {
			return nil, policyError(err)
		}
		length := countedLength(text)
		for other, entry := range owner.policies {
			if other != name {
				length += countedLength(entry.text)
			}
		}
		if length > owner.maxLength {
			return nil, errorf(409, "LimitExceeded", "Maximum policy size of %d bytes exceeded for %s %s", owner.maxLength, owner.kind, owner.name)
		}
		owner.policies[name] = inlinePolicy{text: text, parsed: parsed}
		return nil, nil
	}
}

type getPolicyResult struct {
	RoleName       string `xml:"RoleName,omitempty"`
	UserName       string `xml:"UserName,omitempty"`
	PolicyName     string `xml:"PolicyName"`
	PolicyDocument string `xml:"PolicyDocument"`
}

// namedPolicy authorizes an action and finds the policy that PolicyName names.
func (of ownerOf) namedPolicy(c *call, action string) (policyOwner, string, error) {
	owner, err := of.find(c, action)
	if err != nil {
		return owner, "", err
	}
	name, err := c.required("PolicyName", policyNameRule)
	if err != nil {
		return owner, "", err
	}
	if _, found := owner.policies[name]; !found {
		return owner, "", noSuchEntity("The %s policy with name %s cannot be found.", owner.kind, name)
	}
	return owner, name, nil
}

func getPolicy(of ownerOf) func(*call) (any, error) {
	return func(c *call) (any, error) {
		owner, name, err := of.namedPolicy(c, "iam:Get"+of.kind+"Policy")
		if err != nil {
			return nil, err
		}
		result := getPolicyResult{PolicyName: name, PolicyDocument: encodeDocument(owner.policies[name].text)}
		if of.kind == "Role" {
			result.RoleName = owner.name
		} else {
			result.UserName = owner.name
		}
		return result, nil
	}
}

func deletePolicy(of ownerOf) func(*call) (any, error) {
	return func(c *call) (any, error) {
		owner, name, err := of.namedPolicy(c, "iam:Delete"+of.kind+"Policy")
		if err != nil {
			return nil, err
		}
		delete(owner.policies, name)
		return nil, nil
	}
}

type listPoliciesResult struct {
	PolicyNames members[string] `xml:"PolicyNames"`
	pageInfo
}

func listPolicies(of ownerOf) func(*call) (any, error) {
	return func(c *call) (any, error) {
		owner, err := of.find(c, "iam:List"+of.kind+"Policies")
		if err != nil {
			return nil, err
		}
		names := []string{}
		for name := range owner.policies {
			names = append(names, name)
		}
		sort.Strings(names)
		names, next, err := page(c.params, names)
		if err != nil {
			return nil, err
		}
		return listPoliciesResult{PolicyNames: list(names), pageInfo: pageEnd(next)}, nil
	}
}
