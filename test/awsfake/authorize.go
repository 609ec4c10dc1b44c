package awsfake

import (
	"fmt"
	"strconv"
	"time"

	"attache.dev/attache/test/awsfake/policy"
)

// principal is the caller of a signed call.
type principal struct {
	account *account
	// arn and userID are what GetCallerIdentity tells.
	arn, userID string
	root        bool
	user        *user
	session     *session
	// policies are the identity policies. boundary and sessionPolicies, if not nil,
	// must allow too (IAM User Guide, "Policy evaluation logic").
	policies        []*policy.Document
	boundary        *policy.Document
	sessionPolicies []*policy.Document
	context         policy.Context
}

// layer is one kind of policies that must allow a call.
type layer struct {
	kind, denies string
	// granted says that something else allows the call already: then only a deny
	// counts.
	granted   bool
	documents []*policy.Document
}

func (p *principal) layers() []layer {
	layers := []layer{{kind: "identity-based policy", denies: "an identity-based policy", documents: p.policies}}
	if p.boundary != nil {
		layers = append(layers, layer{kind: "permissions boundary", denies: "a permissions boundary", documents: []*policy.Document{p.boundary}})
	}
	if p.sessionPolicies != nil {
		layers = append(layers, layer{kind: "session policy", denies: "a session policy", documents: p.sessionPolicies})
	}
	return layers
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
	// call holds keys of the service called, such as s3:prefix.
	call policy.Context
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
	ctx.Merge(k.call)
}

// authorize decides whether the caller may do action to the resource. The root
// user may do everything; a deny fault stops even the root user. An explicit deny of
// any layer comes before what a layer does not allow.
func (c *call) authorize(action, resource string, keys conditionKeys) error {
	if c.principal.root && !c.denied {
		return nil
	}
	return c.evaluate(action, resource, keys, c.principal.layers())
}

func (c *call) evaluate(action, resource string, keys conditionKeys, layers []layer) error {
	if c.denied {
		return c.notAuthorized(action, resource, nothingAllows("identity-based policy", action))
	}
	ctx := policy.Context{}
	ctx.Merge(c.principal.context)
	setTime(ctx, c.now)
	keys.addTo(ctx)
	request := policy.Request{Action: action, Resource: resource, Context: ctx}
	missing := ""
	for _, l := range layers {
		switch policy.Evaluate(request, l.documents...) {
		case policy.ExplicitDeny:
			return c.notAuthorized(action, resource, "with an explicit deny in "+l.denies)
		case policy.ImplicitDeny:
			if missing == "" && !l.granted {
				missing = l.kind
			}
		}
	}
	if missing != "" {
		return c.notAuthorized(action, resource, nothingAllows(missing, action))
	}
	return nil
}

// authorizeCreate also asks for the tagging action if the call carries tags, as
// IAM does.
func (c *call) authorizeCreate(action, tagAction, arn string, keys conditionKeys) error {
	if err := c.authorize(action, arn, keys); err != nil {
		return err
	}
	if len(keys.request) == 0 {
		return nil
	}
	return c.authorize(tagAction, arn, conditionKeys{request: keys.request})
}

// setTime sets the condition keys of the call's time.
func setTime(ctx policy.Context, now time.Time) {
	ctx.Set("aws:CurrentTime", timestamp(now))
	ctx.Set("aws:EpochTime", strconv.FormatInt(now.Unix(), 10))
}

func nothingAllows(kind, action string) string {
	return fmt.Sprintf("because no %s allows the %s action", kind, action)
}

// notAuthorized words a denial as IAM does (IAM User Guide, "Troubleshoot access
// denied error messages").
func (c *call) notAuthorized(action, resource, because string) error {
	if c.op.service == s3Service {
		resource = strconv.Quote(resource) // S3 quotes it, IAM does not
	}
	return accessDenied("User: %s is not authorized to perform: %s on resource: %s %s", c.principal.arn, action, resource, because)
}
