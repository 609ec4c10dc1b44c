package awsfake

import "slices"

// attachUserPolicy takes a policy that is attached already: IAM does nothing then.
func attachUserPolicy(c *call) (any, error) {
	arn, err := c.required("PolicyArn", arnRule)
	if err != nil {
		return nil, err
	}
	u, err := c.userWith("iam:AttachUserPolicy", conditionKeys{policy: arn})
	if err != nil {
		return nil, err
	}
	p := c.managedPolicy(arn)
	switch {
	case p == nil:
		return nil, noSuchEntity("Policy %s does not exist or is not attachable.", arn)
	case u.attached[arn] == nil && len(u.attached) >= maxAttachedPolicies:
		return nil, limitExceeded("PoliciesPerUser", maxAttachedPolicies)
	}
	u.attached[arn] = p
	return nil, nil
}

func detachUserPolicy(c *call) (any, error) {
	arn, err := c.required("PolicyArn", arnRule)
	if err != nil {
		return nil, err
	}
	u, err := c.userWith("iam:DetachUserPolicy", conditionKeys{policy: arn})
	if err != nil {
		return nil, err
	}
	if u.attached[arn] == nil {
		return nil, noSuchEntity("Policy %s was not found.", arn)
	}
	delete(u.attached, arn)
	return nil, nil
}

func listAttachedUserPolicies(c *call) (any, error) {
	prefix, err := c.pathPrefix()
	if err != nil {
		return nil, err
	}
	u, err := c.userFor("iam:ListAttachedUserPolicies")
	if err != nil {
		return nil, err
	}
	policies := slices.DeleteFunc(u.attached.sorted(), outside(prefix))
	policies, next, err := page(c.params, policies)
	if err != nil {
		return nil, err
	}
	return listAttachedPoliciesResult{AttachedPolicies: list(attachedViews(policies)), pageInfo: pageEnd(next)}, nil
}
