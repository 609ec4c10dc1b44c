package awsfake

import (
	"fmt"

	"attache.dev/attache/test/awsfake/policy"
)

// principal is the caller of a signed call.
type principal struct {
	account *account
	// arn and userID are what GetCallerIdentity tells.
	arn, userID string
	root        bool
	user        *user
	// policies are the identity policies; sessionPolicies, if not nil, must allow
	// too (IAM User Guide, "Session policies").
	policies        []*policy.Document
	sessionPolicies []*policy.Document
	context         policy.Context
}

// conditionKeys are what an authorization knows of the call and of the resource
// beside the caller (Service Authorization Reference, "AWS Identity and Access
// Management").
type conditionKeys struct {
	// request holds the tags that the call carries, keys the keys it names.
	request []tag
	keys    []string
	// resource holds the tags of an existing resource.
	resource tagSet
	// boundary and policy are ARNs of managed policies: iam:PermissionsBoundary and
	// iam:PolicyARN.
	boundary, policy string
}

func (k conditionKeys) addTo(ctx policy.Context) {
	newTagSet(k.request).addTo(ctx, "aws:RequestTag")
	keys := append([]string(nil), k.keys...)
	for _, tag := range k.request {
		keys = append(keys, tag.Key)
	}
	ctx.Set("aws:TagKeys", keys...)
	k.resource.addTo(ctx, "aws:ResourceTag")
	k.resource.addTo(ctx, "iam:ResourceTag")
	if k.boundary != "" {
		ctx.Set("iam:PermissionsBoundary", k.boundary)
	}
	if k.policy != "" {
		ctx.Set("iam:PolicyARN", k.policy)
	}
}

// authorize decides whether the caller may do action to the resource. The root
// user may do everything; a deny fault stops even the root user.
func (c *call) authorize(action, resource string, keys conditionKeys) error {
	if c.denied {
		return c.notAuthorized(action, resource, nothingAllows("identity-based", action))
	}
	if c.principal.root {
		return nil
	}
	ctx := policy.Context{}
	ctx.Merge(c.principal.context)
	keys.addTo(ctx)
	request := policy.Request{Action: action, Resource: resource, Context: ctx}
	switch policy.Evaluate(request, c.principal.policies...) {
	case policy.ExplicitDeny:
		return c.notAuthorized(action, resource, "with an explicit deny in an identity-based policy")
	case policy.ImplicitDeny:
		return c.notAuthorized(action, resource, nothingAllows("identity-based", action))
	}
	if c.principal.sessionPolicies == nil {
		return nil
	}
	switch policy.Evaluate(request, c.principal.sessionPolicies...) {
	case policy.ExplicitDeny:
		return c.notAuthorized(action, resource, "with an explicit deny in a session policy")
	case policy.ImplicitDeny:
		return c.notAuthorized(action, resource, nothingAllows("session", action))
	}
	return nil
}

func nothingAllows(kind, action string) string {
	return fmt.Sprintf("because no %s policy allows the %s action", kind, action)
}

// notAuthorized words a denial as IAM does (IAM User Guide, "Troubleshoot access
// denied error messages").
func (c *call) notAuthorized(action, resource, because string) error {
	return accessDenied("User: %s is not authorized to perform: %s on resource: %s %s", c.principal.arn, action, resource, because)
}
