package awsfake

import (
	"maps"
	"slices"
	"strings"

	"attache.dev/attache/test/awsfake/policy"
)

// maxAttachedPolicies is the default quota of a role and of a user (IAM User Guide,
// "IAM and AWS STS quotas").
const maxAttachedPolicies = 10

// attachedPolicies are the managed policies of a role or a user, by ARN.
type attachedPolicies map[string]*managedPolicy

func (a attachedPolicies) documents() []*policy.Document {
	documents := make([]*policy.Document, 0, len(a))
	for _, p := range a {
		documents = append(documents, p.parsed)
	}
	return documents
}

func (a attachedPolicies) sorted() []*managedPolicy {
	return slices.SortedFunc(maps.Values(a), func(x, y *managedPolicy) int { return strings.Compare(x.name, y.name) })
}

// attachRolePolicy takes a policy that is attached already: IAM does nothing then.
func attachRolePolicy(c *call) (any, error) {
	arn, err := c.required("PolicyArn", arnRule)
	if err != nil {
		return nil, err
	}
	r, err := c.roleWith("iam:AttachRolePolicy", conditionKeys{policy: arn})
	if err != nil {
		return nil, err
	}
	p := c.managedPolicy(arn)
	switch {
	case p == nil:
		return nil, noSuchEntity("Policy %s does not exist or is not attachable.", arn)
	case r.attached[arn] == nil && len(r.attached) >= maxAttachedPolicies:
		return nil, limitExceeded("PoliciesPerRole", maxAttachedPolicies)
	}
	r.attached[arn] = p
	return nil, nil
}

func detachRolePolicy(c *call) (any, error) {
	arn, err := c.required("PolicyArn", arnRule)
	if err != nil {
		return nil, err
	}
	r, err := c.roleWith("iam:DetachRolePolicy", conditionKeys{policy: arn})
	if err != nil {
		return nil, err
	}
	if r.attached[arn] == nil {
		return nil, noSuchEntity("Policy %s was not found.", arn)
	}
	delete(r.attached, arn)
	return nil, nil
}

type attachedPolicyView struct {
	PolicyName string `xml:"PolicyName"`
	PolicyArn  string `xml:"PolicyArn"`
}

func attachedViews(policies []*managedPolicy) []attachedPolicyView {
	views := []attachedPolicyView{}
	for _, p := range policies {
		views = append(views, attachedPolicyView{PolicyName: p.name, PolicyArn: p.arn})
	}
	return views
}

type listAttachedPoliciesResult struct {
	AttachedPolicies members[attachedPolicyView] `xml:"AttachedPolicies"`
	pageInfo
}

func listAttachedRolePolicies(c *call) (any, error) {
	prefix, err := c.pathPrefix()
	if err != nil {
		return nil, err
	}
	r, err := c.roleFor("iam:ListAttachedRolePolicies")
	if err != nil {
		return nil, err
	}
	policies := slices.DeleteFunc(r.attached.sorted(), outside(prefix))
	policies, next, err := page(c.params, policies)
	if err != nil {
		return nil, err
	}
	return listAttachedPoliciesResult{AttachedPolicies: list(attachedViews(policies)), pageInfo: pageEnd(next)}, nil
}

// outside finds the policies whose path does not begin with the prefix.
func outside(prefix string) func(*managedPolicy) bool {
	return func(p *managedPolicy) bool { return !strings.HasPrefix(p.path, prefix) }
}
